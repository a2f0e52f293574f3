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
use sqlx::{Decode, FromRow, Postgres, Row as _, postgres::PgRow, types::Json};
use uuid::Uuid;

use self::{
    reader::{ColumnReader, RowId},
    statistics::StatisticsColumn,
};
use crate::error::store_error;

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

/// The number of columns of [`RUN`](crate::columns::RUN).
const RUN_PLACES: usize = 10;

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

#[derive(FromRow)]
pub(crate) struct RunSummaryRow {
    id: Uuid,
    display_name: String,
    start_at: DateTime<Utc>,
    end_at: Option<DateTime<Utc>>,
    status: String,
    version: i64,
}

#[derive(FromRow)]
pub(crate) struct RecentRunRow {
    #[sqlx(flatten)]
    summary: RunSummaryRow,
    modified_at: DateTime<Utc>,
}

#[derive(FromRow)]
pub(crate) struct RunSpanRow {
    id: Uuid,
    start_at: DateTime<Utc>,
    end_at: Option<DateTime<Utc>>,
    status: String,
}

/// The documents of a run, where they were read.
#[derive(FromRow)]
pub(crate) struct DocumentsRow {
    blocking_error: Option<Json<JsonObject>>,
    /// `None` where the documents were not read.
    statistics: Option<StatisticsColumn>,
}

#[derive(FromRow)]
pub(crate) struct FlowRow {
    id: Uuid,
    display_name: String,
    readiness_status: String,
    data_domain: String,
    effective_at: DateTime<Utc>,
    expires_at: Option<DateTime<Utc>>,
    version: i64,
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

impl RunSummaryRow {
    pub(crate) fn into_summary(self, flow: FlowKey) -> Result<RunSummary, StoreError> {
        let reader = ColumnReader(RowId::Run(flow.flow.uuid(), self.id));
        Ok(RunSummary {
            key: flow.run(reader.column("id", RunId::new(self.id).ok())?),
            version: reader.column("version", Version::new(self.version))?,
            display_name: reader
                .column("display_name", DisplayName::from_stored(&self.display_name).ok())?,
            start: reader.time("start_at", self.start_at)?,
            state: reader.state(&self.status, self.end_at)?,
        })
    }
}

impl RecentRunRow {
    pub(crate) fn into_recent(self, flow: FlowKey) -> Result<RecentRun, StoreError> {
        let reader = ColumnReader(RowId::Run(flow.flow.uuid(), self.summary.id));
        let RunSummary { key, version, display_name, start, state } =
            self.summary.into_summary(flow)?;
        let last_modified = reader.time("modified_at", self.modified_at)?;
        Ok(RecentRun { id: key.run, version, display_name, start, state, last_modified })
    }
}

impl RunSpanRow {
    pub(crate) fn into_span(self, flow: FlowKey) -> Result<RunSpan, StoreError> {
        let reader = ColumnReader(RowId::Run(flow.flow.uuid(), self.id));
        Ok(RunSpan {
            id: reader.column("id", RunId::new(self.id).ok())?,
            start: reader.time("start_at", self.start_at)?,
            state: reader.state(&self.status, self.end_at)?,
        })
    }
}

impl DocumentsRow {
    pub(crate) fn into_details(self, run: RunKey) -> Result<Option<RunDetails>, StoreError> {
        let Some(StatisticsColumn(statistics)) = self.statistics else {
            return Ok(None);
        };
        let reader = ColumnReader(RowId::Run(run.flow.uuid(), run.run.uuid()));
        let blocking_error =
            self.blocking_error.map(|Json(members)| PublicError::from_stored(members));
        let statistics = reader.column("statistics", statistics)?;
        Ok(Some(RunDetails { blocking_error, statistics }))
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
    let error: Option<Json<JsonObject>> = column(row, 7)?;
    let StatisticsColumn(statistics) = column(row, 8)?;
    let reader = ColumnReader(RowId::Run(summary.key.flow.uuid(), summary.key.run.uuid()));
    let details = RunDetails {
        blocking_error: error.map(|Json(members)| PublicError::from_stored(members)),
        statistics: reader.column("statistics", statistics)?,
    };
    Ok(ListedRun { summary, details: Some(details) })
}

/// A column by its place. Its type is that of the migrations, and is not compared again in each row.
fn column<'r, T: Decode<'r, Postgres>>(row: &'r PgRow, place: usize) -> Result<T, StoreError> {
    row.try_get_unchecked(place).map_err(store_error)
}

fn run_summary(row: &PgRow, tenant: TenantId) -> Result<RunSummary, StoreError> {
    let flow = column(row, 0)?;
    let id = column(row, 1)?;
    let name = column(row, 2)?;
    let start = column(row, 3)?;
    let end = column(row, 4)?;
    let status = column(row, 5)?;
    let version = column(row, 6)?;
    let reader = ColumnReader(RowId::Run(flow, id));
    let flow = reader.column("flow_id", FlowId::new(flow).ok())?;
    Ok(RunSummary {
        key: FlowKey { tenant, flow }.run(reader.column("id", RunId::new(id).ok())?),
        version: reader.column("version", Version::new(version))?,
        display_name: reader.column("display_name", DisplayName::from_stored(name).ok())?,
        start: reader.time("start_at", start)?,
        state: reader.state(status, end)?,
    })
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
