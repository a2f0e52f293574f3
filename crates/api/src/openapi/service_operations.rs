//! The operations on the service in the OpenAPI document: counts, batches, descriptions and probes.

use serde_json::json;
use utoipa::openapi::{Object, ObjectBuilder, SecurityRequirement, Type, path::OperationBuilder};

use super::{
    example,
    operation::{body, independent_operation, operation, with_failures, with_parameters},
    responses::{empty, json as json_response, other},
};
use crate::runs::describe::run_operation_id;

fn text() -> Object {
    ObjectBuilder::new().schema_type(Type::String).build()
}

pub(crate) fn count_flows(path: &str) -> OperationBuilder {
    count(path, "countFlows")
}

pub(crate) fn count_runs(path: &str) -> OperationBuilder {
    count(path, &run_operation_id(path, "countRuns"))
}

pub(crate) fn count_tenant_runs(path: &str) -> OperationBuilder {
    count(path, "countTenantRuns")
}

fn count(path: &str, id: &str) -> OperationBuilder {
    let number = other("An integer.", "text/plain", text());
    let operation = operation(path, id, "How many rows the list has, up to a bound.");
    with_parameters(operation, &["$filter"]).response("200", number)
}

pub(crate) fn get_hub(path: &str) -> OperationBuilder {
    let root = "http://127.0.0.1:8080";
    let hub = json!({
        "@odata.context": format!("{root}/$metadata#industryData"),
        "incomingFlows@odata.navigationLink": format!("{root}/industryData/incomingFlows"),
        "runs@odata.navigationLink": format!("{root}/industryData/runs"),
    });
    let operation = operation(path, "getIndustryData", "Where the collections are.");
    operation.response("200", json_response("Links.", "industryDataHub", hub, &[]))
}

pub(crate) fn post_batch(path: &str) -> OperationBuilder {
    let request = json!({"requests": [
        {"id": "1", "method": "GET", "url": "/industryData/incomingFlows"},
    ]});
    let responses = json!({"responses": [
        {"id": "1", "status": 200, "headers": {}, "body": example::list("", &example::flow())},
    ]});
    let summary = "Up to 20 requests in one, each answered as if it had come alone.";
    let operation =
        operation(path, "postBatch", summary).request_body(Some(body("batch", request)));
    let operation = operation
        .response("200", json_response("A response to each.", "batchReply", responses, &[]));
    with_failures(operation, &["413"])
}

pub(crate) fn get_service_document(path: &str) -> OperationBuilder {
    let root = json!({"@odata.context": "http://127.0.0.1:8080/$metadata", "value": []});
    let root = json_response("Where to begin.", "serviceDocument", root, &[]);
    let pages = empty("The pages for people, for a client that accepts HTML.", &[]);
    let operation = description(path, "getServiceDocument", "The service document.");
    operation.response("200", root).response("303", pages)
}

pub(crate) fn get_metadata(path: &str) -> OperationBuilder {
    metadata(path, "getMetadata", "The model as CSDL 4.0.")
}

pub(crate) fn get_flow_metadata(path: &str) -> OperationBuilder {
    let summary = "The model as a flow sees it, as CSDL 4.0: the same for every id, whether such a flow exists or not.";
    metadata(path, "getFlowMetadata", summary)
}

fn metadata(path: &str, id: &str, summary: &str) -> OperationBuilder {
    let xml = other("XML.", "application/xml", text());
    description(path, id, summary).response("200", xml)
}

/// A description of the model, which needs no token.
fn description(path: &str, id: &str, summary: &str) -> OperationBuilder {
    let operation = independent_operation(path, id, summary);
    operation.tag("service").security(SecurityRequirement::default())
}

pub(crate) fn get_livez(_path: &str) -> OperationBuilder {
    let live = other("It lives.", "text/plain", text());
    plain("getLivez", "Whether the process lives.").response("200", live)
}

pub(crate) fn get_readyz(_path: &str) -> OperationBuilder {
    plain("getReadyz", "Whether it can serve.")
        .response("200", other("It can.", "text/plain", text()))
        .response("503", other("It cannot.", "text/plain", text()))
}

pub(crate) fn get_openapi(_path: &str) -> OperationBuilder {
    let object = ObjectBuilder::new().schema_type(Type::Object).build();
    let document = other("OpenAPI 3.1.", "application/json", object);
    plain("getOpenapi", "This document.").response("200", document)
}

pub(crate) fn get_docs(_path: &str) -> OperationBuilder {
    let page = other("A page.", "text/html", text());
    plain("getDocs", "This document as a page.").response("200", page)
}

/// An operation outside the model, which needs no token.
fn plain(id: &str, summary: &str) -> OperationBuilder {
    let operation = OperationBuilder::new()
        .operation_id(Some(id))
        .summary(Some(summary))
        .tag("service")
        .security(SecurityRequirement::default());
    with_failures(operation, &["500"])
}
