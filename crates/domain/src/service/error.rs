//! Errors of the services.

use thiserror::Error;

use crate::{
    id::RunId, query::supported::UnsupportedQuery, rejection::Rejection, store::error::StoreError,
    violation::RuleViolation,
};

/// Why a request was not carried out.
#[derive(Debug, Error)]
pub enum ServiceError {
    /// The flow does not exist.
    #[error(
        "the tenant of the token has no such flow; check the id and the tenant, or list its flows with GET /industryData/incomingFlows"
    )]
    FlowNotFound,
    /// The run, or its flow, does not exist.
    #[error(
        "the flow has no such run, or the tenant of the token has no such flow; check the ids and the tenant, or list the runs with GET /industryData/incomingFlows/{{id}}/runs"
    )]
    RunNotFound,
    /// The request breaks a rule or conflicts with the stored state.
    #[error(transparent)]
    Rejected(#[from] Rejection),
    /// A run with this id was created with other values.
    #[error(
        "a run of this flow has the id {run} and was created with other values{}; to repeat its creation send the same \
         values, else use another id",
        listed(.differing)
    )]
    IdInUse {
        /// The id.
        run: RunId,
        /// The properties with other values; empty if the history of the creation is no longer stored.
        differing: Vec<&'static str>,
    },
    /// A run with this id was deleted. Its id is not used again.
    #[error(
        "the run {0} of this flow was deleted, and the id of a deleted run is not used again; use another id"
    )]
    IdDeleted(RunId),
    /// A flow with runs cannot be deleted.
    #[error("the flow still has runs; delete them first")]
    FlowHasRuns,
    /// The cost of the query has no bound.
    #[error(transparent)]
    UnsupportedQuery(#[from] UnsupportedQuery),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

fn listed(properties: &[&str]) -> String {
    match properties {
        [] => String::new(),
        properties => format!(" ({})", properties.join(", ")),
    }
}

impl From<Vec<RuleViolation>> for ServiceError {
    fn from(violations: Vec<RuleViolation>) -> Self {
        Self::Rejected(Rejection::Invalid(violations))
    }
}
