//! Normalizes each path before it is routed: names in their usual case, keys as segments, no `/` at the end, and at most one
//! run before the process.

#[cfg(test)]
mod tests;

use std::{borrow::Cow, sync::Arc};

use axum::http::{Request, Uri, uri::PathAndQuery};
use flowruns_domain::{run::Via, text::excerpt};
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// The collections that have keys.
const COLLECTIONS: [&str; 2] = ["incomingFlows", "runs"];
const PROCESS: &str = "process";
const COUNT: &str = "$count";
/// The other segments that have a fixed name.
const NAMES: [&str; 11] = [
    "industryData",
    PROCESS,
    "history",
    "beta",
    COUNT,
    "$metadata",
    "$batch",
    "openapi.json",
    "docs",
    "livez",
    "readyz",
];
/// Replaces a key that cannot be read.
const NO_KEY: &str = "-";
/// The capacity for the segments of most paths.
const USUAL_SEGMENTS: usize = 8;
/// A path without a route.
const NO_ROUTE: &str = "/$unknown";
/// How many runs a path may go through before the last one, which is a parameter of its route.
const MAX_EARLIER_RUNS: usize = Via::MAX - 1;

/// The URI as the client sent it: an extension of a request whose path was normalized.
#[derive(Clone, Debug)]
pub(crate) struct SentUri(pub(crate) Uri);

/// The parts of a path that are not parameters of its route.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct PathKeys {
    /// The ids of the runs whose process the path goes through, except for the last.
    pub(crate) earlier_runs: Vec<String>,
    /// The error of a key in parentheses.
    pub(crate) error: Option<String>,
}

/// Normalizes the path of a request. Most paths are normal already and are left as they are.
pub(crate) fn normalize<B>(mut request: Request<B>) -> Request<B> {
    if is_certainly_normal(request.uri().path()) {
        return request;
    }
    let (path, keys) = normal(request.uri().path());
    if let Some(path) = path
        && let Some(uri) = with_path(request.uri(), &path)
    {
        let sent = std::mem::replace(request.uri_mut(), uri);
        request.extensions_mut().insert(SentUri(sent));
    }
    if keys != PathKeys::default() {
        request.extensions_mut().insert(Arc::new(keys));
    }
    request
}

fn with_path(uri: &Uri, path: &str) -> Option<Uri> {
    let path_and_query = match uri.query() {
        Some(query) => format!("{path}?{query}"),
        None => path.to_owned(),
    };
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(PathAndQuery::try_from(path_and_query).ok()?);
    Uri::from_parts(parts).ok()
}

/// Whether the path certainly has the form of the routes: a cheap check that most requests pass. A path that fails it may have
/// that form, too.
fn is_certainly_normal(path: &str) -> bool {
    let Some(segments) = path.as_bytes().strip_prefix(b"/") else {
        return false;
    };
    let mut expects_key = false;
    let mut processes = 0;
    segments.split(|byte| *byte == b'/').all(|segment| {
        if std::mem::take(&mut expects_key) {
            let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'-';
            return !segment.is_empty() && segment.iter().all(is_plain);
        }
        processes += usize::from(segment == PROCESS.as_bytes());
        expects_key = COLLECTIONS.iter().any(|name| name.as_bytes() == segment);
        let is_name = expects_key || NAMES.iter().any(|name| name.as_bytes() == segment);
        is_name && processes < 2
    })
}

/// The path in the form of the routes, unless it has that form already.
fn normal(path: &str) -> (Option<String>, PathKeys) {
    let no_route = || (Some(NO_ROUTE.to_owned()), PathKeys::default());
    let mut keys = PathKeys::default();
    let Some(below_root) = path.strip_prefix('/') else {
        return (None, keys);
    };
    let sent = below_root.strip_suffix('/').unwrap_or(below_root);
    let Some(mut segments) = segments(sent, &mut keys) else {
        return no_route();
    };
    shorten(&mut segments, &mut keys);
    if keys.earlier_runs.len() > MAX_EARLIER_RUNS {
        return no_route();
    }
    let is_normal = below_root.split('/').eq(segments.iter().map(|segment| &**segment));
    let path = (!is_normal).then(|| format!("/{}", segments.join("/")));
    (path, keys)
}

