//! Runs: the entity, its state and properties, reports and creations that change it, and its history.

pub(crate) mod address;
pub(crate) mod creation;
pub(crate) mod decision;
pub(crate) mod diff;
pub(crate) mod entity;
pub(crate) mod event;
pub(crate) mod patch;
pub(crate) mod properties;
pub(crate) mod public_error;
pub(crate) mod state;
pub(crate) mod statistics;
pub(crate) mod status;

pub use self::{
    address::{RunAddress, RunById, Via},
    creation::{NewRun, RunCreation},
    decision::{Decision, RunChange},
    entity::{Run, RunSummary, run_tag},
    event::{Action, PropertyChange, ReportOrigin, RunEvent},
    patch::RunPatch,
    properties::RunProperties,
    public_error::{PublicError, PublicErrorPatch},
    state::RunState,
    statistics::Statistics,
    status::{Outcome, RunStatus, Transition, TransitionError, Urgency},
};
