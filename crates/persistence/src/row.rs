//! Rows as they are read, and the domain values that they become. [`columns`](crate::columns) lists the columns.

mod reader;
mod statistics;

use chrono::{DateTime, Utc};
use flowruns_domain::{
    dashboard::{RecentRun, RunSpan},
    display_name::DisplayName,
    flow::{DataDomain, Flow, FlowProperties, ReadinessStatus},
    id::{EventId, FlowId, FlowKey, RunId, RunKey, TenantId},
    json::{JsonObject, JsonValue},
    query::{ListedRun, RunDetails},
    run::{Action, PropertyChange, PublicError, Run, RunEvent, RunProperties, RunSummary},
    store::StoreError,
    version::Version,
};
use sqlx::{ColumnIndex as _, Decode, FromRow, Postgres, Row as _, postgres::PgRow, types::Json};
use uuid::Uuid;

use self::{
    reader::{ColumnReader, RowId},
    statistics::StatisticsColumn,
};
use crate::{columns::RUN_COLUMNS, error::store_error};

pub(crate) struct RunRow {
    id: Uuid,
    display_name: String,
    start_at: DateTime<Utc>,
    end_at: Option<DateTime<Utc>>,
    status: String,
    blocking_error: Option<Json<JsonObject>>,
    statistics: StatisticsColumn,
    version: i64,
    created_at: DateTime<Utc>,
    modified_at: DateTime<Utc>,
}

/// The number of columns of [`RUN`](crate::columns::RUN): the id, two times, and the others.
const RUN_PLACES: usize = RUN_COLUMNS.len() + 3;

/// The last columns of the row are those of [`RUN`](crate::columns::RUN). They are read by their places, which is cheaper than
/// to look for their names.
impl<'r> FromRow<'r, PgRow> for RunRow {
    fn from_row(row: &'r PgRow) -> sqlx::Result<Self> {
        let first = row.len().saturating_sub(RUN_PLACES);
        Ok(Self {
            id: row.try_get_unchecked(first)?,
            display_name: row.try_get_unchecked(first + 1)?,
            start_at: row.try_get_unchecked(first + 2)?,
            end_at: row.try_get_unchecked(first + 3)?,
            status: row.try_get_unchecked(first + 4)?,
            version: row.try_get_unchecked(first + 5)?,
            blocking_error: row.try_get_unchecked(first + 6)?,
            statistics: row.try_get_unchecked(first + 7)?,
            created_at: row.try_get_unchecked(first + 8)?,
            modified_at: row.try_get_unchecked(first + 9)?,
        })
    }
}

pub(crate) struct FlowRow {
    id: Uuid,
    display_name: String,
    readiness_status: String,
    data_domain: String,
    effective_at: DateTime<Utc>,
    expires_at: Option<DateTime<Utc>>,
    version: i64,
}

/// The columns are those of [`FLOW`](crate::columns::FLOW), in their order; only the first one is looked for by its name.
impl<'r> FromRow<'r, PgRow> for FlowRow {
    fn from_row(row: &'r PgRow) -> sqlx::Result<Self> {
        let first = "id".index(row)?;
        Ok(Self {
            id: row.try_get_unchecked(first)?,
            version: row.try_get_unchecked(first + 1)?,
            display_name: row.try_get_unchecked(first + 2)?,
            readiness_status: row.try_get_unchecked(first + 3)?,
            data_domain: row.try_get_unchecked(first + 4)?,
            effective_at: row.try_get_unchecked(first + 5)?,
            expires_at: row.try_get_unchecked(first + 6)?,
        })
    }
}

#[derive(FromRow)]
pub(crate) struct EventRow {
    version: i64,
    occurred_at: DateTime<Utc>,
    event_id: Uuid,
    actor: String,
    request_id: Uuid,
    action: String,
    changes: Json<Vec<JsonObject>>,
}

