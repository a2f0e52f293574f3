//! The addresses of pages, with the path prefix that a proxy removes.

use std::fmt;

use flowruns_domain::id::{FlowId, RunKey};

use crate::assets;

/// Makes addresses for the pages of one request. An address below the prefix begins with `/ui`.
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
pub(crate) struct Links {
    prefix: String,
}

impl Links {
    /// Links with the beginning of the path that proxies removed: empty, or `/` and segments.
    pub(crate) fn new(prefix: &str) -> Self {
        Self { prefix: prefix.to_owned() }
    }

    /// An address below the prefix as a link: a constant, a [`Query`](crate::address::Query), or the address of a page.
    pub(crate) fn to(&self, address: impl fmt::Display) -> String {
        format!("{}{address}", self.prefix)
    }

    /// The page of a flow.
    pub(crate) fn flow(&self, flow: FlowId) -> String {
        self.to(flow_path(flow))
    }

    /// The page of a run.
    pub(crate) fn run(&self, run: RunKey) -> String {
        self.to(run_path(run))
    }

    pub(crate) fn style_sheet(&self) -> String {
        self.to(assets::style_sheet_path())
    }

    pub(crate) fn script(&self) -> String {
        self.to(assets::script_path())
    }
}

/// The page of a flow, below the prefix.
pub(crate) fn flow_path(flow: FlowId) -> String {
    format!("/ui/flows/{flow}")
}

/// The page of a run, below the prefix.
pub(crate) fn run_path(run: RunKey) -> String {
    format!("{}{}", runs_path(run.flow), run.run)
}

/// What the paths of all runs of a flow begin with; the id of the run follows.
pub(crate) fn runs_path(flow: FlowId) -> String {
    format!("/ui/flows/{flow}/runs/")
}

pub(crate) const OVERVIEW: &str = "/ui";
pub(crate) const OVERVIEW_JSON: &str = "/ui.json";
/// The template of [`flow_path`].
pub(crate) const FLOW: &str = "/ui/flows/{flow}";
/// The list of runs on the page of a flow.
pub(crate) const FLOW_RUNS: &str = "/ui/flows/{flow}/runs";
/// The template of [`run_path`].
pub(crate) const RUN: &str = "/ui/flows/{flow}/runs/{run}";
pub(crate) const RUNS: &str = "/ui/runs";
pub(crate) const RUNS_JSON: &str = "/ui/runs.json";
pub(crate) const RUNS_CSV: &str = "/ui/runs.csv";
pub(crate) const TIMELINE: &str = "/ui/timeline";
pub(crate) const TIMELINE_JSON: &str = "/ui/timeline.json";
pub(crate) const END: &str = "/ui/end";
pub(crate) const REPORT: &str = "/ui/report";
pub(crate) const STREAM: &str = "/ui/stream";
pub(crate) const GO: &str = "/ui/go";
pub(crate) const PREFERENCES: &str = "/ui/preferences";
pub(crate) const SIGN_IN: &str = "/ui/sign-in";
pub(crate) const SIGN_OUT: &str = "/ui/sign-out";

/// Whether an address that a client sent may be the target of a redirect: a page of this service, below the prefix. Browsers
/// treat `\` as `/` and drop control characters, so neither may be in it.
pub(crate) fn is_own(address: &str) -> bool {
    let rest = address.strip_prefix(OVERVIEW);
    let is_page = rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?', '.']));
    is_page && address.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_address_below_ui_is_a_target_of_redirects() {
        for own in ["/ui", "/ui?show=late", "/ui/runs?status=failed&since=24h", "/ui.json"] {
            assert!(is_own(own), "{own}");
        }
        for other in [
            "",
            "/",
            "/uix",
            "//evil.example",
            "/\\evil.example",
            "https://evil.example/ui",
            "ui",
            "/ui/\r\nset-cookie: a=b",
            "/ui\\..\\..",
            "/ui/ä",
            "/ui /runs",
            "javascript:alert(1)",
        ] {
            assert!(!is_own(other), "{other}");
        }
    }

    #[test]
    fn links_begin_with_the_prefix() {
        assert_eq!(Links::new("/team").to(RUNS), "/team/ui/runs");
        assert_eq!(Links::default().to(RUNS), "/ui/runs");
    }
}
