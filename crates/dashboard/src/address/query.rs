//! Writes an address.

use std::fmt;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// What is written as it is in a parameter: the unreserved characters of RFC 3986, and some that are unambiguous there and keep
/// an address readable.
const ESCAPED: AsciiSet = NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'/')
    .remove(b':')
    .remove(b',');

/// An address that is made from a path and parameters, such as `/ui/runs?status=failed`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Query {
    text: String,
    has_parameters: bool,
}

impl Query {
    /// A path without parameters.
    pub(crate) fn new(path: impl Into<String>) -> Self {
        Self { text: path.into(), has_parameters: false }
    }

    /// The same with one more parameter, unless it is `None`.
    #[must_use]
    pub(crate) fn with(mut self, name: &str, value: Option<impl fmt::Display>) -> Self {
        if let Some(value) = value {
            self.text.push(if self.has_parameters { '&' } else { '?' });
            self.text.push_str(name);
            self.text.push('=');
            self.text.extend(utf8_percent_encode(&value.to_string(), &ESCAPED));
            self.has_parameters = true;
        }
        self
    }
}

impl fmt::Display for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_escaped_and_absent_ones_left_out() {
        let query = Query::new("/ui").with("a", None::<&str>).with("b", Some("x&y=z ä"));
        assert_eq!(query.with("c", Some(7)).to_string(), "/ui?b=x%26y%3Dz%20%C3%A4&c=7");
        assert_eq!(Query::new("/ui").to_string(), "/ui");
    }
}
