//! Rows as the parameters of one statement: one array a column, or the values of a single row.

use chrono::{DateTime, Utc};
use flowruns_domain::run::{Action, PropertyChange, Run, RunEvent, RunProperties};
use serde::{Serialize, ser::SerializeSeq};
use sqlx::{Encode, Postgres, Type, postgres::PgArguments, query::QueryScalar};
use uuid::Uuid;

use crate::columns::{Column, EVENT_COLUMNS, RUN_COLUMNS};

/// A statement that returns the numbers of the rows that it wrote.
pub(crate) type NumbersQuery<'q> = QueryScalar<'q, Postgres, i32, PgArguments>;

/// Rows of `runs`, each with the entry of `run_events` for its last version.
#[derive(Default)]
pub(crate) struct RunParameters<'a> {
    /// The number of the row in its statement, from 0.
    number: Vec<i32>,
    flow_id: Vec<Uuid>,
    id: Vec<Uuid>,
    tenant_id: Vec<Uuid>,
    /// The version that the stored row must have, and its time.
    seen: Vec<i64>,
    seen_at: Vec<DateTime<Utc>>,
    display_name: Vec<&'a str>,
    start_at: Vec<DateTime<Utc>>,
    end_at: Vec<Option<DateTime<Utc>>>,
    status: Vec<&'static str>,
    version: Vec<i64>,
    blocking_error: Vec<Option<String>>,
    statistics: Vec<&'a str>,
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

/// What an entry consists of, besides its key.
#[derive(Default)]
struct EntryParameters<'a> {
    event_id: Vec<Uuid>,
    actor: Vec<&'a str>,
    request_id: Vec<Uuid>,
    action: Vec<&'static str>,
    changes: Vec<String>,
}

/// The name of a parameter in the statement, and its type.
type Parameter = (&'static str, &'static str);

/// The first parameters of a row of `runs`.
const RUN_KEY: [Parameter; 6] = [
    ("number", "int"),
    ("flow_id", "uuid"),
    ("id", "uuid"),
    ("tenant_id", "uuid"),
    ("seen", "bigint"),
    ("seen_at", "timestamptz"),
];

/// The parameters of a row of `runs` that follow its [`RUN_COLUMNS`].
const RUN_TIMES: [Parameter; 2] = [("modified_at", "timestamptz"), ("deleted_at", "timestamptz")];

/// The first parameters of an earlier entry.
const EARLIER_KEY: [Parameter; 3] =
    [("number", "int"), ("version", "bigint"), ("occurred_at", "timestamptz")];

/// The parameters of a row of `runs`, in the order in which [`RunParameters::bind`] binds them.
fn run_parameters() -> Vec<Parameter> {
    let parameters = [&RUN_KEY[..], &of(&RUN_COLUMNS), &RUN_TIMES, &of(&EVENT_COLUMNS)];
    parameters.concat()
}

fn of(columns: &[Column]) -> Vec<Parameter> {
    let parameter = |column: &Column| (column.name, column.parameter());
    columns.iter().map(parameter).collect()
}

/// How a statement gets its rows: the arrays of a single row would cost more than its values.
#[derive(Clone, Copy)]
pub(crate) enum Rows {
    One,
    Many,
}

