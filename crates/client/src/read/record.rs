//! What the service shows, as types.

use flowruns_domain::{
    id::{FlowId, RunId},
    json::{JsonObject, JsonValue},
    timestamp::Timestamp,
};
use serde::de::DeserializeOwned;
use serde_json::Value;
use uuid::Uuid;

use crate::{Error, RunAddress, Status, refusal::text, send::Answer};

/// A flow.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct FlowRecord {
    /// Its id.
    pub id: FlowId,
    /// Its name. Several flows may have the same.
    pub display_name: String,
    /// Whether it is ready: `ready`, `notReady`, `failed`, `expired` and others. It does not stop runs from reporting.
    pub readiness: String,
    /// When its runs begin to be expected.
    pub effective: Option<Timestamp>,
    /// When they end to be expected.
    pub expiration: Option<Timestamp>,
    /// Its entity tag.
    pub etag: String,
}

/// A run as lists show it.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct RunRow {
    /// Its flow and id.
    pub address: RunAddress,
    /// The name of its flow, if the query asked for it.
    pub flow_name: Option<String>,
    /// Its name.
    pub display_name: String,
    /// When it started.
    pub start: Timestamp,
    /// When it ended. `None` while it is running.
    pub end: Option<Timestamp>,
    /// Its status.
    pub status: Status,
    /// Its entity tag.
    pub etag: String,
}

/// A run with all its properties.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct RunRecord {
    /// Its flow and id.
    pub address: RunAddress,
    /// Its name.
    pub display_name: String,
    /// When it started.
    pub start: Timestamp,
    /// When it ended. `None` while it is running.
    pub end: Option<Timestamp>,
    /// Its status.
    pub status: Status,
    /// Why it failed, or which records it dropped: `code`, `message` and other members.
    pub blocking_error: Option<JsonObject>,
    /// Its statistics.
    pub statistics: JsonObject,
    /// Its entity tag: it changes with each change of the run.
    pub etag: String,
}

/// A change of a run.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct HistoryEntry {
    /// The version of the run after it; 1 is the creation.
    pub version: i64,
    /// When it was stored.
    pub occurred: Timestamp,
    /// Who sent it, from the token.
    pub actor: String,
    /// The server's id for the request.
    pub request: Option<Uuid>,
    /// `created`, `updated` or `deleted`.
    pub action: String,
    /// What changed.
    pub changes: Vec<Change>,
}

/// A property, or a top-level member of statistics, that changed.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Change {
    /// Its path, such as `status` or `statistics/rows`.
    pub property: String,
    /// The value before; null if it had none.
    pub before: JsonValue,
    /// The value after.
    pub after: JsonValue,
}

impl RunRecord {
    /// The statistics as a type.
    ///
    /// # Errors
    ///
    /// The statistics have another form.
    pub fn statistics_as<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_value(serde_json::to_value(&self.statistics)?)
    }

    /// The flow is that of `@odata.id`, or the one in `@odata.context`; both are URLs with it.
    pub(crate) fn read(answer: &Answer) -> Result<Self, Error> {
        let body = json(answer)?;
        Self::of(&body).ok_or_else(|| unreadable("a run"))
    }

    fn of(body: &Value) -> Option<Self> {
        let RunRow { address, display_name, start, end, status, etag, flow_name: _ } =
            RunRow::of(body, None)?;
        let object = |name: &str| match body.get(name) {
            None | Some(Value::Null) => Some(None),
            Some(value) => serde_json::from_value::<JsonObject>(value.clone()).ok().map(Some),
        };
        Some(Self {
            address,
            display_name,
            start,
            end,
            status,
            blocking_error: object("blockingError")?,
            statistics: object("statistics")?.unwrap_or_default(),
            etag,
        })
    }
}

impl RunRow {
    /// `flow` is the flow of the list, if it is one of a flow.
    pub(crate) fn of(body: &Value, flow: Option<FlowId>) -> Option<Self> {
        let named = || {
            let url = |name| Some(text(body, name)).filter(|url| !url.is_empty());
            flow_in(url("@odata.id").or_else(|| url("@odata.context"))?)
        };
        let end = text(body, "endDateTime");
        let flow_name = body.get("process").map(|process| text(process, "displayName").to_owned());
        Some(Self {
            address: RunAddress {
                flow: flow.or_else(named)?,
                run: text(body, "id").parse::<RunId>().ok()?,
            },
            flow_name,
            display_name: text(body, "displayName").to_owned(),
            start: text(body, "startDateTime").parse().ok()?,
            end: if end.is_empty() { None } else { Some(end.parse().ok()?) },
            status: Status::from_name(body.get("status")?.as_str()?),
            etag: text(body, "@odata.etag").to_owned(),
        })
    }
}

impl FlowRecord {
    pub(crate) fn read(answer: &Answer) -> Result<Self, Error> {
        Self::of(&json(answer)?).ok_or_else(|| unreadable("a flow"))
    }

    pub(crate) fn of(body: &Value) -> Option<Self> {
        Some(Self {
            id: text(body, "id").parse().ok()?,
            display_name: text(body, "displayName").to_owned(),
            readiness: text(body, "readinessStatus").to_owned(),
            effective: text(body, "recurrenceEffectiveDateTime").parse().ok(),
            expiration: text(body, "recurrenceExpirationDateTime").parse().ok(),
            etag: text(body, "@odata.etag").to_owned(),
        })
    }
}

impl HistoryEntry {
    pub(crate) fn of(body: &Value) -> Option<Self> {
        let changes = body.get("changes")?.as_array()?.iter();
        let changes = changes.map(|change| {
            let value = |name| {
                let value = change.get(name).cloned().unwrap_or_default();
                serde_json::from_value::<JsonValue>(value).ok()
            };
            Some(Change {
                property: text(change, "property").to_owned(),
                before: value("before")?,
                after: value("after")?,
            })
        });
        Some(Self {
            version: body.get("version")?.as_i64()?,
            occurred: text(body, "occurredDateTime").parse().ok()?,
            actor: text(body, "actor").to_owned(),
            request: text(body, "requestId").parse().ok(),
            action: text(body, "action").to_owned(),
            changes: changes.collect::<Option<_>>()?,
        })
    }
}

/// The flow that a URL names: what follows `incomingFlows`, in a segment or in parentheses.
fn flow_in(url: &str) -> Option<FlowId> {
    const NAME: &str = "incomingFlows";
    let after = &url[url.find(NAME)? + NAME.len()..];
    let after = after.trim_start_matches(['/', '(', '\'']).replace("%27", "");
    after.get(..36)?.parse().ok()
}

pub(crate) fn json(answer: &Answer) -> Result<Value, Error> {
    serde_json::from_slice(&answer.body).map_err(|error| Error::Unreadable(error.to_string()))
}

pub(crate) fn unreadable(what: &str) -> Error {
    Error::Unreadable(format!("it does not have the form of {what}"))
}
