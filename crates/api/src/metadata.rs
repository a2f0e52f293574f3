//! The description of the service: `$metadata` in CSDL 4.0 and the service document, without a token, and the singleton that
//! they name.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    http::{HeaderValue, StatusCode, header, request::Parts},
    response::{IntoResponse as _, Response},
};
use flowruns_http::auth::Permission;
use serde::Serialize;

use crate::{
    error::ApiError,
    extract::{ApiRequest, BodyKind, check_flow_id, names_html},
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
    check_format(request.uri().query(), &["xml", "application/xml"])?;
    Ok(document(SERVICE))
}

/// The same for every well-formed id: without a token the response does not tell whether a flow exists.
pub(crate) async fn get_flow_metadata(request: Request) -> Result<Response, ApiError> {
    let request = check_flow_id(request).await?;
    check_format(request.uri().query(), &["xml", "application/xml"])?;
    Ok(document(FLOW))
}

pub(crate) async fn get_service_document(
    State(api): State<Arc<Api>>,
    request: Request,
) -> Result<Response, ApiError> {
    let (parts, _) = request.into_parts();
    let root = ServiceRoot::of(&parts, &api.options.trusted_proxies);
    // Pages exist beside `/` alone, and a query, such as `$format=json`, asks for the service document.
    let pages = api.options.pages.filter(|_| root.version().is_empty());
    let (Some(pages), None) = (pages, parts.uri.query()) else {
        return service_document(&parts, &root);
    };
    let mut response = match names_html(&parts.headers) {
        true => see_other(&format!("{}{pages}", root.origin()))?,
        false => service_document(&parts, &root)?,
    };
    response.headers_mut().append(header::VARY, HeaderValue::from_static("Accept"));
    Ok(response)
}

/// Sends a browser to the pages for people.
fn see_other(address: &str) -> Result<Response, ApiError> {
    let location = HeaderValue::try_from(address).map_err(ApiError::internal)?;
    Ok((StatusCode::SEE_OTHER, [(header::LOCATION, location)]).into_response())
}

fn service_document(parts: &Parts, root: &ServiceRoot) -> Result<Response, ApiError> {
    check_format(parts.uri.query(), &["json", "application/json"])?;
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

fn check_format(query: Option<&str>, formats: &[&str]) -> Result<(), ApiError> {
    let options = QueryOptions::parse(query, &["format"])?;
    page::check_format(&options, formats)
}
