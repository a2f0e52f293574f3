//! A run as JSON: what a client sends, and what it gets. The one place that maps properties to the wire.

use flowruns_domain::{
    Fault, Flow, ListedRun, NewRun, PublicError, PublicErrorPatch, Run, RunId, RunKey, RunPatch,
    RunStatus, Statistics,
    json::{JsonObject, JsonValue},
    property,
};
use serde::Serialize;

use crate::{
    extract::{Properties, date_time, display_name, object, text},
    flows::FlowBody,
    odata::{root::ServiceRoot, select::Selection},
    respond::{Typed, shown_tag},
};

const TYPE: &str = "#microsoft.graph.run";
/// Of every run, for clients that write back what they read.
const READ_ONLY: [&str; 2] = ["process", "eTag"];

/// Reads a report on the run of the URL.
pub(super) fn read_patch(body: JsonObject, url_id: RunId) -> Result<RunPatch, Vec<Fault>> {
    let mut properties = Properties::new(body);
    let patch = RunPatch {
        display_name: properties.field(property::DISPLAY_NAME, display_name),
        start: properties.field(property::START_DATE_TIME, date_time),
        end: properties.nullable(property::END_DATE_TIME, date_time),
        status: properties.member(property::STATUS, &statuses()),
        blocking_error: properties.nullable(property::BLOCKING_ERROR, public_error),
        statistics: properties.field(property::STATISTICS, object),
    };
    properties.same_id(url_id);
    properties.ignore(&READ_ONLY);
    let mut faults = properties.finish();
    faults.extend(patch.contradictions());
    if faults.is_empty() {
        Ok(patch)
    } else {
        Err(faults)
    }
}

/// Reads a creation, and the id that the client made for it.
pub(super) fn read_new(body: JsonObject) -> Result<(Option<RunId>, NewRun), Vec<Fault>> {
    let mut properties = Properties::new(body);
    let id = properties.field(property::ID, run_id);
    let name = properties.required(property::DISPLAY_NAME, display_name);
    let start = properties.field(property::START_DATE_TIME, date_time);
    let end = properties.nullable(property::END_DATE_TIME, date_time);
    let status = properties.new_member(property::STATUS, &statuses());
    let blocking_error = properties.nullable(property::BLOCKING_ERROR, public_error);
    let statistics = properties.field(property::STATISTICS, object);
    properties.ignore(&READ_ONLY);
    let faults = properties.finish();
    match name {
        Some(display_name) if faults.is_empty() => {
            let new = NewRun {
                display_name,
                start: start.value().copied(),
                end: end.value().copied(),
                status: status.value().copied().unwrap_or(RunStatus::Running),
                blocking_error: blocking_error.value().cloned(),
                statistics: statistics.value().cloned().unwrap_or_default(),
            };
            Ok((id.value().copied(), new))
        }
        _ => Err(faults),
    }
}

fn statuses() -> [(&'static str, RunStatus); 5] {
    RunStatus::ALL.map(|status| (status.as_str(), status))
}

fn public_error(value: JsonValue, name: &str) -> Result<PublicErrorPatch, Vec<Fault>> {
    PublicErrorPatch::new(object(value, name)?)
}

fn run_id(value: JsonValue, name: &str) -> Result<RunId, Vec<Fault>> {
    let text = text(value, name)?;
    text.parse().map_err(|error: flowruns_domain::InvalidId| {
        vec![Fault::new(
            flowruns_domain::Rule::InvalidId,
            name,
            error.to_string(),
        )]
    })
}

/// What every form of a run shows.
#[derive(Serialize)]
struct Head {
    #[serde(rename = "@odata.type")]
    type_name: &'static str,
    #[serde(rename = "@odata.etag")]
    etag: String,
    id: String,
    #[serde(rename = "displayName")]
    display_name: String,
    #[serde(rename = "startDateTime")]
    start: String,
    #[serde(rename = "endDateTime")]
    end: Option<String>,
    status: &'static str,
}

/// A whole run.
#[derive(Serialize)]
pub(super) struct RunBody<'a> {
    #[serde(rename = "@odata.context")]
    context: String,
    #[serde(flatten)]
    head: Head,
    #[serde(rename = "blockingError")]
    blocking_error: Option<Typed<'a>>,
    statistics: Typed<'a>,
}

/// A run in a list: what can be read without its jsonb columns, and what was asked for beyond.
#[derive(Serialize)]
pub(super) struct RunItem<'a> {
    #[serde(rename = "@odata.id", skip_serializing_if = "Option::is_none")]
    address: Option<String>,
    #[serde(flatten)]
    head: Head,
    /// Null is shown where it was asked for.
    #[serde(rename = "blockingError", skip_serializing_if = "Option::is_none")]
    blocking_error: Option<Option<Typed<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    statistics: Option<Typed<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    process: Option<FlowBody>,
}

impl<'a> RunBody<'a> {
    pub(super) fn new(run: &'a Run, root: &ServiceRoot) -> Self {
        let properties = &run.properties;
        let fragment = format!(
            "industryData/incomingFlows('{}')/runs/$entity",
            run.key.flow
        );
        let error = properties.blocking_error.as_ref();
        Self {
            context: root.context(&fragment),
            head: Head {
                type_name: TYPE,
                etag: shown_tag(&run.tag()),
                id: run.key.run.to_string(),
                display_name: properties.display_name.to_string(),
                start: properties.start.to_string(),
                end: properties.state.end().map(|end| end.to_string()),
                status: properties.state.status().as_str(),
            },
            blocking_error: error.map(typed_error),
            statistics: typed_statistics(&properties.statistics),
        }
    }
}

fn typed_error(error: &PublicError) -> Typed<'_> {
    Typed {
        type_name: "microsoft.graph.publicError",
        members: error.members(),
    }
}

fn typed_statistics(statistics: &Statistics) -> Typed<'_> {
    Typed {
        type_name: "microsoft.graph.runStatistics",
        members: statistics.members(),
    }
}

impl<'a> RunItem<'a> {
    pub(super) fn new(run: &'a ListedRun, selection: &Selection, process: Option<&Flow>) -> Self {
        let ListedRun { summary, details } = run;
        let of = |name| details.as_ref().filter(|_| selection.asks_for(name));
        let error = of(property::BLOCKING_ERROR);
        Self {
            address: None,
            head: Head {
                type_name: TYPE,
                etag: shown_tag(&summary.tag()),
                id: summary.id().to_string(),
                display_name: summary.display_name.to_string(),
                start: summary.start.to_string(),
                end: summary.state.end().map(|end| end.to_string()),
                status: summary.state.status().as_str(),
            },
            blocking_error: error.map(|details| details.blocking_error.as_ref().map(typed_error)),
            statistics: of(property::STATISTICS)
                .map(|details| typed_statistics(&details.statistics)),
            process: process.map(FlowBody::item),
        }
    }

    /// Shows where the run lives.
    pub(super) fn at(self, address: String) -> Self {
        Self {
            address: Some(address),
            ..self
        }
    }
}

/// Where a run lives.
pub(super) fn location(run: &Run, root: &ServiceRoot) -> String {
    address(run.key, root)
}

/// The address of a run.
pub(super) fn address(key: RunKey, root: &ServiceRoot) -> String {
    root.resource(&format!(
        "industryData/incomingFlows/{}/runs/{}",
        key.flow, key.run
    ))
}
