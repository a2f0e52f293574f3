//! Pages: their size in rows and bytes, and the pages of a run's history.

use crate::event::{PropertyChange, RunEvent, Version};

/// How much a page holds: rows, and bytes of content. A page ends at the row with which it would exceed either, and has
/// one row at least where it may have any.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct PageSize {
    rows: u16,
    bytes: u32,
}

impl PageSize {
    /// The most rows of a page.
    pub const MAX: u16 = 1000;
    /// The most bytes of a page.
    pub const MAX_BYTES: u32 = 1024 * 1024;
    /// What a row counts beside its texts and documents, in bytes.
    pub const ROW_BYTES: usize = 256;

    /// A page of 0 to 1000 rows, and of 1 MiB at most.
    pub fn new(rows: u16) -> Option<Self> {
        let bytes = Self::MAX_BYTES;
        (rows <= Self::MAX).then_some(Self { rows, bytes })
    }

    /// The same rows in fewer bytes, at most 1 MiB.
    #[must_use]
    pub fn within(self, bytes: u32) -> Self {
        let bytes = bytes.min(self.bytes);
        Self { bytes, ..self }
    }

    /// The number of rows.
    pub const fn rows(self) -> usize {
        self.rows as usize
    }

    /// The number of bytes.
    pub const fn bytes(self) -> usize {
        self.bytes as usize
    }

    /// How many of these rows fit, given the bytes of each: the first always, and then as many as stay within the limit.
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

/// 50 rows, and 1 MiB at most.
impl Default for PageSize {
    fn default() -> Self {
        Self {
            rows: 50,
            bytes: Self::MAX_BYTES,
        }
    }
}

/// A page of a list that is walked by `K`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct PageRequest<K> {
    /// The rows of the page.
    pub size: PageSize,
    /// The key of the last row of the page before.
    pub after: Option<K>,
}

/// The first page, of the default size.
impl<K> Default for PageRequest<K> {
    fn default() -> Self {
        Self {
            size: PageSize::default(),
            after: None,
        }
    }
}

/// The history of a run, oldest first.
pub type EventPageRequest = PageRequest<Version>;

/// The rows of a page, and whether there are more.
#[derive(Clone, Debug, PartialEq)]
pub struct Page<T> {
    /// The rows.
    pub items: Vec<T>,
    /// Whether another row follows.
    pub more: bool,
}

impl<T> Page<T> {
    /// Cuts a page out of rows that were read with one to spare.
    pub fn from_rows(mut items: Vec<T>, size: PageSize) -> Self {
        // A page of no rows has no last one to go on from.
        let more = items.len() > size.rows() && size.rows() > 0;
        items.truncate(size.rows());
        Self { items, more }
    }

    /// A page that ended at its limit of bytes: another row follows.
    pub fn ended_early(mut items: Vec<T>, size: PageSize) -> Self {
        items.truncate(size.rows());
        Self { items, more: true }
    }
}

impl Page<RunEvent> {
    /// The page without the entries beyond the limit of bytes.
    #[must_use]
    pub fn bounded(mut self, size: PageSize) -> Self {
        let fitting = size.rows_that_fit(&self.items, event_bytes);
        self.more |= fitting < self.items.len();
        self.items.truncate(fitting);
        self
    }
}

/// The approximate length of an entry in a page, in bytes.
pub fn event_bytes(event: &RunEvent) -> usize {
    /// The names of the three members of a change.
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
    fn a_page_holds_the_first_row_and_those_that_stay_within_its_bytes() {
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
