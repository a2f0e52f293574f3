//! Reads the runs of all flows, with the names of their flows and the errors of those that failed.

use std::collections::HashMap;

use flowruns_domain::{
    dashboard::{ErrorLine, NEWEST_FIRST, RunKeys},
    id::{FlowId, RunKey, TenantId},
    query::{PageSize, RunQuery, RunScope},
    run::{RunSummary, Via},
    service::{Environment, FlowService, RunService, ServiceError},
    timestamp::Timestamp,
};

use crate::address::{RunPosition, RunsAddress};

/// A run of the list.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct ListedRun {
    /// The run.
    pub(super) run: RunSummary,
    /// The name of its flow; `None` if the flow was deleted meanwhile.
    pub(super) flow_name: Option<String>,
    /// The error, if it may have one.
    pub(super) error: Option<ErrorLine>,
}

/// A page of the list.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct RunsPage {
    /// The runs, the latest start first.
    pub(super) runs: Vec<ListedRun>,
    /// Where the next page begins. A page may be empty and still have a next one, since a page looks at a bounded number of
    /// runs.
    pub(super) next: Option<RunPosition>,
}

/// Reads a page.
///
/// # Errors
///
/// [`ServiceError::Store`].
pub(super) async fn read_page(
    environment: &Environment,
    tenant: TenantId,
    (address, now): (&RunsAddress, Timestamp),
    size: PageSize,
) -> Result<RunsPage, ServiceError> {
    let (runs, next) = read_runs(environment, tenant, (address, now), size).await?;
    let names = flow_names(environment, tenant, runs.iter().map(|run| run.key.flow)).await?;
    let mut errors = errors(environment, &runs).await?;
    let listed = |run: RunSummary| ListedRun {
        flow_name: names.get(&run.key.flow).cloned(),
        error: errors.remove(&run.key),
        run,
    };
    Ok(RunsPage { runs: runs.into_iter().map(listed).collect(), next })
}

/// Reads the runs of a page alone, and where the next one begins.
///
/// # Errors
///
/// [`ServiceError::Store`].
pub(super) async fn read_runs(
    environment: &Environment,
    tenant: TenantId,
    (address, now): (&RunsAddress, Timestamp),
    size: PageSize,
) -> Result<(Vec<RunSummary>, Option<RunPosition>), ServiceError> {
    let query = RunQuery {
        filter: address.filter(now),
        size,
        after: address.after.map(RunPosition::cursor),
        order: NEWEST_FIRST,
        ..RunQuery::new(RunScope::Tenant(tenant))
    };
    let found = RunService::new(environment.clone()).query(Via::NONE, &query).await?;
    let next = found.next.and_then(|next| RunPosition::of(&next.after));
    Ok((found.items.into_iter().map(|listed| listed.summary).collect(), next))
}

/// The names of flows.
///
/// # Errors
///
/// [`ServiceError::Store`].
pub(crate) async fn flow_names(
    environment: &Environment,
    tenant: TenantId,
    flows: impl Iterator<Item = FlowId>,
) -> Result<HashMap<FlowId, String>, ServiceError> {
    let mut ids: Vec<FlowId> = flows.collect();
    ids.sort_unstable();
    ids.dedup();
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let flows = FlowService::new(environment.clone()).find_by_ids(tenant, &ids).await?;
    let named = flows.into_iter();
    let named = named.map(|flow| (flow.key.flow, flow.properties.display_name.as_str().to_owned()));
    Ok(named.collect())
}

/// The errors of the runs whose status allows one and that have ended, in one statement for each [`RunKeys::MAX`] of them.
async fn errors(
    environment: &Environment,
    runs: &[RunSummary],
) -> Result<HashMap<RunKey, ErrorLine>, ServiceError> {
    let may_have_error = |run: &&RunSummary| run.state.may_have_ended_with_error();
    let keys: Vec<RunKey> = runs.iter().filter(may_have_error).map(|run| run.key).collect();
    let mut errors = HashMap::new();
    for keys in keys.chunks(RunKeys::MAX) {
        let Some(keys) = RunKeys::new(keys.iter().copied()) else { continue };
        let lines = environment.store.error_lines(&keys).await?;
        errors.extend(lines.into_iter().map(|line| (line.run, line)));
    }
    Ok(errors)
}
