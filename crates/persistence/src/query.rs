//! Queries of lists: SQL with bind parameters only, along one index, bounded in what they look at.

mod documents;
mod flows;
mod ids;
mod plan;
mod predicate;
mod range;
mod runs;
mod search;

pub(crate) use self::{
    documents::query_runs,
    flows::{count_flows, explain_flows, find_flows, query_flows},
    runs::{count_runs, explain_runs},
};

/// A statement under construction.
type Builder = sqlx::QueryBuilder<sqlx::Postgres>;
