//! `Prefer: odata.maxpagesize=n`: pages of at most n rows.

use axum::http::{HeaderMap, HeaderValue};
use flowruns_domain::query::PageSize;

use crate::{extract::preferences, respond::PREFERENCE_APPLIED};

/// Both names of the preference: OData 4.0 and 4.01.
const NAMES: [&str; 2] = ["odata.maxpagesize", "maxpagesize"];

/// A page size that the client prefers.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct MaxPageSize {
    size: PageSize,
    /// The value of Preference-Applied.
    applied: String,
}

impl MaxPageSize {
    /// The first preference of that name; one that is malformed is ignored, as RFC 7240 says.
    pub(crate) fn from_headers(headers: &HeaderMap) -> Option<Self> {
        let mut found = preferences(headers).filter_map(|(name, value)| {
            let mut names = NAMES.into_iter();
            let name = names.find(|known| known.eq_ignore_ascii_case(name))?;
            Some((name, value))
        });
        let (name, value) = found.next()?;
        let is_number = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
        let rows: u16 = is_number.then(|| value.parse().ok()).flatten()?;
        let size = PageSize::new(rows).filter(|size| size.rows() > 0)?;
        let applied = format!("{name}={rows}");
        Some(Self { size, applied })
    }

    /// The size of the page, where this makes it smaller.
    pub(super) fn below(&self, size: PageSize) -> Option<PageSize> {
        (self.size.rows() < size.rows()).then_some(self.size)
    }

    /// Adds the header Preference-Applied.
    pub(super) fn insert_applied(&self, headers: &mut HeaderMap) {
        if let Ok(value) = HeaderValue::from_str(&self.applied) {
            headers.insert(PREFERENCE_APPLIED, value);
        }
    }
}
