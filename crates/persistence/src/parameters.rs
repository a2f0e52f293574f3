//! Rows as the parameters of one statement: one array of a composite type, or the values of a single row.

use chrono::{DateTime, Utc};
use flowruns_domain::run::{Action, PropertyChange, Run, RunEvent, RunProperties};
use serde::{Serialize, ser::SerializeSeq};
use sqlx::{
    Postgres, Type,
    postgres::{PgArguments, PgHasArrayType, PgTypeInfo},
    query::QueryScalar,
};
use uuid::Uuid;

use crate::columns::{Column, EVENT_COLUMNS, RUN_COLUMNS};

/// A statement that returns the numbers of the rows that it wrote.
pub(crate) type NumbersQuery<'q> = QueryScalar<'q, Postgres, i32, PgArguments>;

/// A row of `runs`, with the entry of `run_events` for its last version. The fields are those of the composite type, in its
/// order: one array of it costs a quarter less to read than an array for each field.
#[derive(sqlx::Encode)]
struct RunWrite<'a> {
    /// The number of the row in its statement, from 0.
    number: i32,
    flow_id: Uuid,
    id: Uuid,
    tenant_id: Uuid,
    /// The version that the stored row must have, and its time.
    seen: i64,
    seen_at: DateTime<Utc>,
    display_name: &'a str,
    start_at: DateTime<Utc>,
    end_at: Option<DateTime<Utc>>,
    status: &'static str,
    version: i64,
    blocking_error: Option<String>,
    statistics: &'a str,
    modified_at: DateTime<Utc>,
    deleted_at: Option<DateTime<Utc>>,
    event_id: Uuid,
    actor: &'a str,
    request_id: Uuid,
    action: &'static str,
    changes: String,
}

/// The composite type, which a migration creates.
const RUN_WRITE: &str = "run_write";

impl Type<Postgres> for RunWrite<'_> {
    fn type_info() -> PgTypeInfo {
        PgTypeInfo::with_name(RUN_WRITE)
    }
}

impl PgHasArrayType for RunWrite<'_> {
    fn array_type_info() -> PgTypeInfo {
        PgTypeInfo::array_of(RUN_WRITE)
    }
}

/// Rows of `runs`.
#[derive(Default)]
pub(crate) struct RunParameters<'a>(Vec<RunWrite<'a>>);

/// Entries of `run_events` for versions before the last. The number is that of the row of `runs`.
#[derive(Default)]
pub(crate) struct EarlierParameters<'a> {
    number: Vec<i32>,
    flow_id: Vec<Uuid>,
    run_id: Vec<Uuid>,
    tenant_id: Vec<Uuid>,
    version: Vec<i64>,
    occurred_at: Vec<DateTime<Utc>>,
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
const EARLIER_KEY: [Parameter; 6] = [
    ("number", "int"),
    ("flow_id", "uuid"),
    ("run_id", "uuid"),
    ("tenant_id", "uuid"),
    ("version", "bigint"),
    ("occurred_at", "timestamptz"),
];

/// The parameters of a single row of `runs`, in the order of the fields of [`RunWrite`].
fn run_parameters() -> Vec<Parameter> {
    let parameters = [&RUN_KEY[..], &of(&RUN_COLUMNS), &RUN_TIMES, &of(&EVENT_COLUMNS)];
    parameters.concat()
}

fn of(columns: &[Column]) -> Vec<Parameter> {
    let parameter = |column: &Column| (column.name, column.parameter());
    columns.iter().map(parameter).collect()
}

/// How a statement gets its rows: an array of a single row would cost more than its values.
#[derive(Clone, Copy)]
pub(crate) enum Rows {
    One,
    Many,
}

/// The names of parameters, and the parameters with their types and this suffix. The first has the number `first`.
fn listed(parameters: &[Parameter], first: usize, suffix: &str) -> (String, String) {
    let names: Vec<_> = parameters.iter().map(|(name, _)| *name).collect();
    let values: Vec<_> = (first..)
        .zip(parameters)
        .map(|(number, (_, kind))| format!("${number}::{kind}{suffix}"))
        .collect();
    (names.join(", "), values.join(", "))
}

impl<'a> RunParameters<'a> {
    /// The rows as an item of FROM, with the name `row`.
    pub(crate) fn source(rows: Rows) -> String {
        match rows {
            Rows::Many => format!("unnest($1::{RUN_WRITE}[]) AS row"),
            Rows::One => {
                let (names, values) = listed(&run_parameters(), 1, "");
                format!("(VALUES ({values})) AS row ({names})")
            }
        }
    }

