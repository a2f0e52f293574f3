//! Rows as the parameters of one statement: arrays, or the values of a single row. Beside `row` this is the only place that maps columns.

use chrono::{DateTime, Utc};
use flowruns_domain::{Action, PropertyChange, Run, RunEvent, RunProperties, Version};
use serde::{Serialize, ser::SerializeSeq};
use sqlx::{Encode, Postgres, Type, postgres::PgArguments, query::QueryScalar};
use uuid::Uuid;

/// A statement that returns the numbers of the rows that it wrote.
pub(crate) type NumbersQuery<'q> = QueryScalar<'q, Postgres, i32, PgArguments>;

/// Rows of `runs`, each with the entry of `run_events` for its last version.
#[derive(Default)]
pub(crate) struct RunParameters<'a> {
    number: Vec<i32>,
    flow_id: Vec<Uuid>,
    id: Vec<Uuid>,
    tenant_id: Vec<Uuid>,
    seen: Vec<i64>,
    display_name: Vec<&'a str>,
    start_at: Vec<DateTime<Utc>>,
    end_at: Vec<Option<DateTime<Utc>>>,
    status: Vec<&'static str>,
    blocking_error: Vec<Option<String>>,
    statistics: Vec<String>,
    version: Vec<i64>,
    modified_at: Vec<DateTime<Utc>>,
    deleted_at: Vec<Option<DateTime<Utc>>>,
    last: EntryParameters<'a>,
}

/// Entries of `run_events` for versions before the last. The number is that of the row of `runs`.
#[derive(Default)]
pub(crate) struct EarlierParameters<'a> {
    number: Vec<i32>,
    version: Vec<i64>,
    occurred_at: Vec<DateTime<Utc>>,
    entries: EntryParameters<'a>,
}

/// What an entry holds beside its key.
#[derive(Default)]
struct EntryParameters<'a> {
    event_id: Vec<Uuid>,
    actor: Vec<&'a str>,
    request_id: Vec<Uuid>,
    action: Vec<&'static str>,
    changes: Vec<String>,
}

/// The columns of a source of rows, with their types.
type Declared = [(&'static str, &'static str)];

const RUN: [(&str, &str); 14] = [
    ("number", "int"),
    ("flow_id", "uuid"),
    ("id", "uuid"),
    ("tenant_id", "uuid"),
    ("seen", "bigint"),
    ("display_name", "text"),
    ("start_at", "timestamptz"),
    ("end_at", "timestamptz"),
    ("status", "text"),
    ("blocking_error", "text"),
    ("statistics", "text"),
    ("version", "bigint"),
    ("modified_at", "timestamptz"),
    ("deleted_at", "timestamptz"),
];

const EARLIER: [(&str, &str); 3] = [
    ("number", "int"),
    ("version", "bigint"),
    ("occurred_at", "timestamptz"),
];

const ENTRY: [(&str, &str); 5] = [
    ("event_id", "uuid"),
    ("actor", "text"),
    ("request_id", "uuid"),
    ("action", "text"),
    ("changes", "text"),
];

/// How many rows are bound: the arrays of one row cost more than its values.
#[derive(Clone, Copy)]
pub(crate) enum Rows {
    One,
    Many,
}

impl Rows {
    /// The rows as a source for FROM, bound from the parameter `first` on.
    fn source(self, name: &str, columns: [&Declared; 2], first: usize) -> String {
        let columns = || columns.into_iter().flatten();
        let parameters: Vec<_> = (first..)
            .zip(columns())
            .map(|(number, (_, kind))| match self {
                Self::One => format!("${number}::{kind}"),
                Self::Many => format!("${number}::{kind}[]"),
            })
            .collect();
        let parameters = parameters.join(", ");
        let names: Vec<_> = columns().map(|(name, _)| *name).collect();
        let names = names.join(", ");
        match self {
            Self::One => format!("(VALUES ({parameters})) AS {name} ({names})"),
            Self::Many => format!("unnest({parameters}) AS {name} ({names})"),
        }
    }

    /// Binds a column.
    fn bind<'q, T>(self, query: NumbersQuery<'q>, column: Vec<T>) -> NumbersQuery<'q>
    where
        T: Encode<'q, Postgres> + Type<Postgres> + 'q,
        Vec<T>: Encode<'q, Postgres> + Type<Postgres>,
    {
        match self {
            Self::One => query.bind(column.into_iter().next()),
            Self::Many => query.bind(column),
        }
    }
}

impl<'a> RunParameters<'a> {
    /// The rows for FROM, as `row`.
    pub(crate) fn source(rows: Rows) -> String {
        rows.source("row", [&RUN, &ENTRY], 1)
    }

    /// How many rows there are.
    pub(crate) const fn rows(&self) -> Rows {
        match self.number.len() {
            1 => Rows::One,
            _ => Rows::Many,
        }
    }