impl Rows {
    /// The rows as an item of FROM; their first parameter has the number `first`.
    fn source(self, name: &str, parameters: &[Parameter], first: usize) -> String {
        let values: Vec<_> = (first..)
            .zip(parameters)
            .map(|(number, (_, kind))| match self {
                Self::One => format!("${number}::{kind}"),
                Self::Many => format!("${number}::{kind}[]"),
            })
            .collect();
        let values = values.join(", ");
        let names: Vec<_> = parameters.iter().map(|(name, _)| *name).collect();
        let names = names.join(", ");
        match self {
            Self::One => format!("(VALUES ({values})) AS {name} ({names})"),
            Self::Many => format!("unnest({values}) AS {name} ({names})"),
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
    /// The rows as an item of FROM, with the name `row`.
    pub(crate) fn source(rows: Rows) -> String {
        rows.source("row", &run_parameters(), 1)
    }

    /// Whether the statement gets one row or several.
    pub(crate) const fn rows(&self) -> Rows {
        match self.number.len() {
            1 => Rows::One,
            _ => Rows::Many,
        }
    }

    /// Adds a run in its last version. The stored row must have the version of `seen`, and its time.
    pub(crate) fn push(
        &mut self,
        number: i32,
        seen: &Run,
        run: &'a Run,
        last: &'a RunEvent,
    ) -> sqlx::Result<()> {
        let RunProperties { display_name, start, state, blocking_error, statistics } =
            &run.properties;
        let error = blocking_error.as_ref().map(|error| json(error.members()));
        let modified_at = run.modified.date_time();
        let is_deleted = last.action == Action::Deleted;
        self.number.push(number);
        self.flow_id.push(run.key.flow.uuid());
        self.id.push(run.key.run.uuid());
        self.tenant_id.push(run.key.tenant.uuid());
        self.seen.push(seen.version.number());
        self.seen_at.push(seen.modified.date_time());
        self.display_name.push(display_name.as_str());
        self.start_at.push(start.date_time());
        self.end_at.push(state.end().map(|end| end.date_time()));
        self.status.push(state.status().as_str());
        self.version.push(last.version.number());
        self.blocking_error.push(error.transpose()?);
        self.statistics.push(statistics.text());
        self.modified_at.push(modified_at);
        self.deleted_at.push(is_deleted.then_some(modified_at));
        self.last.push(last)
    }

    /// Binds the rows.
    pub(crate) fn bind(self, rows: Rows, query: NumbersQuery<'a>) -> NumbersQuery<'a> {
        let query = rows.bind(query, self.number);
        let query = rows.bind(query, self.flow_id);
        let query = rows.bind(query, self.id);
        let query = rows.bind(query, self.tenant_id);
        let query = rows.bind(query, self.seen);
        let query = rows.bind(query, self.seen_at);
        let query = rows.bind(query, self.display_name);
        let query = rows.bind(query, self.start_at);
        let query = rows.bind(query, self.end_at);
        let query = rows.bind(query, self.status);
        let query = rows.bind(query, self.version);
        let query = rows.bind(query, self.blocking_error);
        let query = rows.bind(query, self.statistics);
        let query = rows.bind(query, self.modified_at);
        let query = rows.bind(query, self.deleted_at);
        self.last.bind(rows, query)
    }
}

impl<'a> EarlierParameters<'a> {
    /// The entries as an item of FROM, with the name `event`; their parameters follow those of [`RunParameters`].
    pub(crate) fn source() -> String {
        let parameters = [&EARLIER_KEY[..], &of(&EVENT_COLUMNS)].concat();
        Rows::Many.source("event", &parameters, run_parameters().len() + 1)
    }

    /// Adds an entry of the run with this number.
    pub(crate) fn push(&mut self, number: i32, event: &'a RunEvent) -> sqlx::Result<()> {
        self.number.push(number);
        self.version.push(event.version.number());
        self.occurred_at.push(event.occurred.date_time());
        self.entries.push(event)
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.number.is_empty()
    }

    /// Binds the rows.
    pub(crate) fn bind(self, query: NumbersQuery<'a>) -> NumbersQuery<'a> {
        let query = Rows::Many.bind(query, self.number);
        let query = Rows::Many.bind(query, self.version);
        let query = Rows::Many.bind(query, self.occurred_at);
        self.entries.bind(Rows::Many, query)
    }
}

impl<'a> EntryParameters<'a> {
    fn push(&mut self, event: &'a RunEvent) -> sqlx::Result<()> {
        let RunEvent { id, key: _, version: _, occurred: _, actor, request, action, changes } =
            event;
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

/// JSON is sent as text, which its column holds as it is.
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
        for PropertyChange { property, before, after } in self.0 {
            array.serialize_element(&StoredChange { property, before, after })?;
        }
        array.end()
    }
}
