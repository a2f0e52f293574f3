//! The model. A property that may be left out is not in `required`; one that may be null says so: the two differ.

mod public_error;

use flowruns_domain::{
    display_name::DisplayName,
    flow::{DataDomain, ReadinessStatus},
    property,
    run::{Action, RunStatus},
};
use utoipa::openapi::{
    ComponentsBuilder, KnownFormat, Object, ObjectBuilder, Ref, RefOr, Schema, SchemaFormat, Type,
    schema::{AdditionalProperties, Array, ArrayBuilder, OneOfBuilder, SchemaType},
};

use self::public_error::{public_error, public_error_detail, public_inner_error};

/// Graph's sentinel for members of an enumeration that the client does not know. A newer server may send it.
const SENTINEL: &str = "unknownFutureValue";
const STATISTICS: &str = "An open type: any JSON object, at most 64 KiB and 16 levels. A report is merged into it member by \
    member, and a null member is removed.";
const BATCH: &str = "`requests`: up to 20 of `id`, `method`, `url` (relative to the root, or absolute on this server), \
    `headers`, `body`, and `dependsOn`, ids of earlier ones. Each has the limits of a request alone.";

/// Adds all of it.
pub(super) fn add(components: ComponentsBuilder) -> ComponentsBuilder {
    let components = enumerations(components)
        .schema("publicError", public_error())
        .schema("publicInnerError", public_inner_error())
        .schema("publicErrorDetail", public_error_detail())
        .schema("runStatistics", open().description(Some(STATISTICS)))
        .schema("run", run())
        .schema("shownRun", shown_run())
        .schema("runItem", run_properties().property("@odata.id", text()))
        .schema("newRun", new_run())
        .schema("runPatch", run_patch())
        .schema("incomingFlow", flow())
        .schema("newIncomingFlow", new_flow())
        .schema("incomingFlowPatch", flow_patch())
        .schema("runEvent", event())
        .schema("propertyChange", property_change())
        .schema("runCollection", list("runItem"))
        .schema("incomingFlowCollection", list("incomingFlow"))
        .schema("runEventCollection", list("runEvent"))
        .schema("batch", open().description(Some(BATCH)))
        .schema("batchReply", required(open(), &["responses"]))
        .schema("serviceDocument", required(open(), &["@odata.context", "value"]));
    components
        .schema("industryDataHub", required(open(), &["@odata.context"]))
        .schema("error", required(object().property("error", reference("errorBody")), &["error"]))
        .schema("errorBody", error_body())
        .schema(
            "errorDetail",
            required(texts(&["code", "message", "target"]), &["code", "message"]),
        )
        .schema("innerError", inner_error())
}

fn enumerations(components: ComponentsBuilder) -> ComponentsBuilder {
    let statuses = RunStatus::ALL.map(RunStatus::as_str);
    let readiness = ReadinessStatus::ALL.map(ReadinessStatus::as_str);
    let domains = DataDomain::ALL.map(DataDomain::as_str);
    components
        .schema("runStatus", enumeration(&statuses, Some(SENTINEL)))
        .schema("newRunStatus", enumeration(&statuses, None))
        .schema("readinessStatus", enumeration(&readiness, Some(SENTINEL)))
        .schema("newReadinessStatus", enumeration(&readiness, None))
        .schema("dataDomain", enumeration(&domains, Some(SENTINEL)))
        .schema("newDataDomain", enumeration(&domains, None))
        .schema("runAction", enumeration(&Action::ALL.map(Action::as_str), None))
}

fn enumeration(members: &[&str], sentinel: Option<&str>) -> ObjectBuilder {
    text().enum_values(Some(members.iter().copied().chain(sentinel)))
}

fn object() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::Object)
}

/// An object that takes members of any name.
fn open() -> ObjectBuilder {
    object().additional_properties(any_members())
}

const fn any_members() -> Option<AdditionalProperties<Schema>> {
    Some(AdditionalProperties::FreeForm(true))
}