    /// Adds a run as its last entry left it.
    pub(crate) fn push(
        &mut self,
        number: i32,
        seen: Version,
        run: &'a Run,
        last: &'a RunEvent,
    ) -> sqlx::Result<()> {
        let RunProperties {
            display_name,
            start,
            state,
            blocking_error,
            statistics,
        } = &run.properties;
        let error = blocking_error.as_ref().map(|error| json(error.members()));
        let modified_at = run.modified.date_time();
        let is_deleted = last.action == Action::Deleted;
        self.number.push(number);
        self.flow_id.push(run.key.flow.uuid());
        self.id.push(run.key.run.uuid());
        self.tenant_id.push(run.key.tenant.uuid());
        self.seen.push(seen.number());
        self.display_name.push(display_name.as_str());
        self.start_at.push(start.date_time());
        self.end_at.push(state.end().map(|end| end.date_time()));
        self.status.push(state.status().as_str());
        self.blocking_error.push(error.transpose()?);
        self.statistics.push(json(statistics.members())?);
        self.version.push(last.version.number());
        self.modified_at.push(modified_at);
        self.deleted_at.push(is_deleted.then_some(modified_at));
        self.last.push(last)
    }

    /// Binds them.
    pub(crate) fn bind(self, rows: Rows, query: NumbersQuery<'a>) -> NumbersQuery<'a> {
        let query = rows.bind(query, self.number);
        let query = rows.bind(query, self.flow_id);
        let query = rows.bind(query, self.id);
        let query = rows.bind(query, self.tenant_id);
        let query = rows.bind(query, self.seen);
        let query = rows.bind(query, self.display_name);
        let query = rows.bind(query, self.start_at);
        let query = rows.bind(query, self.end_at);
        let query = rows.bind(query, self.status);
        let query = rows.bind(query, self.blocking_error);
        let query = rows.bind(query, self.statistics);
        let query = rows.bind(query, self.version);
        let query = rows.bind(query, self.modified_at);
        let query = rows.bind(query, self.deleted_at);
        self.last.bind(rows, query)
    }
}

impl<'a> EarlierParameters<'a> {
    /// The rows for FROM, as `event`; their parameters follow those of [`RunParameters`].
    pub(crate) fn source() -> String {
        let first = RUN.len() + ENTRY.len() + 1;
        Rows::Many.source("event", [&EARLIER, &ENTRY], first)
    }

    /// Adds an entry.
    pub(crate) fn push(&mut self, number: i32, event: &'a RunEvent) -> sqlx::Result<()> {
        self.number.push(number);
        self.version.push(event.version.number());
        self.occurred_at.push(event.occurred.date_time());
        self.entries.push(event)
    }

    /// Whether there are none.
    pub(crate) const fn is_empty(&self) -> bool {
        self.number.is_empty()
    }

    /// Binds them.
    pub(crate) fn bind(self, query: NumbersQuery<'a>) -> NumbersQuery<'a> {
        let query = Rows::Many.bind(query, self.number);
        let query = Rows::Many.bind(query, self.version);
        let query = Rows::Many.bind(query, self.occurred_at);
        self.entries.bind(Rows::Many, query)
    }
}

impl<'a> EntryParameters<'a> {
    fn push(&mut self, event: &'a RunEvent) -> sqlx::Result<()> {
        let RunEvent {
            id,
            key: _,
            version: _,
            occurred: _,
            actor,
            request,
            action,
            changes,
        } = event;
        self.event_id.push(id.uuid());
        self.actor.push(actor);
        self.request_id.push(*request);
        self.action.push(action.as_str());
        self.changes.push(json(&StoredChanges(changes))?);
        Ok(())
    }

    fn bind(self, rows: Rows, query: NumbersQuery<'a>) -> NumbersQuery<'a> {
        let query = rows.bind(query, self.event_id);
        let query = rows.bind(query, self.actor);
        let query = rows.bind(query, self.request_id);
        let query = rows.bind(query, self.action);
        rows.bind(query, self.changes)
    }
}

/// JSON is sent as text and becomes jsonb in the statement.
fn json(value: &impl Serialize) -> sqlx::Result<String> {
    serde_json::to_string(value).map_err(|error| sqlx::Error::Encode(error.into()))
}

/// The changes of an event as their column holds them.
struct StoredChanges<'a>(&'a [PropertyChange]);

#[derive(Serialize)]
struct StoredChange<'a> {
    property: &'a str,
    before: &'a flowruns_domain::json::JsonValue,
    after: &'a flowruns_domain::json::JsonValue,
}

impl Serialize for StoredChanges<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut array = serializer.serialize_seq(Some(self.0.len()))?;
        for PropertyChange {
            property,
            before,
            after,
        } in self.0
        {
            array.serialize_element(&StoredChange {
                property,
                before,
                after,
            })?;
        }
        array.end()
    }
}
