//! A flow as JSON, in requests and in responses.

use flowruns_domain::{
    flow::{DataDomain, Flow, FlowPatch, FlowProperties, NewFlow, ReadinessStatus},
    id::FlowId,
    json::JsonObject,
    patch::Field,
    property,
    version::IfMatch,
    violation::RuleViolation,
};
use serde::Serialize;

use crate::{
    extract::{Properties, date_time, display_name, entity_tags},
    odata::root::ServiceRoot,
    respond::shown_tag,
};

/// Reads a change of the flow of the URL, and the tag that counts as If-Match.
pub(super) fn read_patch(
    body: JsonObject,
    url_id: FlowId,
) -> Result<(FlowPatch, Option<IfMatch>), Vec<RuleViolation>> {
    let mut properties = Properties::of_patch(body);
    properties.same_id(url_id);
    let patch = FlowPatch {
        display_name: properties.field(property::DISPLAY_NAME, display_name),
        readiness_status: properties.member(property::READINESS_STATUS, &readiness_statuses()),
        data_domain: properties.member(property::DATA_DOMAIN, &data_domains()),
        effective: properties.field(property::RECURRENCE_EFFECTIVE_DATE_TIME, date_time),
        expiration: properties.nullable(property::RECURRENCE_EXPIRATION_DATE_TIME, date_time),
    };
    let tag = properties.nullable(property::E_TAG, entity_tags);
    let mut violations = properties.finish(&property::OF_FLOW);
    violations.extend(patch.contradiction());
    property::sort_violations(&mut violations, &property::OF_FLOW);
    if violations.is_empty() { Ok((patch, tag.value().cloned())) } else { Err(violations) }
}

/// Reads a creation.
pub(super) fn read_new(body: JsonObject) -> Result<NewFlow, Vec<RuleViolation>> {
    let mut properties = Properties::of_creation(body);
    properties.made_by_server(property::ID);
    let name = properties.required(property::DISPLAY_NAME, display_name);
    let readiness_status = properties.new_member(property::READINESS_STATUS, &readiness_statuses());
    let data_domain = properties.new_member(property::DATA_DOMAIN, &data_domains());
    let effective = properties.field(property::RECURRENCE_EFFECTIVE_DATE_TIME, date_time);
    let expiration = properties.nullable(property::RECURRENCE_EXPIRATION_DATE_TIME, date_time);
    properties.ignore(&[property::E_TAG]);
    let mut violations = properties.finish(&property::OF_FLOW);
    let recurrence = FlowPatch { effective, expiration, ..FlowPatch::default() };
    violations.extend(recurrence.contradiction());
    property::sort_violations(&mut violations, &property::OF_FLOW);
    match name {
        Field::Value(display_name) if violations.is_empty() => Ok(NewFlow {
            display_name,
            readiness_status: value_or_default(&readiness_status),
            data_domain: value_or_default(&data_domain),
            effective: effective.value().copied(),
            expiration: expiration.value().copied(),
        }),
        _ => Err(violations),
    }
}

fn value_or_default<T: Copy + Default>(field: &Field<T>) -> T {
    field.value().copied().unwrap_or_default()
}

fn readiness_statuses() -> [(&'static str, ReadinessStatus); 5] {
    ReadinessStatus::ALL.map(|status| (status.as_str(), status))
}

fn data_domains() -> [(&'static str, DataDomain); 1] {
    DataDomain::ALL.map(|domain| (domain.as_str(), domain))
}

/// A flow.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FlowBody {
    #[serde(rename = "@odata.context", skip_serializing_if = "Option::is_none")]
    context: Option<String>,
    #[serde(rename = "@odata.type")]
    type_name: &'static str,
    #[serde(rename = "@odata.etag")]
    etag: String,
    id: String,
    display_name: String,
    readiness_status: &'static str,
    data_domain: &'static str,
    recurrence_effective_date_time: String,
    recurrence_expiration_date_time: Option<String>,
    e_tag: String,
}

impl FlowBody {
    /// A single flow.
    pub(super) fn new(flow: &Flow, root: &ServiceRoot) -> Self {
        Self::projected(flow, root, "")
    }

    /// A single flow, with a context that names the selected properties.
    pub(super) fn projected(flow: &Flow, root: &ServiceRoot, selected: &str) -> Self {
        let context = root.context(&format!("industryData/incomingFlows{selected}/$entity"));
        Self { context: Some(context), ..Self::item(flow) }
    }

    /// A flow in a list.
    pub(crate) fn item(flow: &Flow) -> Self {
        let FlowProperties { display_name, readiness_status, data_domain, effective, expiration } =
            &flow.properties;
        let etag = shown_tag(&flow.tag());
        Self {
            context: None,
            type_name: "#microsoft.graph.incomingFlow",
            etag: etag.clone(),
            id: flow.key.flow.to_string(),
            display_name: display_name.to_string(),
            readiness_status: readiness_status.as_str(),
            data_domain: data_domain.as_str(),
            recurrence_effective_date_time: effective.to_string(),
            recurrence_expiration_date_time: expiration.map(|expiration| expiration.to_string()),
            e_tag: etag,
        }
    }
}
