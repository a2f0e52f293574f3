//! The parts that descriptions of operations have in common.

use serde_json::Value;
use utoipa::openapi::{
    Required, Response,
    path::OperationBuilder,
    request_body::{RequestBody, RequestBodyBuilder},
};

use super::{
    parameter::reference,
    responses::{self, content, empty, json},
};

/// The statuses of failures that every operation on the model may have.
const ALWAYS: [&str; 8] = ["400", "401", "403", "406", "415", "429", "500", "503"];

/// An operation at a path; 404 if an id in it does not exist.
pub(crate) fn operation(path: &str, id: &str, summary: &str) -> OperationBuilder {
    let has_ids = path.contains('{');
    let failures = if has_ids { &["404"][..] } else { &[] };
    with_failures(independent_operation(path, id, summary), failures)
}

/// An operation whose response does not depend on what exists.
pub(super) fn independent_operation(path: &str, id: &str, summary: &str) -> OperationBuilder {
    let tag = if path.contains("/runs") { "runs" } else { "flows" };
    let ids = path.split('{').skip(1).filter_map(|part| part.split('}').next());
    let operation = OperationBuilder::new().operation_id(Some(id)).summary(Some(summary)).tag(tag);
    let operation = ids.fold(operation, |operation, id| operation.parameter_ref(reference(id)));
    with_failures(with_parameters(operation, &["client-request-id"]), &ALWAYS)
}

pub(crate) fn with_parameters(operation: OperationBuilder, names: &[&str]) -> OperationBuilder {
    names.iter().fold(operation, |operation, name| operation.parameter_ref(reference(name)))
}

pub(crate) fn with_failures(operation: OperationBuilder, statuses: &[&str]) -> OperationBuilder {
    let failures =
        statuses.iter().filter_map(|status| Some((*status, responses::failure(status)?)));
    failures.fold(operation, |operation, (status, failure)| operation.response(status, failure))
}

pub(crate) fn body(schema: &str, example: Value) -> RequestBody {
    RequestBodyBuilder::new()
        .required(Some(Required::True))
        .content("application/json", content(schema, example))
        .build()
}

/// A list, with the options that narrow it.
pub(crate) fn list(
    operation: OperationBuilder,
    options: &[&str],
    schema: &str,
    example: Value,
) -> OperationBuilder {
    let page = json("A page.", schema, example, &["Preference-Applied"]);
    let operation = with_parameters(with_parameters(operation, options), &["Prefer"]);
    operation.response("200", page)
}

/// A read of one entity.
pub(crate) fn read(operation: OperationBuilder, schema: &str, example: Value) -> OperationBuilder {
    let is_current = empty("The client has the current one.", &["ETag"]);
    let operation = with_parameters(operation, &["If-Match", "If-None-Match", "$select"]);
    with_failures(operation, &["412"])
        .response("200", json("As it is stored now.", schema, example, &["ETag"]))
        .response("304", is_current)
}

/// A creation of an entity of this schema.
pub(crate) fn creation(
    operation: OperationBuilder,
    request: RequestBody,
    schema: &str,
    example: Value,
) -> OperationBuilder {
    let headers = ["Location", "ETag", "Preference-Applied", "Idempotency-Replayed"];
    let created = json("Created.", schema, example, &headers);
    let headers =
        ["Location", "ETag", "OData-EntityId", "Preference-Applied", "Idempotency-Replayed"];
    let minimal = empty("Created, with Prefer: return=minimal.", &headers);
    let operation =
        operation.request_body(Some(request)).response("201", created).response("204", minimal);
    let operation = with_parameters(operation, &["Prefer", "Idempotency-Key"]);
    with_failures(operation, &["409", "413", "422"])
}

/// A change of an entity of this schema.
pub(crate) fn change(
    operation: OperationBuilder,
    request: RequestBody,
    schema: &str,
    example: Value,
) -> OperationBuilder {
    let headers = ["ETag", "Preference-Applied"];
    let changed: Response = json("As it is stored then.", schema, example, &headers);
    let operation = operation
        .request_body(Some(request))
        .response("200", changed)
        .response("204", empty("Done, with Prefer: return=minimal.", &headers));
    let operation = with_parameters(operation, &["If-Match", "If-None-Match", "Prefer"]);
    with_failures(operation, &["409", "412", "413", "428"])
}

pub(crate) fn deletion(operation: OperationBuilder) -> OperationBuilder {
    let operation = operation.response("204", empty("Gone.", &[]));
    let operation = with_parameters(operation, &["If-Match", "If-None-Match"]);
    with_failures(operation, &["409", "412", "428"])
}
