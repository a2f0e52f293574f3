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
        let values = headers
            .get_all(PREFER)
            .iter()
            .filter_map(|value| value.to_str().ok());
        let preferences = values.flat_map(|value| value.split(','));
        preferences
            .filter_map(return_preference)
            .next()
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

fn return_preference(preference: &str) -> Option<Preference> {
    let without_parameters = preference.split(';').next()?;
    let (name, value) = without_parameters.split_once('=')?;
    if !name.trim().eq_ignore_ascii_case("return") {
        return None;
    }
    let value = value.trim().trim_matches('"');
    let known = [
        ("minimal", Preference::Minimal),
        ("representation", Preference::Representation),
    ];
    let found = known
        .into_iter()
        .find(|(name, _)| value.eq_ignore_ascii_case(name));
    found.map(|(_, preference)| preference)
}
