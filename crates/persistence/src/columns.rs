//! Many rows as the arrays of one statement. Beside `row` this is the only place that maps columns.

use chrono::{DateTime, Utc};
use flowruns_domain::{Action, PropertyChange, Run, RunEvent, RunProperties, Version};
use serde::{Serialize, ser::SerializeSeq};
use sqlx::{Postgres, postgres::PgArguments, query::QueryScalar};
use uuid::Uuid;

/// A statement that returns the numbers of the rows that it wrote.
pub(crate) type Numbers<'q> = QueryScalar<'q, Postgres, i32, PgArguments>;

/// Rows of `runs`, each with the entry of `run_events` for its last version: 19 arrays.
#[derive(Default)]
pub(crate) struct RunColumns<'a> {
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
    last: EntryColumns<'a>,
}

/// Entries of `run_events` for versions before the last: 8 arrays. The number is that of the row of `runs`.
#[derive(Default)]
pub(crate) struct EarlierColumns<'a> {
    number: Vec<i32>,
    version: Vec<i64>,
    occurred_at: Vec<DateTime<Utc>>,
    entries: EntryColumns<'a>,
}

/// What an entry holds beside its key.
#[derive(Default)]
struct EntryColumns<'a> {
    event_id: Vec<Uuid>,
    actor: Vec<&'a str>,
    request_id: Vec<Uuid>,
    action: Vec<&'static str>,
    changes: Vec<String>,
}

impl<'a> RunColumns<'a> {
    /// The declaration of the arrays, from $1 on.
    pub(crate) const ROWS: &'static str = "unnest($1::int[], $2::uuid[], $3::uuid[], $4::uuid[], $5::bigint[], \
        $6::text[], $7::timestamptz[], $8::timestamptz[], $9::text[], $10::text[], $11::text[], $12::bigint[], \
        $13::timestamptz[], $14::timestamptz[], $15::uuid[], $16::text[], $17::uuid[], $18::text[], $19::text[]) \
        AS row (number, flow_id, id, tenant_id, seen, display_name, start_at, end_at, status, blocking_error, \
        statistics, version, modified_at, deleted_at, event_id, actor, request_id, action, changes)";

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

    /// Binds $1 to $19.
    pub(crate) fn bind(self, query: Numbers<'a>) -> Numbers<'a> {
        let query = query
            .bind(self.number)
            .bind(self.flow_id)
            .bind(self.id)
            .bind(self.tenant_id)
            .bind(self.seen)
            .bind(self.display_name)
            .bind(self.start_at)
            .bind(self.end_at)
            .bind(self.status)
            .bind(self.blocking_error)
            .bind(self.statistics)
            .bind(self.version)
            .bind(self.modified_at)
            .bind(self.deleted_at);
        self.last.bind(query)
    }
}

impl<'a> EarlierColumns<'a> {
    /// The declaration of the arrays, from $20 on.
    pub(crate) const ROWS: &'static str = "unnest($20::int[], $21::bigint[], $22::timestamptz[], $23::uuid[], \
        $24::text[], $25::uuid[], $26::text[], $27::text[]) AS event (number, version, occurred_at, event_id, \
        actor, request_id, action, changes)";

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

    /// Binds $20 to $27.
    pub(crate) fn bind(self, query: Numbers<'a>) -> Numbers<'a> {
        let query = query
            .bind(self.number)
            .bind(self.version)
            .bind(self.occurred_at);
        self.entries.bind(query)
    }
}

impl<'a> EntryColumns<'a> {
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

    fn bind(self, query: Numbers<'a>) -> Numbers<'a> {
        query
            .bind(self.event_id)
            .bind(self.actor)
            .bind(self.request_id)
            .bind(self.action)
            .bind(self.changes)
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
