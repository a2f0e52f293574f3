//! The history of a run.

use uuid::Uuid;

use crate::{
    id::{EventId, RunKey},
    json::value::JsonValue,
    timestamp::Timestamp,
    version::Version,
};

/// Who sent a report, when, and in which request. All attempts to store the report share it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ReportOrigin {
    /// The id of the report.
    pub event: EventId,
    /// Who sent it, from the token.
    pub actor: String,
    /// The id of the HTTP request.
    pub request: Uuid,
    /// When the server received it, by its own clock.
    pub received: Timestamp,
}

/// The kind of a change.
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
    /// All actions.
    pub const ALL: [Self; 3] = [Self::Created, Self::Updated, Self::Deleted];

    /// The name in JSON and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Updated => "updated",
            Self::Deleted => "deleted",
        }
    }

    /// The action with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|action| action.as_str() == name)
    }
}

/// The change of a property, or of a top-level member of statistics (`statistics/rows`).
#[derive(Clone, Debug, PartialEq)]
pub struct PropertyChange {
    /// The path of the property.
    pub property: String,
    /// The value before; null if it had none.
    pub before: JsonValue,
    /// The value after; null if it has none.
    pub after: JsonValue,
}

/// One entry of a run's history.
#[derive(Clone, Debug, PartialEq)]
pub struct RunEvent {
    /// The id of the report.
    pub id: EventId,
    /// The run.
    pub key: RunKey,
    /// The version of the run after the change.
    pub version: Version,
    /// When the change was made. Times of a run never decrease.
    pub occurred: Timestamp,
    /// Who sent the report.
    pub actor: String,
    /// The id of the HTTP request.
    pub request: Uuid,
    /// The kind of the change.
    pub action: Action,
    /// The changed properties.
    pub changes: Vec<PropertyChange>,
}