    /// Adds a run in its last version. The stored row must have the version of `seen`, and its time.
    pub(crate) fn push(
        &mut self,
        seen: &Run,
        run: &'a Run,
        last: &'a RunEvent,
    ) -> sqlx::Result<()> {
        let RunProperties { display_name, start, state, blocking_error, statistics } =
            &run.properties;
        let error = blocking_error.as_ref().map(|error| json(error.members()));
        let modified_at = run.modified.date_time();
        let is_deleted = last.action == Action::Deleted;
        self.0.push(RunWrite {
            number: number_of(self.0.len())?,
            flow_id: run.key.flow.uuid(),
            id: run.key.run.uuid(),
            tenant_id: run.key.tenant.uuid(),
            seen: seen.version.number(),
            seen_at: seen.modified.date_time(),
            display_name: display_name.as_str(),
            start_at: start.date_time(),
            end_at: state.end().map(|end| end.date_time()),
            status: state.status().as_str(),
            version: last.version.number(),
            blocking_error: error.transpose()?,
            statistics: statistics.text(),
            modified_at,
            deleted_at: is_deleted.then_some(modified_at),
            event_id: last.id.uuid(),
            actor: &last.actor,
            request_id: last.request,
            action: last.action.as_str(),
            changes: json(&StoredChanges(&last.changes))?,
        });
        Ok(())
    }

    /// Binds the rows to the statement for a single row, or to the one for many.
    pub(crate) fn bind(
        self,
        one: NumbersQuery<'a>,
        many: impl FnOnce() -> NumbersQuery<'a>,
    ) -> NumbersQuery<'a> {
        match <[RunWrite<'a>; 1]>::try_from(self.0) {
            Ok([row]) => row.bind(one),
            Err(rows) => many().bind(rows),
        }
    }

    /// Binds the rows to a statement for many.
    pub(crate) fn bind_many(self, many: NumbersQuery<'a>) -> NumbersQuery<'a> {
        many.bind(self.0)
    }
}

impl<'a> RunWrite<'a> {
    /// Binds every field.
    fn bind(self, query: NumbersQuery<'a>) -> NumbersQuery<'a> {
        let query = query.bind(self.number).bind(self.flow_id).bind(self.id).bind(self.tenant_id);
        let query = query.bind(self.seen).bind(self.seen_at);
        let query = query.bind(self.display_name).bind(self.start_at).bind(self.end_at);
        let query = query.bind(self.status).bind(self.version);
        let query = query.bind(self.blocking_error).bind(self.statistics);
        let query = query.bind(self.modified_at).bind(self.deleted_at);
        let query = query.bind(self.event_id).bind(self.actor).bind(self.request_id);
        query.bind(self.action).bind(self.changes)
    }
}

impl<'a> EarlierParameters<'a> {
    /// The entries as an item of FROM, with the name `event`; their parameters follow the array of rows of `runs`.
    pub(crate) fn source() -> String {
        let parameters = [&EARLIER_KEY[..], &of(&EVENT_COLUMNS)].concat();
        let (names, values) = listed(&parameters, 2, "[]");
        format!("unnest({values}) AS event ({names})")
    }

    /// Adds an entry of the run with this number.
    pub(crate) fn push(&mut self, run: usize, event: &'a RunEvent) -> sqlx::Result<()> {
        let RunEvent { id, key, version, occurred, actor, request, action, changes } = event;
        self.number.push(number_of(run)?);
        self.flow_id.push(key.flow.uuid());
        self.run_id.push(key.run.uuid());
        self.tenant_id.push(key.tenant.uuid());
        self.version.push(version.number());
        self.occurred_at.push(occurred.date_time());
        self.event_id.push(id.uuid());
        self.actor.push(actor);
        self.request_id.push(*request);
        self.action.push(action.as_str());
        self.changes.push(json(&StoredChanges(changes))?);
        Ok(())
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.number.is_empty()
    }

    /// Binds the entries.
    pub(crate) fn bind(self, query: NumbersQuery<'a>) -> NumbersQuery<'a> {
        let query = query.bind(self.number);
        let query = query.bind(self.flow_id).bind(self.run_id).bind(self.tenant_id);
        let query = query.bind(self.version).bind(self.occurred_at);
        let query = query.bind(self.event_id).bind(self.actor).bind(self.request_id);
        query.bind(self.action).bind(self.changes)
    }
}

fn number_of(index: usize) -> sqlx::Result<i32> {
    i32::try_from(index).map_err(|error| sqlx::Error::Encode(error.into()))
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