impl RunRow {
    pub(crate) fn into_run(self, key: RunKey) -> Result<Run, StoreError> {
        let reader = ColumnReader(RowId::Run(key.flow.uuid(), self.id));
        Ok(Run {
            key,
            version: reader.column("version", Version::new(self.version))?,
            created: reader.time("created_at", self.created_at)?,
            modified: reader.time("modified_at", self.modified_at)?,
            properties: RunProperties {
                display_name: reader
                    .column("display_name", DisplayName::from_stored(&self.display_name).ok())?,
                start: reader.time("start_at", self.start_at)?,
                state: reader.state(&self.status, self.end_at)?,
                blocking_error: self
                    .blocking_error
                    .map(|Json(members)| PublicError::from_stored(members)),
                statistics: reader.column("statistics", self.statistics.0)?,
            },
        })
    }
}

/// Reads the columns of [`LISTED_RUN`](crate::columns::LISTED_RUN) by their places, which in a list is much cheaper than to
/// look for their names in each row.
pub(crate) fn listed_run(row: &PgRow, tenant: TenantId) -> Result<ListedRun, StoreError> {
    Ok(ListedRun { summary: run_summary(row, tenant)?, details: None })
}

/// Reads the columns of [`RUN_WITH_DOCUMENTS`](crate::columns::RUN_WITH_DOCUMENTS), which begin with those of
/// [`listed_run`].
pub(crate) fn listed_run_with_documents(
    row: &PgRow,
    tenant: TenantId,
) -> Result<ListedRun, StoreError> {
    let summary = run_summary(row, tenant)?;
    let details = run_details(row, 7, summary.key)?;
    Ok(ListedRun { summary, details })
}

/// A column by its place, which in many rows is much cheaper than to look for its name. Its type is that of the migrations, and
/// is not compared again in each row.
pub(crate) fn column<'r, T: Decode<'r, Postgres>>(
    row: &'r PgRow,
    place: usize,
) -> Result<T, StoreError> {
    row.try_get_unchecked(place).map_err(store_error)
}

/// The index of a number that counts from 1.
pub(crate) fn index_of(number: i64) -> Option<usize> {
    usize::try_from(number.checked_sub(1)?).ok()
}

fn run_summary(row: &PgRow, tenant: TenantId) -> Result<RunSummary, StoreError> {
    let flow = column(row, 0)?;
    let reader = ColumnReader(RowId::Run(flow, column(row, 1)?));
    let flow = reader.column("flow_id", FlowId::new(flow).ok())?;
    summary_of_flow(row, 1, FlowKey { tenant, flow })
}

/// Reads the columns of a summary after the flow, from this place.
fn summary_of_flow(row: &PgRow, first: usize, flow: FlowKey) -> Result<RunSummary, StoreError> {
    let id = column(row, first)?;
    let name = column(row, first + 1)?;
    let start = column(row, first + 2)?;
    let end = column(row, first + 3)?;
    let status = column(row, first + 4)?;
    let version = column(row, first + 5)?;
    let reader = ColumnReader(RowId::Run(flow.flow.uuid(), id));
    Ok(RunSummary {
        key: flow.run(reader.column("id", RunId::new(id).ok())?),
        version: reader.column("version", Version::new(version))?,
        display_name: reader.column("display_name", DisplayName::from_stored(name).ok())?,
        start: reader.time("start_at", start)?,
        state: reader.state(status, end)?,
    })
}

/// Reads the columns of [`RECENT_RUN`](crate::columns::RECENT_RUN), from this place.
pub(crate) fn recent_run(
    row: &PgRow,
    first: usize,
    flow: FlowKey,
) -> Result<RecentRun, StoreError> {
    let RunSummary { key, version, display_name, start, state } =
        summary_of_flow(row, first, flow)?;
    Ok(RecentRun { id: key.run, version, display_name, start, state })
}

/// Reads runs of a flow from arrays of the columns of [`RECENT_RUN`](crate::columns::RECENT_RUN), from this place.
pub(crate) fn recent_runs(
    row: &PgRow,
    first: usize,
    flow: FlowKey,
) -> Result<Vec<RecentRun>, StoreError> {
    let names = array::<String>(row, first + 1)?.into_iter();
    let spans = run_spans(row, [first, first + 2, first + 3, first + 4], flow)?.into_iter();
    let versions = array::<i64>(row, first + 5)?.into_iter();
    let runs = spans.zip(names).zip(versions);
    let recent = |((span, name), version): ((RunSpan, String), _)| {
        let RunSpan { id, start, state } = span;
        let reader = ColumnReader(RowId::Run(flow.flow.uuid(), id.uuid()));
        Ok(RecentRun {
            id,
            version: reader.column("version", Version::new(version))?,
            display_name: reader.column("display_name", DisplayName::from_stored(&name).ok())?,
            start,
            state,
        })
    };
    runs.map(recent).collect()
}

