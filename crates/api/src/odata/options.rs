//! Query options. A request with an unknown option is rejected.

use flowruns_domain::text::excerpt;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use super::page_preference::MaxPageSize;
use crate::error::ApiError;

/// The characters that are not encoded in a query string.
const VALUE: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// The options of a request, by their names in lower case without `$`, and the page size that it prefers.
#[derive(Debug, Default)]
pub(crate) struct QueryOptions {
    options: Vec<(String, String)>,
    max_page_size: Option<MaxPageSize>,
}

impl QueryOptions {
    /// Reads a query string that has only the `allowed` options, with or without `$` and in any case, each at most once.
    pub(crate) fn parse(query: Option<&str>, allowed: &[&str]) -> Result<Self, ApiError> {
        let mut options: Vec<(String, String)> = Vec::new();
        for pair in query.unwrap_or_default().split('&').filter(|pair| !pair.is_empty()) {
            let (sent_name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let (sent_name, value) = (decoded(sent_name)?, decoded(value)?);
            let name = sent_name.strip_prefix('$').unwrap_or(&sent_name);
            let name = name.to_ascii_lowercase();
            if !allowed.contains(&name.as_str()) {
                return Err(unsupported(&sent_name, allowed));
            }
            if options.iter().any(|(known, _)| *known == name) {
                let message = format!("the query option ${name} is repeated; send it once");
                return Err(invalid(&name, message));
            }
            options.push((name, value));
        }
        Ok(Self { options, max_page_size: None })
    }

    /// The same options, from a client that prefers smaller pages.
    pub(crate) fn preferring(self, max_page_size: Option<MaxPageSize>) -> Self {
        Self { max_page_size, ..self }
    }

    /// The page size that the client prefers.
    pub(crate) const fn max_page_size(&self) -> Option<&MaxPageSize> {
        self.max_page_size.as_ref()
    }

    /// The options as a query string, each with an & after it, without the option `left_out`.
    pub(crate) fn encoded_without(&self, left_out: &str) -> String {
        let kept = self.options.iter().filter(|(name, _)| name != left_out);
        kept.map(|(name, value)| format!("${name}={}&", utf8_percent_encode(value, VALUE)))
            .collect()
    }

    /// The options that determine the rows of a list and their order, sorted by name.
    pub(crate) fn bound(&self) -> String {
        let mut bound: Vec<String> = self
            .options
            .iter()
            .filter(|(name, _)| !matches!(name.as_str(), "skiptoken" | "format"))
            .map(|(name, value)| format!("{name}={}", utf8_percent_encode(value, VALUE)))
            .collect();
        bound.sort_unstable();
        bound.join("&")
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.options.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// A query option that cannot be read.
pub(crate) fn invalid(name: &str, message: impl Into<String>) -> ApiError {
    ApiError::bad_request("invalidQueryOption", message).with_target(format!("${name}"))
}

fn unsupported(name: &str, allowed: &[&str]) -> ApiError {
    let shown = excerpt(name);
    let message = if allowed.is_empty() {
        format!("the query option {shown} is not supported here; send none")
    } else {
        let known: Vec<_> = allowed.iter().map(|name| format!("${name}")).collect();
        format!("the query option {shown} is not supported here; these are: {}", known.join(", "))
    };
    ApiError::bad_request("unsupportedQueryOption", message).with_target(name)
}

fn decoded(text: &str) -> Result<String, ApiError> {
    let spaced = text.replace('+', " ");
    let decoded = percent_decode_str(&spaced).decode_utf8();
    decoded.map(|text| text.into_owned()).map_err(|_| {
        ApiError::bad_request(
            "invalidQueryOption",
            "the query string is not UTF-8 after decoding; encode it as UTF-8, then percent-encode the bytes",
        )
    })
}
