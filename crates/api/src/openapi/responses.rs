//! Responses of the OpenAPI document: successes, and a component for the failures of each status.

use serde_json::Value;
use utoipa::openapi::{
    ComponentsBuilder, Content, ContentBuilder, Ref, RefOr, Response, ResponseBuilder,
};

use super::example;

/// The headers of every response.
const EVERYWHERE: [&str; 3] = ["request-id", "client-request-id", "OData-Version"];

/// A failure: status, name of its component, an example of a specific code and of its message.
type Failure = (&'static str, &'static str, &'static str, &'static str);

const FAILURES: [Failure; 14] = [
    (
        "400",
        "badRequest",
        "invalidDisplayName",
        "displayName is empty after trimming; send 1 to 256 characters",
    ),
    ("401", "unauthorized", "invalidAuthenticationToken", "send Authorization: Bearer and a token"),
    (
        "403",
        "forbidden",
        "accessDenied",
        "the token lacks the permission IndustryData-Run.ReadWrite.All; ask for one that has it",
    ),
    (
        "404",
        "notFound",
        "runNotFound",
        "the flow has no such run, or the tenant of the token has no such flow; check the ids and the tenant, or list the runs with GET /industryData/incomingFlows/{id}/runs",
    ),
    (
        "406",
        "notAcceptable",
        "invalidAcceptType",
        "the response is application/json; send Accept: application/json, or leave Accept out",
    ),
    (
        "409",
        "conflict",
        "conflictingOutcome",
        "the run ended as failed, and an end is final; leave status out to add statistics",
    ),
    ("412", "preconditionFailed", "entityTagDoesNotMatch", "the entity has changed; read it again"),
    (
        "413",
        "payloadTooLarge",
        "bodyTooLarge",
        "the body is over the limit of 1048576 bytes; send less in one request",
    ),
    ("415", "unsupportedMediaType", "unsupportedMediaType", "send Content-Type: application/json"),
    (
        "422",
        "unprocessableEntity",
        "idempotencyKeyReused",
        "this Idempotency-Key was sent with another route or body; use a new key for a new request",
    ),
    ("428", "preconditionRequired", "preconditionRequired", "send If-Match"),
    ("429", "tooManyRequests", "tooManyRequests", "too many requests; try again later"),
    (
        "500",
        "internalServerError",
        "internalServerError",
        "the server failed on this request; tell its operators the request-id",
    ),
    (
        "503",
        "serviceUnavailable",
        "databaseUnavailable",
        "the database is away or too slow; try again later, and after a write read first whether it was carried out",
    ),
];

/// Adds the components of the failures.
pub(super) fn add(components: ComponentsBuilder) -> ComponentsBuilder {
    FAILURES.into_iter().fold(components, |components, failure| {
        let (status, code, inner_code, message) = failure;
        let body = example::error(code, inner_code, message);
        let response = with_headers(ResponseBuilder::new(), hint(status))
            .description(format!("{status} {code}, such as: {message}"))
            .content("application/json", content("error", body));
        components.response(code, response.build())
    })
}

fn hint(status: &str) -> &'static [&'static str] {
    match status {
        "401" => &["WWW-Authenticate"],
        "415" => &["Accept-Patch", "Accept-Encoding"],
        "409" | "429" | "503" => &["Retry-After"],
        _ => &[],
    }
}

/// The component of a status.
pub(super) fn failure(status: &str) -> Option<RefOr<Response>> {
    let (_, name, ..) = FAILURES.into_iter().find(|(known, ..)| *known == status)?;
    Some(RefOr::Ref(Ref::from_response_name(name)))
}

/// A response with JSON of a schema.
pub(crate) fn json(description: &str, schema: &str, example: Value, headers: &[&str]) -> Response {
    with_headers(ResponseBuilder::new(), headers)
        .description(description)
        .content("application/json", content(schema, example))
        .build()
}

/// A response without a body.
pub(super) fn empty(description: &str, headers: &[&str]) -> Response {
    with_headers(ResponseBuilder::new(), headers).description(description).build()
}

/// A response outside the model.
pub(super) fn other(
    description: &str,
    media_type: &str,
    schema: utoipa::openapi::Object,
) -> Response {
    with_headers(ResponseBuilder::new(), &[])
        .description(description)
        .content(media_type, Content::new(Some(schema)))
        .build()
}

pub(super) fn content(schema: &str, example: Value) -> Content {
    ContentBuilder::new().schema(Some(Ref::from_schema_name(schema))).example(Some(example)).build()
}

fn with_headers(response: ResponseBuilder, headers: &[&str]) -> ResponseBuilder {
    EVERYWHERE.iter().chain(headers).fold(response, |response, name| {
        response.header_ref(*name, Ref::new(format!("#/components/headers/{name}")))
    })
}
