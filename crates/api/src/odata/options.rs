//! Query options: each is known here, or the request is refused.

use percent_encoding::percent_decode_str;

use crate::error::ApiError;

/// The options of a request, by their names without `$`.
#[derive(Debug, Default)]
pub(crate) struct QueryOptions(Vec<(String, String)>);

impl QueryOptions {
    /// Reads a query string in which only the `allowed` options, with or without `$`, may stand, each once.
    pub(crate) fn parse(query: Option<&str>, allowed: &[&str]) -> Result<Self, ApiError> {
        let mut options: Vec<(String, String)> = Vec::new();
        for pair in query
            .unwrap_or_default()
            .split('&')
            .filter(|pair| !pair.is_empty())
        {
            let (sent_name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let (sent_name, value) = (decoded(sent_name)?, decoded(value)?);
            let name = sent_name.strip_prefix('$').unwrap_or(&sent_name);
            if !allowed.contains(&name) {
                return Err(unsupported(&sent_name, allowed));
            }
            if options.iter().any(|(known, _)| known == name) {
                return Err(invalid(
                    name,
                    format!("the query option {name} stands twice; send it once"),
                ));
            }
            options.push((name.to_owned(), value));
        }
        Ok(Self(options))
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }
}

/// A query option that cannot be read.
pub(crate) fn invalid(name: &str, message: impl Into<String>) -> ApiError {
    ApiError::bad_request("invalidQueryOption", message).with_target(format!("${name}"))
}

fn unsupported(name: &str, allowed: &[&str]) -> ApiError {
    let message = if allowed.is_empty() {
        format!("the query option {name} is not supported here; send none")
    } else {
        let known: Vec<_> = allowed.iter().map(|name| format!("${name}")).collect();
        format!(
            "the query option {name} is not supported here; these are: {}",
            known.join(", ")
        )
    };
    ApiError::bad_request("unsupportedQueryOption", message).with_target(name)
}

fn decoded(text: &str) -> Result<String, ApiError> {
    let spaced = text.replace('+', " ");
    let decoded = percent_decode_str(&spaced).decode_utf8();
    decoded.map(|text| text.into_owned()).map_err(|_| {
        ApiError::bad_request(
            "invalidQueryOption",
            "the query string is not UTF-8 after decoding",
        )
    })
}