/// The segments in their usual form; `None` if one that begins with `$` is not a known resource.
fn segments<'p>(path: &'p str, keys: &mut PathKeys) -> Option<Vec<Cow<'p, str>>> {
    let mut segments: Vec<Cow<'p, str>> = Vec::with_capacity(USUAL_SEGMENTS);
    let mut sent = path.split('/').peekable();
    let mut expects_key = false;
    while let Some(segment) = sent.next() {
        if expects_key {
            segments.push(key_segment(segment, sent.peek().is_none())?);
            expects_key = false;
        } else if let Some((collection, key)) = parenthesised(segment) {
            let key = key.unwrap_or_else(|error| {
                keys.error.get_or_insert(error);
                NO_KEY.to_owned()
            });
            let key = utf8_percent_encode(&key, NON_ALPHANUMERIC).to_string();
            segments.extend([Cow::Borrowed(collection), Cow::Owned(key)]);
        } else {
            let name = named(segment);
            expects_key = COLLECTIONS.contains(&name.as_ref());
            segments.push(name);
        }
    }
    Some(segments)
}

/// The segment where a key is expected: a key, or `$count` at the end.
fn key_segment(segment: &str, is_last: bool) -> Option<Cow<'_, str>> {
    let decoded = percent_decode_str(segment).decode_utf8_lossy();
    if !decoded.starts_with('$') {
        return Some(Cow::Borrowed(segment));
    }
    let is_count = is_last && decoded.eq_ignore_ascii_case(COUNT);
    is_count.then_some(Cow::Borrowed(COUNT))
}

/// A name in its usual case; one that is not known stays as it is.
fn named(segment: &str) -> Cow<'_, str> {
    let decoded = percent_decode_str(segment).decode_utf8_lossy();
    let mut known = NAMES.iter().chain(&COLLECTIONS);
    let name = known.find(|name| name.eq_ignore_ascii_case(&decoded));
    Cow::Borrowed(name.map_or(segment, |name| *name))
}

/// The collection and the key of `runs('x')`, or the error of the key.
fn parenthesised(segment: &str) -> Option<(&'static str, Result<String, String>)> {
    if !segment.contains('(') && !segment.contains("%28") {
        return None;
    }
    let decoded = percent_decode_str(segment).decode_utf8().ok()?;
    let (name, predicate) = decoded.split_once('(')?;
    let mut collections = COLLECTIONS.into_iter();
    let collection = collections.find(|collection| collection.eq_ignore_ascii_case(name))?;
    let key = key(predicate).ok_or_else(|| {
        format!(
            "{:?} is not a key; an id in parentheses is in single quotes, such as \
             {collection}('0197f3a0-5c1e-7c3a-9d53-2f3a1b6c7d8e'); or send it as a segment: \
             {collection}/0197f3a0-5c1e-7c3a-9d53-2f3a1b6c7d8e",
            excerpt(&decoded)
        )
    });
    Some((collection, key))
}

/// The key in `'x')` or `id='x')`.
fn key(predicate: &str) -> Option<String> {
    let inner = predicate.strip_suffix(')')?.trim();
    let value = match inner.split_once('=') {
        Some((name, value)) if name.trim().eq_ignore_ascii_case("id") => value.trim(),
        Some(_) => return None,
        None => inner,
    };
    let literal = value.strip_prefix('\'')?.strip_suffix('\'')?;
    let key = literal.replace("''", "'");
    (!key.is_empty()).then_some(key)
}

/// Removes all but the last of consecutive `runs/{id}/process`: each leads from a run to its flow, which is the same flow, so
/// that they differ only in the runs that must exist.
fn shorten(segments: &mut Vec<Cow<'_, str>>, keys: &mut PathKeys) {
    let is_flows = |segment: &Cow<'_, str>| segment == COLLECTIONS[0];
    let Some(flows) = segments.iter().position(is_flows) else {
        return;
    };
    // After the flow and its id.
    let first = flows + 2;
    while let Some([runs, run, process, next_runs, _, next_process]) =
        segments.get(first..first + 6)
        && [runs, next_runs].iter().all(|name| *name == COLLECTIONS[1])
        && [process, next_process].iter().all(|name| *name == PROCESS)
    {
        let run = percent_decode_str(run).decode_utf8_lossy().into_owned();
        keys.earlier_runs.push(run);
        segments.drain(first..first + 3);
    }
}
