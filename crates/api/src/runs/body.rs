//! A run as JSON, in requests and in responses: the one place that maps the properties of a run to JSON.

use flowruns_domain::{
    display_name::DisplayName,
    flow::Flow,
    id::{RunId, RunKey},
    json::{JsonObject, JsonValue},
    patch::Field,
    property,
    query::ListedRun,
    run::{
        NewRun, PublicError, PublicErrorPatch, Run, RunCreation, RunPatch, RunProperties, RunState,
        RunStatus, RunSummary, Statistics,
    },
    timestamp::Timestamp,
    version::EntityTag,
    violation::RuleViolation,
};

use uuid::Uuid;

use crate::{
    extract::{Properties, date_time, display_name, object, text},
    flows::FlowBody,
    json_writer::{ObjectWriter, WriteJson},
    odata::{root::ServiceRoot, select::Selection},
    respond::Typed,
};

const TYPE: &str = "#microsoft.graph.run";
/// Ignored in requests, so that clients may write back a run that they read.
const READ_ONLY: [&str; 2] = [property::PROCESS, property::E_TAG];

/// Reads a report on the run of the URL.
pub(super) fn read_patch(body: JsonObject, url_id: RunId) -> Result<RunPatch, Vec<RuleViolation>> {
    let mut properties = Properties::of_patch(body);
    properties.same_id(url_id);
    let patch = RunPatch {
        display_name: properties.field(property::DISPLAY_NAME, display_name),
        start: properties.field(property::START_DATE_TIME, date_time),
        end: properties.nullable(property::END_DATE_TIME, date_time),
        status: properties.member(property::STATUS, &statuses()),
        blocking_error: properties.nullable(property::BLOCKING_ERROR, public_error),
        statistics: properties.field(property::STATISTICS, object),
    };
    properties.ignore(&READ_ONLY);
    let mut violations = properties.finish(&property::OF_RUN);
    violations.extend(patch.contradictions());
    property::sort_violations(&mut violations, &property::OF_RUN);
    if violations.is_empty() { Ok(patch) } else { Err(violations) }
}

/// Reads a creation, and the id that the client made for it.
pub(super) fn read_new(
    body: JsonObject,
) -> Result<(Option<RunId>, RunCreation), Vec<RuleViolation>> {
    let mut properties = Properties::of_creation(body);
    let id = properties.field(property::ID, run_id);
    let named = RunPatch {
        display_name: properties.required(property::DISPLAY_NAME, display_name),
        start: properties.field(property::START_DATE_TIME, date_time),
        end: properties.nullable(property::END_DATE_TIME, date_time),
        status: properties.new_member(property::STATUS, &statuses()),
        blocking_error: properties.nullable(property::BLOCKING_ERROR, public_error),
        statistics: properties.field(property::STATISTICS, object),
    };
    properties.ignore(&READ_ONLY);
    let violations = properties.finish(&property::OF_RUN);
    let Field::Value(display_name) = &named.display_name else {
        return Err(all_violations(violations, &named));
    };
    if !violations.is_empty() {
        return Err(all_violations(violations, &named));
    }
    let new = NewRun {
        display_name: display_name.clone(),
        start: named.start.value().copied(),
        end: named.end.value().copied(),
        status: named.status.value().copied().unwrap_or(RunStatus::Running),
        blocking_error: named.blocking_error.value().cloned(),
        statistics: named.statistics.value().cloned().unwrap_or_default(),
    };
    let id = id.value().copied();
    // An id that the server makes is new, so no stored run is compared with the creation.
    let named = if id.is_some() { named } else { RunPatch::default() };
    Ok((id, RunCreation { new, named }))
}

/// Adds the violations of the values of a creation that could be read.
fn all_violations(mut violations: Vec<RuleViolation>, named: &RunPatch) -> Vec<RuleViolation> {
    let unreadable: Vec<_> = violations.iter().map(|violation| violation.target.as_str()).collect();
    let others = named.creation_violations(&unreadable);
    violations.extend(others);
    property::sort_violations(&mut violations, &property::OF_RUN);
    violations
}

fn statuses() -> [(&'static str, RunStatus); 5] {
    RunStatus::ALL.map(|status| (status.as_str(), status))
}

fn public_error(value: JsonValue, name: &str) -> Result<PublicErrorPatch, Vec<RuleViolation>> {
    PublicErrorPatch::new(object(value, name)?)
}

fn run_id(value: JsonValue, name: &str) -> Result<RunId, Vec<RuleViolation>> {
    let text = text(value, name)?;
    text.parse().map_err(|error: flowruns_domain::id::InvalidId| {
        vec![RuleViolation::new(
            flowruns_domain::violation::Rule::InvalidId,
            name,
            error.to_string(),
        )]
    })
}

/// The properties that every form of a run has.
struct RunFields<'a> {
    key: RunKey,
    tag: &'a EntityTag,
    display_name: &'a DisplayName,
    start: Timestamp,
    state: RunState,
}

impl RunFields<'_> {
    fn write(&self, object: &mut ObjectWriter<'_>) -> serde_json::Result<()> {
        object.plain("@odata.type", TYPE);
        let out = object.name("@odata.etag");
        // The quotes within the text are escaped.
        for part in [r#""W/\""#, self.tag.as_str(), r#"\"""#] {
            out.extend_from_slice(part.as_bytes());
        }
        object.plain(property::ID, id_text(self.key.run.uuid(), &mut Uuid::encode_buffer()));
        object.value(property::DISPLAY_NAME, self.display_name.as_str())?;
        object.plain(property::START_DATE_TIME, self.start.ascii());
        match self.state.end() {
            Some(end) => object.plain(property::END_DATE_TIME, end.ascii()),
            None => object.value(property::END_DATE_TIME, &())?,
        }
        object.plain(property::STATUS, self.state.status().as_str());
        Ok(())
    }
}

