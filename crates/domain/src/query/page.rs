//! Pages: their size in rows and bytes, and pages of the history of a run.

use crate::{
    run::event::{PropertyChange, RunEvent},
    version::Version,
};

/// The maximum size of a page, in rows and in bytes. A page ends before the row that would exceed either; but if the maximum is not 0
/// rows, it has at least one row if one matches.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct PageSize {
    rows: u16,
    bytes: u32,
}

impl PageSize {
    /// The greatest maximum of rows.
    pub const MAX: u16 = 1000;
    /// The greatest maximum of bytes.
    pub const MAX_BYTES: u32 = 1024 * 1024;
    /// The approximate size of a row without its texts and documents, in bytes.
    pub const ROW_BYTES: usize = 256;

    /// Up to 1000 rows, and up to 1 MiB; `None` for more rows.
    pub fn new(rows: u16) -> Option<Self> {
        let bytes = Self::MAX_BYTES;
        (rows <= Self::MAX).then_some(Self { rows, bytes })
    }

    /// The same with at most this many bytes, if that is less.
    #[must_use]
    pub fn within(self, bytes: u32) -> Self {
        let bytes = bytes.min(self.bytes);
        Self { bytes, ..self }
    }

    /// The maximum number of rows.
    pub const fn rows(self) -> usize {
        self.rows as usize
    }

    /// The maximum number of bytes.
    pub const fn bytes(self) -> usize {
        self.bytes as usize
    }

    /// How many of these rows fit into a page: the first in any case, and more up to the maximum of bytes.
    pub(super) fn rows_that_fit<T>(self, rows: &[T], bytes: impl Fn(&T) -> usize) -> usize {
        let mut total = 0;
        let fits = |row: &&T| {
            let is_first = total == 0;
            total += bytes(row);
            is_first || total <= self.bytes()
        };
        rows.iter().take_while(fits).count()
    }
}

/// 50 rows, and 1 MiB.
impl Default for PageSize {
    fn default() -> Self {
        Self { rows: 50, bytes: Self::MAX_BYTES }
    }
}

/// A request for a page of a list with the key `K`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct PageRequest<K> {
    /// The size of the page.
    pub size: PageSize,
    /// The key of the last row of the previous page.
    pub after: Option<K>,
}

/// The first page, of the default size.
impl<K> Default for PageRequest<K> {
    fn default() -> Self {
        Self { size: PageSize::default(), after: None }
    }
}

/// A request for a page of the history of a run, oldest entry first.
pub type EventPageRequest = PageRequest<Version>;

/// A page of a list.
#[derive(Clone, Debug, PartialEq)]
pub struct Page<T> {
    /// The rows.
    pub items: Vec<T>,
    /// Whether more rows follow.
    pub has_more: bool,
}

impl<T> Page<T> {
    /// Builds a page from up to `size + 1` rows; an extra row means that there is a next page.
    pub fn from_rows(mut items: Vec<T>, size: PageSize) -> Self {
        // The next page begins after the last row, and a page of 0 rows has none.
        let has_more = items.len() > size.rows() && size.rows() > 0;
        items.truncate(size.rows());
        Self { items, has_more }
    }

    /// Builds a page that was ended by its maximum of bytes, so more rows follow.
    pub fn ended_early(mut items: Vec<T>, size: PageSize) -> Self {
        items.truncate(size.rows());
        Self { items, has_more: true }
    }
}

impl Page<RunEvent> {
    /// Removes the entries that exceed the maximum of bytes.
    #[must_use]
    pub fn bounded(mut self, size: PageSize) -> Self {
        let fitting = size.rows_that_fit(&self.items, event_bytes);
        self.has_more |= fitting < self.items.len();
        self.items.truncate(fitting);
        self
    }
}

/// The approximate size of a history entry in a page, in bytes.
pub fn event_bytes(event: &RunEvent) -> usize {
    /// The length of the names of the three members of a change.
    const NAMES: usize = 36;
    let change_bytes = |change: &PropertyChange| {
        let values = change.before.compact_length() + change.after.compact_length();
        NAMES + change.property.len() + values
    };
    let changes = event.changes.iter().map(change_bytes);
    PageSize::ROW_BYTES + event.actor.len() + changes.sum::<usize>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_has_the_first_row_and_more_within_its_bytes() {
        let size = PageSize::new(10).unwrap().within(100);
        for (rows, fitting) in [
            (vec![500, 1], 1),
            (vec![50, 50, 1], 2),
            (vec![50, 51, 1], 1),
            (vec![1, 1], 2),
            (vec![], 0),
        ] {
            assert_eq!(size.rows_that_fit(&rows, |row| *row), fitting, "{rows:?}");
        }
    }

    #[test]
    fn no_page_is_larger_than_a_mebibyte() {
        let size = PageSize::default().within(u32::MAX);
        assert_eq!(size.bytes(), 1024 * 1024);
    }
}
