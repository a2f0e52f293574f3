//! Operations beside single flows and runs: runs of all flows, counts, batches, and what describes the service.

use serde_json::{Value, json};
use utoipa::openapi::{
    HttpMethod, Object, ObjectBuilder, PathsBuilder, SecurityRequirement, Server, Type,
    path::{OperationBuilder, PathItemBuilder},
};

use super::{
    answer::{json as json_answer, other},
    example,
    operation::{
        ALIAS, FLOW, FLOWS, RUNS, body, call, independent_call, item, list, read, with_parameters,
        with_refusals,
    },
    parameter::LIST_OPTIONS,
};

const TENANT_RUNS: &str = "/industryData/runs";
const TENANT_RUN: &str = "/industryData/runs/{runId}";

/// Adds them.
pub(super) fn add(paths: PathsBuilder) -> PathsBuilder {
    let paths = counts(paths)
        .path(TENANT_RUNS, item([(HttpMethod::Get, list_tenant_runs())]))
        .path(TENANT_RUN, item([(HttpMethod::Get, get_run_by_id())]))
        .path("/industryData", item([(HttpMethod::Get, get_hub())]))
        .path("/$batch", item([(HttpMethod::Post, batch())]));
    probes(descriptions(paths))
}

fn text() -> Object {
    ObjectBuilder::new().schema_type(Type::String).build()
}

fn list_tenant_runs() -> OperationBuilder {
    let summary = "The runs of all flows of the tenant, newest start first.";
    let call = with_parameters(call(TENANT_RUNS, "listTenantRuns", summary), &["$expand"]);
    list(call, &LIST_OPTIONS, "runCollection", example::runs())
}

fn get_run_by_id() -> OperationBuilder {
    let summary = "A run by its id alone, of whichever flow of the tenant has it.";
    let call = read(
        call(TENANT_RUN, "getRunById", summary),
        "shownRun",
        example::run(),
    );
    // 409: several flows have a run of that id; details has their addresses.
    with_refusals(with_parameters(call, &["$expand"]), &["409"])
}

fn get_hub() -> OperationBuilder {
    let root = "http://127.0.0.1:8080";
    let hub = json!({
        "@odata.context": format!("{root}/$metadata#industryData"),
        "incomingFlows@odata.navigationLink": format!("{root}/industryData/incomingFlows"),
        "runs@odata.navigationLink": format!("{root}/industryData/runs"),
    });
    let call = call(
        "/industryData",
        "getIndustryData",
        "Where the collections are.",
    );
    call.response("200", json_answer("Links.", "industryDataHub", hub, &[]))
}

/// How many rows each list has.
fn counts(paths: PathsBuilder) -> PathsBuilder {
    let lists = [
        (FLOWS, "countFlows"),
        (RUNS, "countRuns"),
        (ALIAS, "countRunsThroughProcess"),
        (TENANT_RUNS, "countTenantRuns"),
    ];
    lists.into_iter().fold(paths, |paths, (list, id)| {
        let path = format!("{list}/$count");
        let number = other("An integer.", "text/plain", text());
        let call = call(&path, id, "How many rows the list has, up to a bound.");
        let call = with_parameters(call, &["$filter"]).response("200", number);
        paths.path(path, item([(HttpMethod::Get, call)]))
    })
}

fn batch() -> OperationBuilder {
    let request = json!({"requests": [
        {"id": "1", "method": "GET", "url": "/industryData/incomingFlows"},
    ]});
    let reply = json!({"responses": [
        {"id": "1", "status": 200, "headers": {}, "body": example::list("", &example::flow())},
    ]});
    let summary = "Up to 20 requests in one, each answered as if it had come alone.";
    let call = call("/$batch", "postBatch", summary).request_body(Some(body("batch", request)));
    let call = call.response(
        "200",
        json_answer("An answer to each.", "batchReply", reply, &[]),
    );
    with_refusals(call, &["413"])
}

/// The model and its parts: no token needed.
fn descriptions(paths: PathsBuilder) -> PathsBuilder {
    let metadata = |path: &str, id: &str, summary: &str| {
        let call = described(path, id, summary);
        call.response("200", other("XML.", "application/xml", text()))
    };
    let root: Value = json!({"@odata.context": "http://127.0.0.1:8080/$metadata", "value": []});
    let root = json_answer("Where to begin.", "serviceDocument", root, &[]);
    let flow_metadata = format!("{FLOW}/$metadata");
    [
        (
            "/".to_owned(),
            described("/", "getServiceDocument", "The service document.").response("200", root),
        ),
        (
            "/$metadata".to_owned(),
            metadata("/$metadata", "getMetadata", "The model as CSDL 4.0."),
        ),
        (
            flow_metadata.clone(),
            metadata(
                &flow_metadata,
                "getFlowMetadata",
                "The model as a flow sees it, as CSDL 4.0: the same for every id, whether such a flow exists or not.",
            ),
        ),
    ]
    .into_iter()
    .fold(paths, |paths, (path, call)| {
        paths.path(path, item([(HttpMethod::Get, call)]))
    })
}

fn described(path: &str, id: &str, summary: &str) -> OperationBuilder {
    let call = independent_call(path, id, summary);
    call.tag("service").security(SecurityRequirement::default())
}

/// What is at the root only.
fn probes(paths: PathsBuilder) -> PathsBuilder {
    let object = || ObjectBuilder::new().schema_type(Type::Object).build();
    let live = open_call("getLivez", "Whether the process lives.")
        .response("200", other("It lives.", "text/plain", text()));
    let ready = open_call("getReadyz", "Whether it can serve.")
        .response("200", other("It can.", "text/plain", text()))
        .response("503", other("It cannot.", "text/plain", text()));
    let document = open_call("getOpenapi", "This document.")
        .response("200", other("OpenAPI 3.1.", "application/json", object()));
    let docs = open_call("getDocs", "This document as a page.")
        .response("200", other("A page.", "text/html", text()));
    [
        ("/livez", live),
        ("/readyz", ready),
        ("/openapi.json", document),
        ("/docs", docs),
    ]
    .into_iter()
    .fold(paths, |paths, (path, call)| {
        let item = PathItemBuilder::new()
            .operation(HttpMethod::Get, call)
            .servers(Some([Server::new("/")]));
        paths.path(path, item.build())
    })
}

fn open_call(id: &str, summary: &str) -> OperationBuilder {
    let call = OperationBuilder::new()
        .operation_id(Some(id))
        .summary(Some(summary))
        .tag("service")
        .security(SecurityRequirement::default());
    with_refusals(call, &["500"])
}