/// As `Display` shows an id, but without the formatting of a [`fmt`](std::fmt) macro.
fn id_text(id: Uuid, buffer: &mut [u8]) -> &str {
    id.hyphenated().encode_lower(buffer)
}

/// A whole run.
pub(super) struct RunBody<'a> {
    run: &'a Run,
    tag: &'a EntityTag,
    context: String,
    address: Option<String>,
    process: Option<FlowBody>,
}

/// A run in a list: the properties that are read without the JSON columns, and those that were selected as well.
pub(super) struct RunItem<'a> {
    address: Option<String>,
    summary: &'a RunSummary,
    /// `Some(None)` is shown as null, because it was selected.
    blocking_error: Option<Option<Typed<'a>>>,
    statistics: Option<TypedStatistics<'a>>,
    process: Option<FlowBody>,
}

impl<'a> RunBody<'a> {
    pub(super) fn new(run: &'a Run, tag: &'a EntityTag, root: &ServiceRoot) -> Self {
        Self::projected(run, tag, root, "")
    }

    /// A run with a context that names the selected properties.
    pub(super) fn projected(
        run: &'a Run,
        tag: &'a EntityTag,
        root: &ServiceRoot,
        selected: &str,
    ) -> Self {
        let mut buffer = Uuid::encode_buffer();
        let flow = id_text(run.key.flow.uuid(), &mut buffer);
        let fragment = ["industryData/incomingFlows('", flow, "')/runs", selected, "/$entity"];
        let context = root.context(&fragment.concat());
        Self { run, tag, context, address: None, process: None }
    }

    /// Adds the URL of the run, for a request whose URL does not name its flow.
    pub(super) fn at(self, address: String) -> Self {
        Self { address: Some(address), ..self }
    }

    pub(super) fn with_process(self, flow: &Flow) -> Self {
        Self { process: Some(FlowBody::item(flow)), ..self }
    }
}

impl WriteJson for RunBody<'_> {
    fn write_json(&self, out: &mut Vec<u8>) -> serde_json::Result<()> {
        let Run { key, version: _, created: _, modified: _, properties } = self.run;
        let RunProperties { display_name, start, state, blocking_error, statistics } = properties;
        let fields =
            RunFields { key: *key, tag: self.tag, display_name, start: *start, state: *state };
        let mut object = ObjectWriter::begin(out);
        object.value("@odata.context", &self.context)?;
        if let Some(address) = &self.address {
            object.value("@odata.id", address)?;
        }
        fields.write(&mut object)?;
        let error = blocking_error.as_ref().map(typed_error);
        object.value(property::BLOCKING_ERROR, &error)?;
        object.value(property::STATISTICS, &TypedStatistics(statistics))?;
        if let Some(process) = &self.process {
            object.value(property::PROCESS, process)?;
        }
        object.end();
        Ok(())
    }
}

fn typed_error(error: &PublicError) -> Typed<'_> {
    Typed { type_name: "microsoft.graph.publicError", members: error.members() }
}

/// Statistics with their type, as their text: they are not parsed.
struct TypedStatistics<'a>(&'a Statistics);

impl WriteJson for TypedStatistics<'_> {
    fn write_json(&self, out: &mut Vec<u8>) -> serde_json::Result<()> {
        const TYPE: &str = r#"{"@odata.type":"microsoft.graph.runStatistics""#;
        let text = self.0.text();
        let members = text.strip_prefix('{').unwrap_or(text);
        let comma = if members == "}" { "" } else { "," };
        for part in [TYPE, comma, members] {
            out.extend_from_slice(part.as_bytes());
        }
        Ok(())
    }
}

impl<'a> RunItem<'a> {
    pub(super) fn new(run: &'a ListedRun, selection: &Selection, process: Option<&Flow>) -> Self {
        let ListedRun { summary, details } = run;
        let of = |name| details.as_ref().filter(|_| selection.asks_for(name));
        let error = of(property::BLOCKING_ERROR);
        Self {
            address: None,
            summary,
            blocking_error: error.map(|details| details.blocking_error.as_ref().map(typed_error)),
            statistics: of(property::STATISTICS)
                .map(|details| TypedStatistics(&details.statistics)),
            process: process.map(FlowBody::item),
        }
    }

    /// Adds the URL of the run.
    pub(super) fn at(self, address: String) -> Self {
        Self { address: Some(address), ..self }
    }
}

impl WriteJson for RunItem<'_> {
    fn write_json(&self, out: &mut Vec<u8>) -> serde_json::Result<()> {
        let RunSummary { key, version: _, display_name, start, state } = self.summary;
        let tag = &self.summary.tag();
        let fields = RunFields { key: *key, tag, display_name, start: *start, state: *state };
        let mut object = ObjectWriter::begin(out);
        if let Some(address) = &self.address {
            object.value("@odata.id", address)?;
        }
        fields.write(&mut object)?;
        if let Some(error) = &self.blocking_error {
            object.value(property::BLOCKING_ERROR, error)?;
        }
        if let Some(statistics) = &self.statistics {
            object.value(property::STATISTICS, statistics)?;
        }
        if let Some(process) = &self.process {
            object.value(property::PROCESS, process)?;
        }
        object.end();
        Ok(())
    }
}

/// The URL of a run.
pub(super) fn address(key: RunKey, root: &ServiceRoot) -> String {
    root.resource(&format!("industryData/incomingFlows/{}/runs/{}", key.flow, key.run))
}
