//! The rule book of flowruns: runs, flows, how reports change them, and the ports that a store fills.
//!
//! Pure: no I/O, no clock and no randomness of its own. What a report does to a run:
//!
//! ```
//! use flowruns_domain::{
//!     Decision, DisplayName, EventId, Field, IfMatch, NewRun, Origin, Outcome, RunPatch, RunStatus, TimeOrderedIds,
//!     Clock, FlowKey, Ids, SystemClock, json::JsonObject,
//! };
//!
//! let now = SystemClock.now();
//! let id = || TimeOrderedIds.next(now);
//! let origin = Origin { event: EventId::new(id())?, actor: "nightly".into(), request: id(), received: now };
//! let flow = FlowKey { tenant: id().to_string().parse()?, flow: id().to_string().parse()? };
//! let new = NewRun {
//!     display_name: DisplayName::new("Nightly rosters")?,
//!     start: None,
//!     end: None,
//!     status: RunStatus::Running,
//!     blocking_error: None,
//!     statistics: JsonObject::default(),
//! };
//! let run = new.create(flow.run(id().to_string().parse()?), &origin).unwrap().run;
//!
//! let failed = RunStatus::Ended(Outcome::Failed);
//! let report = RunPatch { status: Field::Value(failed), ..RunPatch::default() };
//! let Decision::Changed(change) = run.decide(&report, &IfMatch::Absent, &origin)? else { panic!() };
//! assert_eq!(change.run.properties.state.status(), failed);
//! assert_eq!(change.run.decide(&report, &IfMatch::Absent, &origin)?, Decision::Unchanged);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod address;
mod clock;
mod display_name;
mod error_object;
mod event;
mod excerpt;
mod faults;
mod flow;
mod flow_service;
mod id;
mod idempotency;
pub mod json;
mod new_run;
mod patch;
mod precondition;
pub mod property;
mod query;
mod rejection;
mod run;
mod run_change;
mod run_properties;
mod service;
mod state;
mod statistics;
mod status;
mod store;
mod timestamp;

pub use self::{
    address::{RunAddress, RunById, Via},
    clock::{Clock, Ids, SystemClock, TimeOrderedIds},
    display_name::{DisplayName, InvalidDisplayName},
    error_object::{PublicError, PublicErrorPatch},
    event::{Action, Origin, PropertyChange, RunEvent, Version},
    excerpt::{excerpt, excerpt_of},
    faults::Faults,
    flow::{DataDomain, Flow, FlowPatch, FlowProperties, ReadinessStatus},
    flow_service::{FlowService, NewFlow},
    id::{EventId, FlowId, FlowKey, InvalidId, RunId, RunKey, TenantId},
    idempotency::{
        Claimed, Digest, IdempotencyKey, KeptAnswer, KeyClaim, KeyDecision, Reserved, StoredKey,
    },
    new_run::{Creation, NewRun},
    patch::{Field, Nullable, RunPatch},
    precondition::{EntityTag, IfMatch, IfNoneMatch, Precondition, Preconditions},
    query::{
        Condition, Count, CountLimit, Direction, EnumTest, EventPageRequest, FlowCursor,
        FlowFilter, FlowOrder, FlowQuery, FlowSort, FlowTerm, Found, FoundFlows, FoundRuns,
        ListedRun, MAX_LISTED_VALUES, Next, Operator, Page, PageRequest, PageSize, RunCursor,
        RunDetails, RunFilter, RunOrder, RunQuery, RunScope, RunSort, RunTerm, SCAN_LIMIT, SortKey,
        Test, TextTest, UnsupportedQuery, check_supported, event_bytes,
    },
    rejection::{Conflict, ConflictCauses, ConflictRule, Fault, PatchRejected, Rule},
    run::{Change, Decision, Run, RunSummary, run_tag},
    run_properties::RunProperties,
    service::{Environment, Requester, RunCreated, RunService, ServiceError},
    state::RunState,
    statistics::Statistics,
    status::{Outcome, RunStatus, Transition, TransitionError, Urgency},
    store::{
        Created, DecideFlow, DecideRun, FlowDeleted, FlowStore, IdempotencyStore, NotReady,
        RunReport, RunStore, Store, StoreError, StoreErrorKind, Updated, unsuitable_encoding,
    },
    timestamp::{InvalidTimestamp, Timestamp},
};
