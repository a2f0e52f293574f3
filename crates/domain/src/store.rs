//! The ports: what the domain requires of a store. `flowruns-testing` holds the conformance suite that every store must pass.

pub(crate) mod error;
pub(crate) mod flow;
pub(crate) mod idempotency;
pub(crate) mod outcome;
pub(crate) mod readiness;
pub(crate) mod run;

pub use self::{
    error::{StoreError, StoreErrorKind},
    flow::{DecideFlow, FlowStore},
    idempotency::IdempotencyStore,
    outcome::{Created, FlowDeleted, Updated},
    readiness::{NotReady, Store, unsuitable_encoding},
    run::{DecideRun, RunReport, RunStore},
};
