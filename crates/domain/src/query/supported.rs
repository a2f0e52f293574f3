//! Which queries of runs a store must support.

use thiserror::Error;

use crate::query::{
    filter::{RunFilter, RunPredicate},
    order::RunSort,
    request::{RunQuery, RunScope},
};

/// The maximum number of values in all lists of one filter, such as the ids of `id in (…)`.
pub const MAX_LISTED_VALUES: usize = 1000;

/// A query whose cost has no bound. The message names one that is supported.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum UnsupportedQuery {
    /// An order that is supported only in a list of one flow.
    #[error(
        "runs of all flows are ordered by startDateTime only; use $orderby=startDateTime desc, or the list of one flow: \
         /industryData/incomingFlows/{{id}}/runs"
    )]
    OrderAcrossFlows,
    /// A filter that is supported only in a list of one flow.
    #[error(
        "runs of all flows are filtered by status and startDateTime, such as $filter=status eq 'failed' and startDateTime ge \
         2026-03-01T00:00:00Z, or by id eq and id in; for other filters use the list of one flow: \
         /industryData/incomingFlows/{{id}}/runs"
    )]
    FilterAcrossFlows,
}

/// Checks that a store must support a query: all queries of one flow, and the queries of all flows of a tenant whose order and
/// filter limit the rows that are read.
///
/// # Errors
///
/// [`UnsupportedQuery`] for all other queries.
pub fn check_supported(query: &RunQuery) -> Result<(), UnsupportedQuery> {
    if matches!(query.scope, RunScope::Flow(_)) {
        return Ok(());
    }
    if query.order.sort != RunSort::Start {
        return Err(UnsupportedQuery::OrderAcrossFlows);
    }
    let requires_ids = |filter: &RunFilter| filter.required_ids().is_some();
    let is_bounded = |predicate: &RunPredicate| {
        matches!(predicate, RunPredicate::Status(_) | RunPredicate::Start(_))
    };
    let is_supported = query.filter.as_ref().is_none_or(|filter| {
        requires_ids(filter) || filter.predicates().into_iter().all(is_bounded)
    });
    match is_supported {
        true => Ok(()),
        false => Err(UnsupportedQuery::FilterAcrossFlows),
    }
}
