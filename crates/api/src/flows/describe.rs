//! The operations on flows in the OpenAPI document.

use utoipa::openapi::path::OperationBuilder;

use crate::openapi::{
    example,
    operation::{body, change, creation, deletion, list, operation, read},
    parameter::LIST_OPTIONS,
};

const FLOW: &str = "incomingFlow";

pub(crate) fn list_flows(path: &str) -> OperationBuilder {
    let operation = operation(path, "listFlows", "The flows of the tenant, by id.");
    let page = example::list("", &example::flow());
    list(operation, &LIST_OPTIONS, "incomingFlowCollection", page)
}

pub(crate) fn create_flow(path: &str) -> OperationBuilder {
    let operation = operation(path, "createFlow", "Creates a flow.");
    let request = body("newIncomingFlow", example::new_flow());
    creation(operation, request, FLOW, example::flow())
}

pub(crate) fn get_flow(path: &str) -> OperationBuilder {
    read(operation(path, "getFlow", "A flow."), FLOW, example::flow())
}

pub(crate) fn patch_flow(path: &str) -> OperationBuilder {
    let operation = operation(path, "patchFlow", "Changes a flow.");
    let request = body("incomingFlowPatch", example::flow_patch());
    change(operation, request, FLOW, example::flow())
}

pub(crate) fn delete_flow(path: &str) -> OperationBuilder {
    let summary = "Deletes a flow that has no runs.";
    deletion(operation(path, "deleteFlow", summary))
}
