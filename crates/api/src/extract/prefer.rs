//! Prefer: whether the response to a write has a body.

use std::borrow::Cow;

use axum::http::{HeaderMap, HeaderName, HeaderValue};

const PREFER: HeaderName = HeaderName::from_static("prefer");

/// What the response to a write holds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Preference {
    /// No preference: the representation.
    Unstated,
    /// `return=representation`
    Representation,
    /// `return=minimal`
    Minimal,
}

impl Preference {
    /// The first `return` preference counts (RFC 7240).
    pub(super) fn from_headers(headers: &HeaderMap) -> Self {
        preferences(headers).find_map(return_preference).unwrap_or(Self::Unstated)
    }

    /// The value of Preference-Applied.
    pub(crate) const fn applied(self) -> Option<HeaderValue> {
        match self {
            Self::Unstated => None,
            Self::Representation => Some(HeaderValue::from_static("return=representation")),
            Self::Minimal => Some(HeaderValue::from_static("return=minimal")),
        }
    }
}

/// Every preference with a value, without its parameters.
pub(crate) fn preferences(headers: &HeaderMap) -> impl Iterator<Item = (&str, Cow<'_, str>)> {
    let values = headers.get_all(PREFER).iter();
    let values = values.filter_map(|value| value.to_str().ok());
    let preferences = values.flat_map(|value| split_unquoted(value, ','));
    preferences.filter_map(|preference| {
        let without_parameters = split_unquoted(preference, ';').next()?;
        let (name, value) = without_parameters.split_once('=')?;
        Some((name.trim(), unquoted(value.trim())))
    })
}

/// The parts of a header value between separators. A separator within a quoted string (RFC 9110, section 5.6.4) is text.
fn split_unquoted(value: &str, separator: char) -> impl Iterator<Item = &str> {
    let (mut is_quoted, mut is_escaped) = (false, false);
    value.split(move |character: char| {
        match character {
            _ if is_escaped => is_escaped = false,
            '\\' if is_quoted => is_escaped = true,
            '"' => is_quoted = !is_quoted,
            _ => return !is_quoted && character == separator,
        }
        false
    })
}

/// A token as it is, and a quoted string without its quotes and escapes.
fn unquoted(value: &str) -> Cow<'_, str> {
    let quoted = value.strip_prefix('"').and_then(|value| value.strip_suffix('"'));
    match quoted {
        None => Cow::Borrowed(value),
        Some(text) if !text.contains('\\') => Cow::Borrowed(text),
        Some(text) => {
            let mut is_escaped = false;
            let is_text = |character: &char| {
                is_escaped = *character == '\\' && !is_escaped;
                !is_escaped
            };
            Cow::Owned(text.chars().filter(is_text).collect())
        }
    }
}

fn return_preference((name, value): (&str, Cow<'_, str>)) -> Option<Preference> {
    if !name.eq_ignore_ascii_case("return") {
        return None;
    }
    let known = [("minimal", Preference::Minimal), ("representation", Preference::Representation)];
    let found = known.into_iter().find(|(name, _)| value.eq_ignore_ascii_case(name));
    found.map(|(_, preference)| preference)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(prefer: &'static str) -> Preference {
        let mut headers = HeaderMap::new();
        headers.insert(PREFER, HeaderValue::from_static(prefer));
        Preference::from_headers(&headers)
    }

    #[test]
    fn a_separator_in_a_quoted_string_separates_nothing() {
        for prefer in [
            r#"foo="a, return=minimal""#,
            r#"foo="a; b, return=minimal"; c"#,
            r#"foo="a\", return=minimal, \"b""#,
            r#"foo; bar="a, return=minimal, b""#,
            r#"foo="a, return=minimal"#,
        ] {
            assert_eq!(of(prefer), Preference::Unstated, "{prefer}");
        }
    }

    #[test]
    fn a_preference_next_to_a_quoted_string_counts() {
        for prefer in [
            r#"foo="a, b", return=minimal"#,
            r#"foo="a\\", return=minimal"#,
            r#"foo="a;b"; c="d,e" , return="minimal""#,
            r#"return="mini\mal""#,
            "wait=10, Return = MINIMAL ; x",
        ] {
            assert_eq!(of(prefer), Preference::Minimal, "{prefer}");
        }
    }
}
