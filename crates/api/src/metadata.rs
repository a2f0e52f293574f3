//! The description of the service: `$metadata` in CSDL 4.0 and the service document, without a token, and the singleton that
//! they name.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    http::{HeaderValue, header},
    response::{IntoResponse as _, Response},
};
use flowruns_http::auth::Permission;
use serde::Serialize;

use crate::{
    error::ApiError,
    extract::{ApiRequest, BodyKind, check_flow_id},
    odata::{options::QueryOptions, page, root::ServiceRoot},
    respond,
    state::Api,
};

/// The types, which are the same for every service root.
const TYPES: &str = include_str!("metadata/types.xml");

/// The entity container of the service.
const SERVICE: &str = r#"<Singleton Name="industryData" Type="microsoft.graph.industryDataHub"/>"#;

/// The entity container of a flow: generic clients look for entity sets at their root only, so that a client whose root is a
/// flow finds its runs.
const FLOW: &str = r#"<EntitySet Name="runs" EntityType="microsoft.graph.run"/>"#;

pub(crate) async fn get_metadata(request: Request) -> Result<Response, ApiError> {
    check_format(&request, &["xml", "application/xml"])?;
    Ok(document(SERVICE))
}

/// The same for every well-formed id: without a token the response does not tell whether a flow exists.
pub(crate) async fn get_flow_metadata(request: Request) -> Result<Response, ApiError> {
    let request = check_flow_id(request).await?;
    check_format(&request, &["xml", "application/xml"])?;
    Ok(document(FLOW))
}

pub(crate) async fn get_service_document(
    State(api): State<Arc<Api>>,
    request: Request,
) -> Result<Response, ApiError> {
    check_format(&request, &["json", "application/json"])?;
    let (parts, _) = request.into_parts();
    let root = ServiceRoot::of(&parts, &api.options.trusted_proxies);
    let singleton =
        Element { name: "industryData", kind: "Singleton", url: root.resource("industryData") };
    respond::json(&ServiceDocument { context: root.metadata(), value: [singleton] })
}

/// The singleton has no properties, only the links of its collections.
pub(crate) async fn get_hub(
    State(api): State<Arc<Api>>,
    request: Request,
) -> Result<Response, ApiError> {
    let request = ApiRequest::new(&api, request, Permission::ReadRuns, BodyKind::None).await?;
    page::json_format(&request.options(&["format"])?)?;
    respond::json(&Hub {
        context: request.root.context("industryData"),
        type_name: "#microsoft.graph.industryDataHub",
        incoming_flows: request.root.resource("industryData/incomingFlows"),
        runs: request.root.resource("industryData/runs"),
    })
}

#[derive(Serialize)]
struct Hub {
    #[serde(rename = "@odata.context")]
    context: String,
    #[serde(rename = "@odata.type")]
    type_name: &'static str,
    #[serde(rename = "incomingFlows@odata.navigationLink")]
    incoming_flows: String,
    #[serde(rename = "runs@odata.navigationLink")]
    runs: String,
}

#[derive(Serialize)]
struct ServiceDocument {
    #[serde(rename = "@odata.context")]
    context: String,
    value: [Element; 1],
}

#[derive(Serialize)]
struct Element {
    name: &'static str,
    kind: &'static str,
    url: String,
}

fn document(container: &str) -> Response {
    let xml = TYPES.replace("<!-- container -->", container);
    let content_type = HeaderValue::from_static("application/xml;charset=utf-8");
    ([(header::CONTENT_TYPE, content_type)], xml).into_response()
}

fn check_format(request: &Request, formats: &[&str]) -> Result<(), ApiError> {
    let options = QueryOptions::parse(request.uri().query(), &["format"])?;
    page::check_format(&options, formats)
}