/// What a client sends: a property with an unknown name is rejected.
fn closed() -> ObjectBuilder {
    object().additional_properties(Some(AdditionalProperties::FreeForm(false)))
}

fn required(object: ObjectBuilder, names: &[&str]) -> ObjectBuilder {
    names.iter().fold(object, |object, name| object.required(*name))
}

fn reference(schema: &str) -> RefOr<Schema> {
    RefOr::Ref(Ref::from_schema_name(schema))
}

fn text() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String)
}

fn texts(names: &[&str]) -> ObjectBuilder {
    names.iter().fold(object(), |object, name| object.property(*name, text()))
}

fn name() -> ObjectBuilder {
    text()
        .min_length(Some(1))
        .max_length(Some(DisplayName::MAX_CHARS))
        .description(Some(
            "White space around it is trimmed; no control characters, and at least one that can be seen.",
        ))
}

fn uuid() -> ObjectBuilder {
    text().format(Some(SchemaFormat::Custom("uuid".to_owned())))
}

fn date_time() -> ObjectBuilder {
    text().format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
}

fn nullable_date_time() -> ObjectBuilder {
    date_time().schema_type(SchemaType::from_iter([Type::String, Type::Null]))
}

fn nullable(schema: &str) -> OneOfBuilder {
    OneOfBuilder::new().item(reference(schema)).item(ObjectBuilder::new().schema_type(Type::Null))
}

fn list_of(schema: &str) -> Array {
    ArrayBuilder::new().items(reference(schema)).build()
}

/// Every property of a run that a list shows.
fn run_properties() -> ObjectBuilder {
    texts(&["@odata.type", "@odata.etag"])
        .property(property::ID, uuid())
        .property(property::DISPLAY_NAME, name())
        .property(property::START_DATE_TIME, date_time())
        .property(
            property::END_DATE_TIME,
            nullable_date_time().description(Some("Null exactly while the run is running.")),
        )
        .property(property::STATUS, reference("runStatus"))
        .property(property::BLOCKING_ERROR, nullable("publicError"))
        .property(property::STATISTICS, reference("runStatistics"))
        .property("process", reference("incomingFlow"))
}

fn run() -> ObjectBuilder {
    let run = run_properties().property("@odata.context", text());
    let whole = [
        "@odata.context",
        "@odata.type",
        "@odata.etag",
        property::ID,
        property::DISPLAY_NAME,
        property::START_DATE_TIME,
        property::END_DATE_TIME,
        property::STATUS,
        property::BLOCKING_ERROR,
        property::STATISTICS,
    ];
    required(run, &whole)
}

fn shown_run() -> ObjectBuilder {
    let run = run_properties().property("@odata.context", text());
    let run = run.description(Some(
        "With $select, only the properties that were asked for; else all of them.",
    ));
    required(run, &["@odata.context", "@odata.type", "@odata.etag"])
}

fn new_run() -> ObjectBuilder {
    let new = closed()
        .property(
            property::ID,
            uuid()
                .description(Some("Yours, if you have one; the same creation again is harmless.")),
        )
        .property(property::DISPLAY_NAME, name())
        .property(
            property::START_DATE_TIME,
            date_time().description(Some("Now, unless it is said.")),
        )
        .property(
            property::END_DATE_TIME,
            nullable_date_time()
                .description(Some("Only, and always, with a status that has ended.")),
        )
        .property(property::STATUS, reference("newRunStatus"))
        .property(property::BLOCKING_ERROR, nullable("publicError"))
        .property(property::STATISTICS, reference("runStatistics"));
    required(new, &[property::DISPLAY_NAME])
}

fn run_patch() -> ObjectBuilder {
    closed()
        .description(Some("What is left out keeps its value. Null clears endDateTime and blockingError, and is rejected elsewhere."))
        .property(property::ID, uuid().description(Some("That of the URL.")))
        .property(property::DISPLAY_NAME, name())
        .property(property::START_DATE_TIME, date_time())
        .property(property::END_DATE_TIME, nullable_date_time())
        .property(property::STATUS, reference("runStatus"))
        .property(property::BLOCKING_ERROR, nullable("publicError"))
        .property(property::STATISTICS, reference("runStatistics"))
}

