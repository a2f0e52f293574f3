//! What callers do with runs and flows, on any store.

pub(crate) mod environment;
pub(crate) mod error;
pub(crate) mod flow;
pub(crate) mod run;
pub(crate) mod run_creation;

pub use self::{
    environment::{Environment, Requester},
    error::ServiceError,
    flow::FlowService,
    run::RunService,
    run_creation::RunCreated,
};