/// Reads spans of runs of a flow from arrays of ids, starts, ends and statuses, at these places.
pub(crate) fn run_spans(
    row: &PgRow,
    [ids, starts, ends, statuses]: [usize; 4],
    flow: FlowKey,
) -> Result<Vec<RunSpan>, StoreError> {
    let starts = array::<DateTime<Utc>>(row, starts)?.into_iter();
    let ends = array::<Option<DateTime<Utc>>>(row, ends)?.into_iter();
    let states = array::<String>(row, statuses)?.into_iter().zip(ends);
    let runs = array::<Uuid>(row, ids)?.into_iter().zip(starts.zip(states));
    let span = |(id, (start, (status, end))): (Uuid, (_, (String, _)))| {
        let reader = ColumnReader(RowId::Run(flow.flow.uuid(), id));
        Ok(RunSpan {
            id: reader.column("id", RunId::new(id).ok())?,
            start: reader.time("start_at", start)?,
            state: reader.state(&status, end)?,
        })
    };
    runs.map(span).collect()
}

/// An array by its place; null is an empty one.
fn array<'r, T>(row: &'r PgRow, place: usize) -> Result<Vec<T>, StoreError>
where
    Vec<T>: Decode<'r, Postgres>,
{
    let values: Option<Vec<T>> = column(row, place)?;
    Ok(values.unwrap_or_default())
}

/// Reads the columns blocking_error and statistics, from this place. `None` where they were not read.
pub(crate) fn run_details(
    row: &PgRow,
    first: usize,
    run: RunKey,
) -> Result<Option<RunDetails>, StoreError> {
    let Some(StatisticsColumn(statistics)) = column(row, first + 1)? else {
        return Ok(None);
    };
    let error: Option<Json<JsonObject>> = column(row, first)?;
    let reader = ColumnReader(RowId::Run(run.flow.uuid(), run.run.uuid()));
    Ok(Some(RunDetails {
        blocking_error: error.map(|Json(members)| PublicError::from_stored(members)),
        statistics: reader.column("statistics", statistics)?,
    }))
}

impl FlowRow {
    pub(crate) fn into_flow(self, tenant: TenantId) -> Result<Flow, StoreError> {
        let reader = ColumnReader(RowId::Flow(self.id));
        let expiration = self.expires_at.map(|time| reader.time("expires_at", time)).transpose()?;
        let flow = reader.column("id", FlowId::new(self.id).ok())?;
        Ok(Flow {
            key: FlowKey { tenant, flow },
            version: reader.column("version", Version::new(self.version))?,
            properties: FlowProperties {
                display_name: reader
                    .column("display_name", DisplayName::from_stored(&self.display_name).ok())?,
                readiness_status: reader.column(
                    "readiness_status",
                    ReadinessStatus::from_name(&self.readiness_status),
                )?,
                data_domain: reader
                    .column("data_domain", DataDomain::from_name(&self.data_domain))?,
                effective: reader.time("effective_at", self.effective_at)?,
                expiration,
            },
        })
    }
}

impl EventRow {
    pub(crate) fn into_event(self, key: RunKey) -> Result<RunEvent, StoreError> {
        let reader = ColumnReader(RowId::Event(key, self.version));
        let changes = self.changes.0.into_iter().map(change).collect::<Option<Vec<_>>>();
        Ok(RunEvent {
            id: reader.column("event_id", EventId::new(self.event_id).ok())?,
            key,
            version: reader.column("version", Version::new(self.version))?,
            occurred: reader.time("occurred_at", self.occurred_at)?,
            actor: self.actor,
            request: self.request_id,
            action: reader.column("action", Action::from_name(&self.action))?,
            changes: reader.column("changes", changes)?,
        })
    }
}

fn change(mut members: JsonObject) -> Option<PropertyChange> {
    let JsonValue::String(property) = members.remove("property")? else {
        return None;
    };
    Some(PropertyChange {
        property,
        before: members.remove("before")?,
        after: members.remove("after")?,
    })
}

#[cfg(test)]
mod tests;
