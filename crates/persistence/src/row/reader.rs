//! Domain values of columns, and the error of a column that has none.

use std::fmt;

use chrono::{DateTime, Utc};
use flowruns_domain::{
    id::RunKey,
    run::{RunState, RunStatus},
    store::{StoreError, StoreErrorKind},
    timestamp::Timestamp,
};
use uuid::Uuid;

/// The key of a row, for an error.
pub(super) enum RowId {
    Flow(Uuid),
    Run(Uuid, Uuid),
    Event(RunKey, i64),
}

impl RowId {
    const fn table(&self) -> &'static str {
        match self {
            Self::Flow(_) => "flows",
            Self::Run(..) => "runs",
            Self::Event(..) => "run_events",
        }
    }
}

impl fmt::Display for RowId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flow(flow) => flow.fmt(f),
            Self::Run(flow, run) => write!(f, "{flow}/{run}"),
            Self::Event(key, version) => write!(f, "{}/{}/{version}", key.flow, key.run),
        }
    }
}

/// Makes domain values of columns. An impossible value is an error with its table, column and row.
pub(super) struct ColumnReader(pub(super) RowId);

impl ColumnReader {
    pub(super) fn column<T>(
        &self,
        column: &'static str,
        value: Option<T>,
    ) -> Result<T, StoreError> {
        value.ok_or_else(|| {
            let Self(row) = self;
            let (table, id) = (row.table(), row.to_string());
            StoreError { kind: StoreErrorKind::Corrupt { table, column, id }, source: None }
        })
    }

    pub(super) fn time(
        &self,
        column: &'static str,
        value: DateTime<Utc>,
    ) -> Result<Timestamp, StoreError> {
        self.column(column, Timestamp::new(value).ok())
    }

    pub(super) fn state(
        &self,
        status: &str,
        end: Option<DateTime<Utc>>,
    ) -> Result<RunState, StoreError> {
        match (self.column("status", RunStatus::from_name(status))?, end) {
            (RunStatus::Running, None) => Ok(RunState::Running),
            (RunStatus::Ended(outcome), Some(end)) => {
                Ok(RunState::Ended { outcome, at: self.time("end_at", end)? })
            }
            _ => self.column("end_at", None),
        }
    }
}
