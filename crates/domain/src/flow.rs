//! Flows: the entity, its creation and its changes. A flow brings data in again and again, and owns its runs.

pub(crate) mod creation;
pub(crate) mod entity;
pub(crate) mod patch;
pub(crate) mod recurrence;

pub use self::{
    creation::NewFlow,
    entity::{DataDomain, Flow, FlowProperties, ReadinessStatus},
    patch::FlowPatch,
};
