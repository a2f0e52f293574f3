//! Errors of a store.

use std::{error, fmt};

/// The kind of an error.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum StoreErrorKind {
    /// The store cannot be reached or accepts no writes. The caller may retry later.
    Unavailable,
    /// Too many writers compete for the row. The caller may retry later.
    Contention,
    /// The queue is full, and nothing was written. The caller may retry later.
    Overloaded,
    /// The write violates the constraint with this name.
    Conflict(String),
    /// A row has an impossible value.
    Corrupt {
        /// The table.
        table: &'static str,
        /// The column.
        column: &'static str,
        /// The key of the row.
        id: String,
    },
    /// A defect of this program.
    Internal,
}

/// An error of a store. The source is the cause, for the log only.
#[derive(Debug)]
pub struct StoreError {
    /// The kind.
    pub kind: StoreErrorKind,
    /// The cause.
    pub source: Option<Box<dyn error::Error + Send + Sync>>,
}

impl StoreError {
    /// An error with its cause.
    pub fn new(
        kind: StoreErrorKind,
        source: impl Into<Box<dyn error::Error + Send + Sync>>,
    ) -> Self {
        Self { kind, source: Some(source.into()) }
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            StoreErrorKind::Unavailable => f.write_str("the store is unavailable"),
            StoreErrorKind::Contention => f.write_str("too many writers compete for the row"),
            StoreErrorKind::Overloaded => f.write_str("the queue of writes is full"),
            StoreErrorKind::Conflict(constraint) => {
                write!(f, "constraint {constraint} was violated")
            }
            StoreErrorKind::Corrupt { table, column, id } => {
                write!(f, "{table}.{column} of {id} has an impossible value")
            }
            StoreErrorKind::Internal => f.write_str("the store failed"),
        }
    }
}

impl error::Error for StoreError {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}
