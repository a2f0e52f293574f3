//! Parameters and headers, each described once.

use flowruns_domain::query::PageSize;
use utoipa::openapi::{
    ComponentsBuilder, Header, HeaderBuilder, Object, ObjectBuilder, Ref, Required, SchemaFormat,
    Type,
    path::{Parameter, ParameterBuilder, ParameterIn},
};

/// `*`, or a list of entity tags.
const TAGS: &str = r#"^(\*|(W/)?"[!#-~]*"(, ?(W/)?"[!#-~]*")*)$"#;

/// The options of a list that is queried.
pub(crate) const LIST_OPTIONS: [&str; 7] =
    ["$filter", "$orderby", "$select", "$top", "$skip", "$count", "$skiptoken"];
/// The options of a list that is only paged.
pub(crate) const PAGE_OPTIONS: [&str; 2] = ["$top", "$skiptoken"];
const MAX_SKIPPED: u16 = 1000;

/// Adds the components of all parameters and headers.
pub(super) fn add(components: ComponentsBuilder) -> ComponentsBuilder {
    let components = ids()
        .into_iter()
        .chain(options())
        .chain(sent_headers())
        .fold(components, |components, parameter| {
            components.parameter(parameter.name.clone(), parameter)
        });
    response_headers()
        .into_iter()
        .fold(components, |components, (name, header)| components.header(name, header))
}

/// A parameter by its name.
pub(super) fn reference(name: &str) -> Ref {
    Ref::new(format!("#/components/parameters/{name}"))
}

fn parameter(
    place: ParameterIn,
    name: &str,
    schema: impl Into<Object>,
    description: &str,
) -> Parameter {
    let is_required = matches!(place, ParameterIn::Path);
    ParameterBuilder::new()
        .parameter_in(place)
        .name(name)
        .required(if is_required { Required::True } else { Required::False })
        .description(Some(description))
        .schema(Some(schema.into()))
        .build()
}

fn text() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String)
}

fn number(most: u16) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(0)).maximum(Some(u64::from(most)))
}

fn ids() -> [Parameter; 3] {
    let id = |name, description| {
        let uuid = text().format(Some(SchemaFormat::Custom("uuid".to_owned())));
        parameter(ParameterIn::Path, name, uuid, description)
    };
    [
        id("flowId", "A hyphenated UUID in any case, not the nil one."),
        id("runId", "A hyphenated UUID in any case, not the nil one."),
        id("runId2", "A run of the process of `runId`; it may be the same run."),
    ]
}

fn options() -> [Parameter; 8] {
    let option = |name, schema: ObjectBuilder, description| {
        parameter(ParameterIn::Query, name, schema, description)
    };
    [
        option(
            "$filter",
            text(),
            "Such as `status eq 'running' and startDateTime ge 2026-03-01T00:00:00Z`.",
        ),
        option(
            "$orderby",
            text(),
            "Such as `startDateTime desc`; ties are broken by id in the same direction, unless `id asc` or `id desc` follows.",
        ),
        option("$select", text(), "Properties, separated by commas."),
        option(
            "$expand",
            text().enum_values(Some(["process"])),
            "`process`: the flow with each run.",
        ),
        option(
            "$top",
            number(PageSize::MAX),
            "Rows of a page, 50 unless said. A page ends before that when its content reaches 1 MiB.",
        ),
        option(
            "$skip",
            number(MAX_SKIPPED),
            "Rows to leave out; follow `@odata.nextLink` for more.",
        ),
        option(
            "$count",
            ObjectBuilder::new().schema_type(Type::Boolean),
            "Whether `@odata.count` is wanted.",
        ),
        option("$skiptoken", text(), "Opaque: as `@odata.nextLink` has it."),
    ]
}

fn sent_headers() -> [Parameter; 5] {
    let header = |name, schema: ObjectBuilder, description| {
        parameter(ParameterIn::Header, name, schema, description)
    };
    [
        header(
            "If-Match",
            text().pattern(Some(TAGS)),
            "`*`, or tags as they were answered: it is read or changed only if one of them is current, else 412.",
        ),
        header(
            "If-None-Match",
            text().pattern(Some(TAGS)),
            "`*`, or tags: a read is 304 if one of them is current, and a change is 412.",
        ),
        header(
            "Prefer",
            text(),
            "The response to a write with `return=minimal` is 204, and with `return=representation` the entity; `odata.maxpagesize=n` makes \
             the pages of a list smaller.",
        ),
        header(
            "Idempotency-Key",
            text().min_length(Some(1)).max_length(Some(255)).pattern(Some("^[!-~]+$")),
            "Yours, one for each creation. The first response is kept for 24 hours and given again; another route or body is \
             422; while the first is still being processed, and for up to 60 seconds after a server crashed on it, 409.",
        ),
        header(
            "client-request-id",
            text().max_length(Some(256)),
            "Given back, and in errors and logs.",
        ),
    ]
}

fn response_headers() -> [(&'static str, Header); 12] {
    let header = |description: &str| {
        HeaderBuilder::new().schema(Some(text())).description(Some(description)).build()
    };
    [
        ("request-id", header("The server's name for this request.")),
        ("client-request-id", header("The client's name for this request, else the server's.")),
        ("OData-Version", header("4.0")),
        ("ETag", header("The tag of the entity as it is stored now.")),
        ("Location", header("Where the new entity lives.")),
        ("OData-EntityId", header("Where the new entity lives, when there is no body.")),
        ("Preference-Applied", header("What was honoured of Prefer.")),
        (
            "Idempotency-Replayed",
            header(
                "`true` when this is the response to the first request with this Idempotency-Key.",
            ),
        ),
        ("Accept-Patch", header("application/json, on PATCH: what a body must be.")),
        ("Accept-Encoding", header("identity, when the body had a Content-Encoding.")),
        ("Retry-After", header("After how many seconds it is worth another attempt.")),
        ("WWW-Authenticate", header("Bearer, and what is wrong with the token that was sent.")),
    ]
}
