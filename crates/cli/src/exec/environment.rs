//! What the command finds in its environment.

use std::{env, ffi::OsString};

use flowruns_client::{FlowId, Ids as _, RunId, TimeOrderedIds, Timestamp};

use super::child::Launch;

/// Variables that lead to a token. The command gets them only with `--share-token`.
const TOKEN_VARIABLES: [&str; 7] = [
    "FLOWRUNS_TOKEN",
    "FLOWRUNS_TOKEN_FILE",
    "FLOWRUNS_TOKEN_COMMAND",
    "FLOWRUNS_ISSUER",
    "FLOWRUNS_CLIENT_ID",
    "FLOWRUNS_CLIENT_SECRET_FILE",
    "FLOWRUNS_SCOPE",
];
const TRACE_PARENT: &str = "TRACEPARENT";

/// What the environment of the command says about its run.
#[derive(Debug)]
pub(super) struct Environment<'a> {
    /// `None` when `exec` does not know it: the variable stays as it is.
    pub(super) url: Option<&'a str>,
    /// As it was given.
    pub(super) flow: &'a str,
    /// If it is known before the server is asked.
    pub(super) flow_id: Option<FlowId>,
    pub(super) run: RunId,
    pub(super) start: Timestamp,
    /// `None` when no file can be made.
    pub(super) statistics: Option<OsString>,
    pub(super) share_token: bool,
}

impl Environment<'_> {
    pub(super) fn set(self, launch: &mut Launch) {
        let mut set = |name, value: Option<OsString>| launch.environment.push((name, value));
        if let Some(url) = self.url {
            set("FLOWRUNS_URL", Some(url.into()));
        }
        set("FLOWRUNS_FLOW", Some(self.flow.into()));
        set("FLOWRUNS_FLOW_ID", self.flow_id.map(|id| id.to_string().into()));
        set("FLOWRUNS_RUN_ID", Some(self.run.to_string().into()));
        set("FLOWRUNS_STATISTICS", self.statistics);
        let parent = env::var(TRACE_PARENT).ok();
        let trace = parent.as_deref().and_then(trace_of);
        if trace.is_none() {
            // It belongs to a trace that is not known.
            set("TRACESTATE", None);
        }
        set(TRACE_PARENT, Some(trace_parent(trace, self.run, self.start).into()));
        if !self.share_token {
            for name in TOKEN_VARIABLES {
                set(name, None);
            }
        }
    }
}

/// A W3C `traceparent` for the command: a new span in this trace, or in a trace whose id is that of the run.
fn trace_parent(trace: Option<Trace<'_>>, run: RunId, start: Timestamp) -> String {
    let random = TimeOrderedIds.next(start).simple().to_string();
    // The second half of a UUID of version 7 is random but for its first two bits, so it is never zero.
    let span = &random[16..];
    match trace {
        Some(Trace { id, flags }) => format!("00-{id}-{span}-{flags}"),
        None => format!("00-{}-{span}-01", run.uuid().simple()),
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Trace<'a> {
    id: &'a str,
    flags: &'a str,
}

/// Reads a `traceparent`. `None` when it is invalid.
fn trace_of(parent: &str) -> Option<Trace<'_>> {
    let is_hexadecimal = |text: &str, length| {
        text.len() == length && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    };
    let is_zero = |text: &str| text.bytes().all(|byte| byte == b'0');
    let mut parts = parent.split('-');
    let (version, id, span, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let is_valid = is_hexadecimal(version, 2)
        && version != "ff"
        && is_hexadecimal(id, 32)
        && !is_zero(id)
        && is_hexadecimal(span, 16)
        && !is_zero(span)
        && is_hexadecimal(flags, 2)
        // Later versions may have more parts.
        && (version != "00" || parts.next().is_none());
    is_valid.then_some(Trace { id, flags })
}

#[cfg(test)]
mod tests {
    use super::*;

    const RUN: &str = "0197f3a0-5c1e-7c3a-9d53-2f3a1b6c7d8e";
    const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00";

    #[test]
    fn a_trace_is_continued_and_otherwise_begun_with_the_id_of_the_run() {
        let run = RUN.parse().unwrap();
        let begun = trace_parent(None, run, Timestamp::default());
        let begun_of = trace_of(&begun).unwrap();
        assert_eq!((begun_of.id, begun_of.flags), (RUN.replace('-', "").as_str(), "01"));
        let trace = trace_of(PARENT).unwrap();
        let continued = trace_parent(Some(trace), run, Timestamp::default());
        assert_eq!(trace_of(&continued), Some(trace));
        assert_ne!(continued, PARENT);
    }

    #[test]
    fn an_invalid_trace_is_not_continued() {
        for parent in [
            "",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-00",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-00",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-00",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00-x",
        ] {
            assert_eq!(trace_of(parent), None, "{parent}");
        }
        let later = PARENT.replacen("00", "01", 1) + "-more";
        assert!(trace_of(&later).is_some());
    }
}
