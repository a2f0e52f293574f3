//! Values and rows for tests.

#![expect(
    clippy::expect_used,
    reason = "a fixture of a wrong shape is a defect of the test that names it"
)]

use std::sync::Arc;

use flowruns_domain::{
    clock::{Clock, Ids, SystemClock, TimeOrderedIds},
    display_name::DisplayName,
    flow::{DataDomain, Flow, FlowProperties, ReadinessStatus},
    id::{EventId, FlowId, FlowKey, RunId, RunKey, TenantId},
    json::{JsonObject, parse_object},
    patch::Field,
    rejection::Rejection,
    run::{
        Decision, NewRun, Outcome, PublicErrorPatch, ReportOrigin, Run, RunPatch, RunStatus,
        Urgency,
    },
    store::RunReport,
    timestamp::Timestamp,
    version::Version,
};
use uuid::Uuid;

/// A new random UUID.
pub fn fresh_uuid() -> Uuid {
    TimeOrderedIds.next(SystemClock.now())
}

/// A new tenant.
pub fn fresh_tenant() -> TenantId {
    TenantId::new(fresh_uuid()).expect("a fresh UUID is not nil")
}

/// A flow of this tenant with a new id.
pub fn fresh_flow(tenant: TenantId) -> Flow {
    let flow = FlowId::new(fresh_uuid()).expect("a fresh UUID is not nil");
    let properties = FlowProperties {
        display_name: name("Rosters"),
        readiness_status: ReadinessStatus::Ready,
        data_domain: DataDomain::EducationRostering,
        effective: moment(),
        expiration: None,
    };
    Flow { key: FlowKey { tenant, flow }, version: Version::FIRST, properties }
}

/// The key of the run with this number, from 1. Keys sort by number.
pub fn run_key(flow: FlowKey, number: u64) -> RunKey {
    flow.run(RunId::new(crate::ids::numbered(number)).expect("its version is never 0"))
}

/// The default time of everything in tests: a Sunday morning.
pub fn moment() -> Timestamp {
    time("2026-03-01T08:30:00.000001Z")
}

/// A time from its text.
pub fn time(text: &str) -> Timestamp {
    text.parse().expect("a test names a DateTimeOffset")
}

/// A display name.
pub fn name(text: &str) -> DisplayName {
    DisplayName::new(text).expect("a test names a display name")
}

/// An object from its JSON.
pub fn object(json: &str) -> JsonObject {
    parse_object(json.as_bytes()).expect("a test holds a JSON object")
}

/// A patch of blockingError from its JSON.
pub fn error_patch(json: &str) -> PublicErrorPatch {
    PublicErrorPatch::new(object(json)).expect("a test holds a publicError")
}

/// The origin of a report that was received at [`moment`] in a new request.
pub fn origin() -> ReportOrigin {
    origin_at(moment())
}

/// The origin of a report that was received at this time in a new request.
pub fn origin_at(received: Timestamp) -> ReportOrigin {
    ReportOrigin {
        event: EventId::new(fresh_uuid()).expect("a fresh UUID is not nil"),
        actor: "nightly".to_owned(),
        request: fresh_uuid(),
        received,
    }
}

/// A report with this decision.
pub fn report(
    decide: impl Fn(&Run) -> Result<Decision, Rejection> + Send + Sync + 'static,
) -> RunReport {
    RunReport { decide: Arc::new(decide), patch: Arc::default(), urgency: Urgency::Ordinary }
}

/// A creation of a run in progress that started at [`moment`].
pub fn new_run() -> NewRun {
    NewRun {
        display_name: name("Nightly rosters"),
        start: Some(moment()),
        end: None,
        status: RunStatus::Running,
        blocking_error: None,
        statistics: JsonObject::default(),
    }
}

/// A report of statistics.
pub fn counted(json: &str) -> RunPatch {
    RunPatch { statistics: Field::Value(object(json)), ..RunPatch::default() }
}

/// A report of an end.
pub fn ended(outcome: Outcome) -> RunPatch {
    RunPatch { status: Field::Value(RunStatus::Ended(outcome)), ..RunPatch::default() }
}
