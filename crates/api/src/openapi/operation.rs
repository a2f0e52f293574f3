//! Every operation on flows and runs. A route of `routes.rs` has its line here or in `beside`.

use serde_json::Value;
use utoipa::openapi::{
    HttpMethod, Paths, PathsBuilder, Required, Response,
    path::{OperationBuilder, PathItem, PathItemBuilder},
    request_body::{RequestBody, RequestBodyBuilder},
};

use super::{
    answer::{self, content, empty, json},
    beside, example,
    parameter::{LIST_OPTIONS, PAGE_OPTIONS, reference},
};

pub(super) const FLOWS: &str = "/industryData/incomingFlows";
pub(super) const FLOW: &str = "/industryData/incomingFlows/{flowId}";
pub(super) const RUNS: &str = "/industryData/incomingFlows/{flowId}/runs";
const RUN: &str = "/industryData/incomingFlows/{flowId}/runs/{runId}";
const PROCESS: &str = "/industryData/incomingFlows/{flowId}/runs/{runId}/process";
pub(super) const ALIAS: &str = "/industryData/incomingFlows/{flowId}/runs/{runId}/process/runs";
const ALIAS_RUN: &str = "/industryData/incomingFlows/{flowId}/runs/{runId}/process/runs/{runId2}";

/// What may be answered to every call of the model.
const ALWAYS: [&str; 8] = ["400", "401", "403", "406", "415", "429", "500", "503"];

/// Every route.
pub(super) fn paths() -> Paths {
    let paths = PathsBuilder::new()
        .path(
            FLOWS,
            item([
                (HttpMethod::Get, list_flows()),
                (HttpMethod::Post, create_flow()),
            ]),
        )
        .path(FLOW, flow_item())
        .path(PROCESS, item([(HttpMethod::Get, get_process())]));
    let forms = [(RUNS, RUN, ""), (ALIAS, ALIAS_RUN, "ThroughProcess")];
    let paths = forms.into_iter().fold(paths, |paths, (list, one, form)| {
        let history = format!("{one}/history");
        let history_item = item([(HttpMethod::Get, list_history(&history, form))]);
        paths
            .path(list, runs_item(list, form))
            .path(one, run_item(one, form))
            .path(history, history_item)
    });
    beside::add(paths).build()
}

pub(super) fn item<const N: usize>(calls: [(HttpMethod, OperationBuilder); N]) -> PathItem {
    let item = calls
        .into_iter()
        .fold(PathItemBuilder::new(), |item, (method, call)| {
            item.operation(method, call)
        });
    item.build()
}

/// A call with what every call has. What its path names may not exist.
pub(super) fn call(path: &str, id: &str, summary: &str) -> OperationBuilder {
    let has_ids = path.contains('{');
    let refusals = if has_ids { &["404"][..] } else { &[] };
    with_refusals(independent_call(path, id, summary), refusals)
}

/// A call that is answered alike whatever exists.
pub(super) fn independent_call(path: &str, id: &str, summary: &str) -> OperationBuilder {
    let tag = if path.contains("/runs") {
        "runs"
    } else {
        "flows"
    };
    let ids = path
        .split('{')
        .skip(1)
        .filter_map(|part| part.split('}').next());
    let call = OperationBuilder::new()
        .operation_id(Some(id))
        .summary(Some(summary))
        .tag(tag);
    let call = ids.fold(call, |call, id| call.parameter_ref(reference(id)));
    with_refusals(with_parameters(call, &["client-request-id"]), &ALWAYS)
}

pub(super) fn with_parameters(call: OperationBuilder, names: &[&str]) -> OperationBuilder {
    names
        .iter()
        .fold(call, |call, name| call.parameter_ref(reference(name)))
}

pub(super) fn with_refusals(call: OperationBuilder, statuses: &[&str]) -> OperationBuilder {
    statuses
        .iter()
        .fold(call, |call, status| match answer::refusal(status) {
            Some(refusal) => call.response(*status, refusal),
            None => call,
        })
}

pub(super) fn body(schema: &str, example: Value) -> RequestBody {
    RequestBodyBuilder::new()
        .required(Some(Required::True))
        .content("application/json", content(schema, example))
        .build()
}

/// A list, with the options that narrow it.
pub(super) fn list(
    call: OperationBuilder,
    options: &[&str],
    schema: &str,
    example: Value,
) -> OperationBuilder {
    let page = json("A page.", schema, example, &["Preference-Applied"]);
    with_parameters(with_parameters(call, options), &["Prefer"]).response("200", page)
}

/// A read of one entity.
pub(super) fn read(call: OperationBuilder, schema: &str, example: Value) -> OperationBuilder {
    let is_current = empty("The client has the current one.", &["ETag"]);
    let call = with_parameters(call, &["If-Match", "If-None-Match", "$select"]);
    with_refusals(call, &["412"])
        .response(
            "200",
            json("As it is stored now.", schema, example, &["ETag"]),
        )
        .response("304", is_current)
}