fn flow() -> ObjectBuilder {
    let flow = texts(&["@odata.context", "@odata.type", "@odata.etag", "eTag"])
        .property(property::ID, uuid())
        .property(property::DISPLAY_NAME, name())
        .property(property::READINESS_STATUS, reference("readinessStatus"))
        .property(property::DATA_DOMAIN, reference("dataDomain"))
        .property(property::RECURRENCE_EFFECTIVE_DATE_TIME, date_time())
        .property(property::RECURRENCE_EXPIRATION_DATE_TIME, nullable_date_time());
    flow.description(Some("With $select, only the properties that were asked for."))
}

fn new_flow() -> ObjectBuilder {
    let new = closed()
        .property(property::DISPLAY_NAME, name())
        .property(property::READINESS_STATUS, reference("newReadinessStatus"))
        .property(property::DATA_DOMAIN, reference("newDataDomain"))
        .property(property::RECURRENCE_EFFECTIVE_DATE_TIME, date_time())
        .property(property::RECURRENCE_EXPIRATION_DATE_TIME, nullable_date_time());
    required(new, &[property::DISPLAY_NAME])
}

fn flow_patch() -> ObjectBuilder {
    closed()
        .description(Some("What is left out keeps its value. Null clears recurrenceExpirationDateTime, and is rejected elsewhere."))
        .property(property::ID, uuid().description(Some("That of the URL.")))
        .property("eTag", text().description(Some("Counts as If-Match.")))
        .property(property::DISPLAY_NAME, name())
        .property(property::READINESS_STATUS, reference("readinessStatus"))
        .property(property::DATA_DOMAIN, reference("dataDomain"))
        .property(property::RECURRENCE_EFFECTIVE_DATE_TIME, date_time())
        .property(property::RECURRENCE_EXPIRATION_DATE_TIME, nullable_date_time())
}

fn event() -> ObjectBuilder {
    let version = ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(1));
    let event = object()
        .property("version", version.description(Some("1 is the creation; there are no gaps.")))
        .property("occurredDateTime", date_time())
        .property("actor", text())
        .property("requestId", uuid())
        .property("action", reference("runAction"))
        .property("changes", list_of("propertyChange"));
    required(event, &["version", "occurredDateTime", "actor", "requestId", "action", "changes"])
}

fn property_change() -> ObjectBuilder {
    let any = || ObjectBuilder::new().schema_type(SchemaType::AnyValue);
    let change = texts(&["property"])
        .property("before", any().description(Some("Null where there was nothing.")))
        .property("after", any().description(Some("Null where there is nothing.")));
    required(change, &["property", "before", "after"])
}

fn list(item: &str) -> Object {
    let count = |description: &str| {
        let number = ObjectBuilder::new().schema_type(Type::Integer);
        number.minimum(Some(0)).description(Some(description))
    };
    let list = texts(&["@odata.context"])
        .property("@odata.count", count("With $count=true."))
        .property(
            "@flowruns.countAbove",
            count("With $count=true, where there are more than are counted."),
        )
        .property(
            "@odata.nextLink",
            text().description(Some("The next page, as it is; absent on the last one.")),
        )
        .property("value", list_of(item));
    required(list, &["@odata.context", "value"]).build()
}

fn error_body() -> ObjectBuilder {
    let body = texts(&["code", "message", "target"])
        .property("details", list_of("errorDetail"))
        .property("innerError", reference("innerError"));
    required(body, &["code", "message", "innerError"])
}

fn inner_error() -> ObjectBuilder {
    let inner = texts(&["code", "request-id", "client-request-id"]).property("date", date_time());
    required(inner, &["date", "request-id", "client-request-id"])
}
