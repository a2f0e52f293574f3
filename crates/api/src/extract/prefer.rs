//! Prefer: whether the client wants the representation back.

use axum::http::{HeaderMap, HeaderName, HeaderValue};

const PREFER: HeaderName = HeaderName::from_static("prefer");

/// What the client wants back of a write.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Preference {
    /// Nothing was said: the representation.
    Unstated,
    /// `return=representation`
    Representation,
    /// `return=minimal`
    Minimal,
}

impl Preference {
    /// The first `return` preference counts (RFC 7240); others are not for this service.
    pub(super) fn from_headers(headers: &HeaderMap) -> Self {
        preferences(headers)
            .find_map(return_preference)
            .unwrap_or(Self::Unstated)
    }

    /// The header that says what was honoured.
    pub(crate) const fn applied(self) -> Option<HeaderValue> {
        match self {
            Self::Unstated => None,
            Self::Representation => Some(HeaderValue::from_static("return=representation")),
            Self::Minimal => Some(HeaderValue::from_static("return=minimal")),
        }
    }
}

/// Every preference with a value, without its parameters.
pub(crate) fn preferences(headers: &HeaderMap) -> impl Iterator<Item = (&str, &str)> {
    let values = headers.get_all(PREFER).iter();
    let values = values.filter_map(|value| value.to_str().ok());
    let preferences = values.flat_map(|value| value.split(','));
    preferences.filter_map(|preference| {
        let without_parameters = preference.split(';').next()?;
        let (name, value) = without_parameters.split_once('=')?;
        Some((name.trim(), value.trim().trim_matches('"')))
    })
}

fn return_preference((name, value): (&str, &str)) -> Option<Preference> {
    if !name.eq_ignore_ascii_case("return") {
        return None;
    }
    let known = [
        ("minimal", Preference::Minimal),
        ("representation", Preference::Representation),
    ];
    let found = known
        .into_iter()
        .find(|(name, _)| value.eq_ignore_ascii_case(name));
    found.map(|(_, preference)| preference)
}