fn creation(call: OperationBuilder, request: RequestBody, created: Response) -> OperationBuilder {
    let headers = [
        "Location",
        "ETag",
        "OData-EntityId",
        "Preference-Applied",
        "Idempotency-Replayed",
    ];
    let call = call
        .request_body(Some(request))
        .response("201", created)
        .response(
            "204",
            empty("Created, with Prefer: return=minimal.", &headers),
        );
    let call = with_parameters(call, &["Prefer", "Idempotency-Key"]);
    with_refusals(call, &["409", "413", "422"])
}

fn change(call: OperationBuilder, request: RequestBody, changed: Response) -> OperationBuilder {
    let headers = ["ETag", "Preference-Applied"];
    let call = call
        .request_body(Some(request))
        .response("200", changed)
        .response("204", empty("Done, with Prefer: return=minimal.", &headers));
    let call = with_parameters(call, &["If-Match", "If-None-Match", "Prefer"]);
    with_refusals(call, &["409", "412", "413", "428"])
}

fn deletion(call: OperationBuilder) -> OperationBuilder {
    let call = call.response("204", empty("Gone.", &[]));
    let call = with_parameters(call, &["If-Match", "If-None-Match"]);
    with_refusals(call, &["409", "412", "428"])
}

fn list_flows() -> OperationBuilder {
    let call = call(FLOWS, "listFlows", "The flows of the tenant, by id.");
    let page = example::list("", &example::flow());
    list(call, &LIST_OPTIONS, "incomingFlowCollection", page)
}

fn create_flow() -> OperationBuilder {
    let headers = [
        "Location",
        "ETag",
        "Preference-Applied",
        "Idempotency-Replayed",
    ];
    let created = json("Created.", "incomingFlow", example::flow(), &headers);
    let call = call(FLOWS, "createFlow", "Creates a flow.");
    creation(call, body("newIncomingFlow", example::new_flow()), created)
}

fn flow_item() -> PathItem {
    let get = call(FLOW, "getFlow", "A flow.");
    let headers = ["ETag", "Preference-Applied"];
    let changed = json(
        "As it is stored then.",
        "incomingFlow",
        example::flow(),
        &headers,
    );
    let patch = call(FLOW, "patchFlow", "Changes a flow.");
    let delete = call(FLOW, "deleteFlow", "Deletes a flow that has no runs.");
    item([
        (HttpMethod::Get, read(get, "incomingFlow", example::flow())),
        (
            HttpMethod::Patch,
            change(
                patch,
                body("incomingFlowPatch", example::flow_patch()),
                changed,
            ),
        ),
        (HttpMethod::Delete, deletion(delete)),
    ])
}

fn get_process() -> OperationBuilder {
    let call = call(
        PROCESS,
        "getProcess",
        "The process that caused the run: its flow.",
    );
    read(call, "incomingFlow", example::flow())
}

fn runs_item(path: &str, form: &str) -> PathItem {
    let get = call(
        path,
        &format!("listRuns{form}"),
        "The runs of a flow, newest start first.",
    );
    let get = with_parameters(get, &["$expand"]);
    let headers = [
        "Location",
        "ETag",
        "Preference-Applied",
        "Idempotency-Replayed",
    ];
    let created = json("Created.", "run", example::run(), &headers);
    let before = json(
        "Created before, by the same creation: the run as it is now.",
        "run",
        example::run(),
        &["ETag", "Preference-Applied", "Idempotency-Replayed"],
    );
    let post = call(
        path,
        &format!("createRun{form}"),
        "Creates a run, also one that has ended already.",
    );
    let post = creation(post, body("newRun", example::new_run()), created);
    item([
        (
            HttpMethod::Get,
            list(get, &LIST_OPTIONS, "runCollection", example::runs()),
        ),
        (HttpMethod::Post, post.response("200", before)),
    ])
}

fn run_item(path: &str, form: &str) -> PathItem {
    let get = call(path, &format!("getRun{form}"), "A run.");
    let headers = ["ETag", "Preference-Applied"];
    let changed = json("As it is stored then.", "run", example::run(), &headers);
    let patch = call(
        path,
        &format!("patchRun{form}"),
        "Takes a report, whole or not at all.",
    );
    let delete = call(
        path,
        &format!("deleteRun{form}"),
        "Hides a run; its id stays taken.",
    );
    item([
        (
            HttpMethod::Get,
            with_parameters(read(get, "shownRun", example::run()), &["$expand"]),
        ),
        (
            HttpMethod::Patch,
            change(patch, body("runPatch", example::run_patch()), changed),
        ),
        (HttpMethod::Delete, deletion(delete)),
    ])
}

fn list_history(path: &str, form: &str) -> OperationBuilder {
    let call = call(
        path,
        &format!("listHistory{form}"),
        "The changes of a run, oldest first.",
    );
    list(call, &PAGE_OPTIONS, "runEventCollection", example::events())
}
