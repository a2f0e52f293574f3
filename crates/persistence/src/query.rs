//! Lists of runs and flows: SQL with bind parameters, along one index, with a bound on the rows that are read.
//!
//! ```text
//!  documents ──► runs ──┬──► ids      the filter requires one of some ids
//!                       └──► scan ──► keyset, predicate
//!               flows ──────► scan
//! ```
//!
//! [`keyset`] explains how a page is bounded. The settings of the pool's sessions (`connect`) keep the planner from
//! sequential scans, bitmap scans and sorts, so that the index that has the order of a list is the only one that it can
//! use.

pub(crate) mod documents;
pub(crate) mod flows;
mod ids;
mod keyset;
mod plan;
mod predicate;
pub(crate) mod runs;
mod scan;

pub(crate) use self::{
    documents::query_runs,
    flows::{count_flows, explain_flows, find_flows, query_flows},
    runs::{count_runs, explain_runs},
    scan::{EXPLAIN, explain},
};

/// A statement that is being built.
type Builder = sqlx::QueryBuilder<sqlx::Postgres>;
