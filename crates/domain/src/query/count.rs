//! Counts of rows, and their limit.

/// The number of matching rows.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Count {
    /// Exactly this many.
    Exactly(u64),
    /// Not known: counting needs more rows than the [`CountLimit`], or more time than a statement has.
    Unknown,
}

/// The maximum number of rows that a store examines for a count: 1 to 10,000,000.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct CountLimit(u32);

impl CountLimit {
    /// The greatest limit.
    pub const MAX: u32 = 10_000_000;

    /// A limit of 1 to [`MAX`](Self::MAX) rows; `None` for others.
    pub const fn new(rows: u32) -> Option<Self> {
        if rows == 0 || rows > Self::MAX { None } else { Some(Self(rows)) }
    }

    /// The number of rows.
    pub const fn rows(self) -> u32 {
        self.0
    }

    /// The count when `scanned` rows were examined and `matched` of them match.
    pub fn count(self, matched: u64, scanned: u64) -> Count {
        if scanned <= u64::from(self.0) { Count::Exactly(matched) } else { Count::Unknown }
    }
}

/// 100,000 rows.
impl Default for CountLimit {
    fn default() -> Self {
        Self(100_000)
    }
}
