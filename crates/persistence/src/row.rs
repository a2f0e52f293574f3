//! Rows as they are read, and the domain values that they become. [`columns`](crate::columns) lists the columns.

use chrono::{DateTime, Utc};
use flowruns_domain::{
    dashboard::{RecentRun, RunSpan},
    display_name::DisplayName,
    flow::{DataDomain, Flow, FlowProperties, ReadinessStatus},
    id::{EventId, FlowKey, RunId, RunKey, TenantId},
    json::{JsonObject, JsonValue},
    query::{ListedRun, RunDetails},
    run::{
        Action, PropertyChange, PublicError, Run, RunEvent, RunProperties, RunState, RunStatus,
        RunSummary, Statistics,
    },
    store::{StoreError, StoreErrorKind},
    timestamp::Timestamp,
    version::Version,
};
use sqlx::{FromRow, types::Json};
use uuid::Uuid;

#[derive(FromRow)]
pub(crate) struct RunRow {
    id: Uuid,
    display_name: String,
    start_at: DateTime<Utc>,
    end_at: Option<DateTime<Utc>>,
    status: String,
    blocking_error: Option<Json<JsonObject>>,
    statistics: Json<JsonObject>,
    version: i64,
    created_at: DateTime<Utc>,
    modified_at: DateTime<Utc>,
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

#[derive(FromRow)]
pub(crate) struct ListedRunRow {
    flow_id: Uuid,
    #[sqlx(flatten)]
    summary: RunSummaryRow,
    #[sqlx(default)]
    blocking_error: Option<Json<JsonObject>>,
    /// `None` where the documents were not read.
    #[sqlx(default)]
    statistics: Option<Json<JsonObject>>,
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

/// Makes domain values of columns. An impossible value is an error with its table, column and row.
struct ColumnReader {
    table: &'static str,
    id: String,
}

impl ColumnReader {
    fn column<T>(&self, column: &'static str, value: Option<T>) -> Result<T, StoreError> {
        let corrupt = || StoreErrorKind::Corrupt { table: self.table, column, id: self.id.clone() };
        value.ok_or_else(|| StoreError { kind: corrupt(), source: None })
    }

    fn time(&self, column: &'static str, value: DateTime<Utc>) -> Result<Timestamp, StoreError> {
        self.column(column, Timestamp::new(value).ok())
    }

    fn state(&self, status: &str, end: Option<DateTime<Utc>>) -> Result<RunState, StoreError> {
        match (self.column("status", RunStatus::from_name(status))?, end) {
            (RunStatus::Running, None) => Ok(RunState::Running),
            (RunStatus::Ended(outcome), Some(end)) => {
                Ok(RunState::Ended { outcome, at: self.time("end_at", end)? })
            }
            _ => self.column("end_at", None),
        }
    }
}

impl RunRow {
    pub(crate) fn into_run(self, key: RunKey) -> Result<Run, StoreError> {
        let reader = ColumnReader { table: "runs", id: format!("{}/{}", key.flow, self.id) };
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
                statistics: Statistics::from_stored(self.statistics.0),
            },
        })
    }
}

impl RunSummaryRow {
    pub(crate) fn into_summary(self, flow: FlowKey) -> Result<RunSummary, StoreError> {
        let reader = ColumnReader { table: "runs", id: format!("{}/{}", flow.flow, self.id) };
        Ok(RunSummary {
            key: flow.run(reader.column("id", self.id.to_string().parse().ok())?),
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
        let id = format!("{}/{}", flow.flow, self.summary.id);
        let reader = ColumnReader { table: "runs", id };
        let RunSummary { key, version, display_name, start, state } =
            self.summary.into_summary(flow)?;
        let last_modified = reader.time("modified_at", self.modified_at)?;
        Ok(RecentRun { id: key.run, version, display_name, start, state, last_modified })
    }
}

impl RunSpanRow {
    pub(crate) fn into_span(self, flow: FlowKey) -> Result<RunSpan, StoreError> {
        let reader = ColumnReader { table: "runs", id: format!("{}/{}", flow.flow, self.id) };
        Ok(RunSpan {
            id: reader.column("id", RunId::new(self.id).ok())?,
            start: reader.time("start_at", self.start_at)?,
            state: reader.state(&self.status, self.end_at)?,
        })
    }
}

/// The documents of a run; `None` if the statistics, which are never null, were not read.
pub(crate) fn details(
    blocking_error: Option<Json<JsonObject>>,
    statistics: Option<Json<JsonObject>>,
) -> Option<RunDetails> {
    statistics.map(|Json(statistics)| RunDetails {
        blocking_error: blocking_error.map(|Json(members)| PublicError::from_stored(members)),
        statistics: Statistics::from_stored(statistics),
    })
}

impl ListedRunRow {
    pub(crate) fn into_listed(self, tenant: TenantId) -> Result<ListedRun, StoreError> {
        let reader =
            ColumnReader { table: "runs", id: format!("{}/{}", self.flow_id, self.summary.id) };
        let flow = reader.column("flow_id", self.flow_id.to_string().parse().ok())?;
        Ok(ListedRun {
            summary: self.summary.into_summary(FlowKey { tenant, flow })?,
            details: details(self.blocking_error, self.statistics),
        })
    }
}

impl FlowRow {
    pub(crate) fn into_flow(self, tenant: TenantId) -> Result<Flow, StoreError> {
        let reader = ColumnReader { table: "flows", id: self.id.to_string() };
        let expiration = self.expires_at.map(|time| reader.time("expires_at", time)).transpose()?;
        let flow = reader.column("id", self.id.to_string().parse().ok())?;
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
        let reader = ColumnReader {
            table: "run_events",
            id: format!("{}/{}/{}", key.flow, key.run, self.version),
        };
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
