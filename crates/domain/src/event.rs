//! History: who changed what, when, at whose request.

use std::fmt;

use uuid::Uuid;

use crate::{
    id::{EventId, RunKey},
    json::JsonValue,
    timestamp::Timestamp,
};

/// Counts the states of a row: 1 is the creation, and there are no gaps.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Version(i64);

impl Version {
    /// The creation.
    pub const FIRST: Self = Self(1);

    /// A version as a store has kept it; none below 1.
    pub fn new(number: i64) -> Option<Self> {
        (number >= 1).then_some(Self(number))
    }

    /// The number.
    pub const fn number(self) -> i64 {
        self.0
    }

    /// The version after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Where a change comes from. The same for every attempt to store it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Origin {
    /// Identifies the report.
    pub event: EventId,
    /// Who sent it, as the token says.
    pub actor: String,
    /// The request that carried it.
    pub request: Uuid,
    /// When it was received, by the server's clock.
    pub received: Timestamp,
}

/// What a change did.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Action {
    /// The row was created.
    Created,
    /// Properties changed.
    Updated,
    /// The row was deleted.
    Deleted,
}

impl Action {
    /// Every action.
    pub const ALL: [Self; 3] = [Self::Created, Self::Updated, Self::Deleted];

    /// The name on the wire and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Updated => "updated",
            Self::Deleted => "deleted",
        }
    }

    /// The action of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|action| action.as_str() == name)
    }
}

/// A property, or a top-level member of statistics (`statistics/rows`), before and after; null where there was none.
#[derive(Clone, Debug, PartialEq)]
pub struct PropertyChange {
    /// The property.
    pub property: String,
    /// What it was.
    pub before: JsonValue,
    /// What it became.
    pub after: JsonValue,
}

/// One entry of a run's history.
#[derive(Clone, Debug, PartialEq)]
pub struct RunEvent {
    /// The report that made it.
    pub id: EventId,
    /// The run.
    pub key: RunKey,
    /// The version that the run got.
    pub version: Version,
    /// When; never backwards within a run.
    pub occurred: Timestamp,
    /// Who.
    pub actor: String,
    /// By which request.
    pub request: Uuid,
    /// What was done.
    pub action: Action,
    /// The changed properties.
    pub changes: Vec<PropertyChange>,
}
