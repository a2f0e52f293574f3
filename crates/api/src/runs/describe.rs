//! The operations on runs in the OpenAPI document.

use utoipa::openapi::path::OperationBuilder;

use crate::openapi::{
    example,
    operation::{
        body, change, creation, deletion, list, operation, read, with_failures, with_parameters,
    },
    parameter::{LIST_OPTIONS, PAGE_OPTIONS},
    responses::json,
};

/// The id of an operation, which is another one through the process of a run.
pub(crate) fn run_operation_id(path: &str, name: &str) -> String {
    match path.contains("/process/runs") {
        true => format!("{name}ThroughProcess"),
        false => name.to_owned(),
    }
}

fn run_operation(path: &str, name: &str, summary: &str) -> OperationBuilder {
    operation(path, &run_operation_id(path, name), summary)
}

pub(crate) fn list_runs(path: &str) -> OperationBuilder {
    let summary = "The runs of a flow, newest start first.";
    runs_page(run_operation(path, "listRuns", summary))
}

pub(crate) fn list_tenant_runs(path: &str) -> OperationBuilder {
    let summary = "The runs of all flows of the tenant, newest start first.";
    runs_page(operation(path, "listTenantRuns", summary))
}

fn runs_page(operation: OperationBuilder) -> OperationBuilder {
    let operation = with_parameters(operation, &["$expand"]);
    list(operation, &LIST_OPTIONS, "runCollection", example::runs())
}

pub(crate) fn create_run(path: &str) -> OperationBuilder {
    let summary = "Creates a run, also one that has ended already.";
    let operation = run_operation(path, "createRun", summary);
    let request = body("newRun", example::new_run());
    let before = json(
        "Created before, by the same creation: the run as it is now.",
        "run",
        example::run(),
        &["ETag", "Preference-Applied", "Idempotency-Replayed"],
    );
    creation(operation, request, "run", example::run()).response("200", before)
}

pub(crate) fn get_run(path: &str) -> OperationBuilder {
    single_run(run_operation(path, "getRun", "A run."))
}

pub(crate) fn get_run_by_id(path: &str) -> OperationBuilder {
    let summary = "A run by its id alone, of whichever flow of the tenant has it.";
    // 409: several flows have a run of that id; details has their addresses.
    with_failures(single_run(operation(path, "getRunById", summary)), &["409"])
}

fn single_run(operation: OperationBuilder) -> OperationBuilder {
    let operation = read(operation, "shownRun", example::run());
    with_parameters(operation, &["$expand"])
}

pub(crate) fn patch_run(path: &str) -> OperationBuilder {
    let summary = "Takes a report, whole or not at all.";
    let operation = run_operation(path, "patchRun", summary);
    let request = body("runPatch", example::run_patch());
    change(operation, request, "run", example::run())
}

pub(crate) fn delete_run(path: &str) -> OperationBuilder {
    let summary = "Hides a run; its id stays in use.";
    deletion(run_operation(path, "deleteRun", summary))
}

pub(crate) fn list_history(path: &str) -> OperationBuilder {
    let summary = "The changes of a run, oldest first.";
    let operation = run_operation(path, "listHistory", summary);
    list(operation, &PAGE_OPTIONS, "runEventCollection", example::events())
}

pub(crate) fn get_process(path: &str) -> OperationBuilder {
    let summary = "The process that caused the run: its flow.";
    let operation = operation(path, "getProcess", summary);
    read(operation, "incomingFlow", example::flow())
}
