//! Keys in parentheses, `runs('x')` and `runs(id='x')`, become segments, `runs/x`, before a route is chosen.

use axum::http::{Request, Uri, uri::PathAndQuery};
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// The collections that have keys.
const COLLECTIONS: [&str; 2] = ["incomingFlows", "runs"];

/// `$count`, as some clients send it.
const ENCODED_COUNT: &str = "%24count";

/// The path as the client sent it.
#[derive(Clone, Debug)]
pub(crate) struct SentPath(pub(crate) String);

/// Rewrites the path of a request, and keeps the path that was sent.
pub(crate) fn rewrite<B>(mut request: Request<B>) -> Request<B> {
    let sent = request.uri().path().to_owned();
    if let Some(path) = rewritten_path(&sent)
        && let Some(uri) = with_path(request.uri(), &path)
    {
        *request.uri_mut() = uri;
    }
    request.extensions_mut().insert(SentPath(sent));
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

/// The path with its keys as segments; `None` when there is nothing to rewrite.
fn rewritten_path(path: &str) -> Option<String> {
    let is_to_rewrite = ["(", "%28", ENCODED_COUNT]
        .iter()
        .any(|part| path.contains(part));
    if !is_to_rewrite {
        return None;
    }
    let segments = path
        .split('/')
        .map(|segment| key_segment(segment).unwrap_or_else(|| segment.to_owned()));
    Some(segments.collect::<Vec<_>>().join("/"))
}

/// `runs('x')` as `runs/x`.
fn key_segment(segment: &str) -> Option<String> {
    if segment == ENCODED_COUNT {
        return Some("$count".to_owned());
    }
    let decoded = percent_decode_str(segment).decode_utf8().ok()?;
    let (collection, predicate) = decoded.strip_suffix(')')?.split_once('(')?;
    if !COLLECTIONS.contains(&collection) {
        return None;
    }
    let value = predicate.strip_prefix("id=").unwrap_or(predicate);
    let literal = value.strip_prefix('\'')?.strip_suffix('\'')?;
    let key = literal.replace("''", "'");
    (!key.is_empty()).then(|| {
        format!(
            "{collection}/{}",
            utf8_percent_encode(&key, NON_ALPHANUMERIC)
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_a_key_becomes_a_segment() {
        for path in [
            "/runs('a-1')",
            "/runs(id='a-1')",
            "/runs(%27a-1%27)",
            "/runs%28id%3D'a-1'%29",
        ] {
            assert_eq!(rewritten_path(path).unwrap(), "/runs/a%2D1", "{path}");
        }
        assert_eq!(
            rewritten_path("/beta/industryData/incomingFlows('f')/runs('a')/process/runs('b')")
                .unwrap(),
            "/beta/industryData/incomingFlows/f/runs/a/process/runs/b"
        );
    }

    #[test]
    fn what_is_no_key_stays_as_it_is() {
        for path in [
            "/runs()",
            "/runs('')",
            "/others('x')",
            "/runs(name='x')",
            "/runs('x'",
            "/runs(x)",
        ] {
            assert_eq!(
                rewritten_path(path).unwrap_or_else(|| path.to_owned()),
                path
            );
        }
    }
}
