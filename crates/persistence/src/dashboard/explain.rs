//! The plans of the statements.

use flowruns_domain::{
    dashboard::{
        EarlierRuns, FlowIds, Last, LastEvents, MemberPaths, RunKeys, RunWindow, RunsPerFlow,
        TallyRequest,
    },
    id::{FlowKey, RunId, RunKey, TenantId},
    store::StoreError,
};
use sqlx::PgPool;

use super::{Builder, errors, events, members, neighbours, recent, tally, window};
use crate::{
    history,
    query::{EXPLAIN, explain},
};

/// A query of the [`DashboardStore`](flowruns_domain::dashboard::DashboardStore), to be explained.
#[derive(Clone, Debug)]
pub enum DashboardQuery {
    /// The newest runs of some flows.
    RecentRuns(TenantId, FlowIds, RunsPerFlow),
    /// The numbers of runs of some statuses.
    Tallies(TenantId, Vec<TallyRequest>),
    /// Numbers of statistics.
    MemberSeries(FlowKey, MemberPaths, Last),
    /// The beginnings of blocking errors.
    ErrorLines(RunKeys),
    /// The newest entries of a history.
    LastEvents(RunKey, LastEvents),
    /// The runs that a run is compared with.
    Neighbours(FlowKey, Option<RunId>, EarlierRuns),
    /// Runs in a window of time.
    Window(TenantId, RunWindow),
}

/// The plan of the statement of a query, as JSON; `None` where the run of a history is absent.
pub(crate) async fn plan(
    pool: &PgPool,
    query: &DashboardQuery,
) -> Result<Option<String>, StoreError> {
    let times = match query {
        DashboardQuery::LastEvents(run, _) => history::times(pool, *run).await?,
        _ => Some(Default::default()),
    };
    let Some(times) = times else {
        return Ok(None);
    };
    let plans = explain(pool, vec![statement(EXPLAIN, query, times)]).await?;
    Ok(plans.into_iter().next())
}

/// The statement of a query after `prefix`. The times are those of the run of a history.
pub(crate) fn statement(prefix: &str, query: &DashboardQuery, times: history::Times) -> Builder {
    match query {
        DashboardQuery::RecentRuns(tenant, flows, each) => {
            recent::statement(prefix, *tenant, flows, *each)
        }
        DashboardQuery::Tallies(tenant, requests) => tally::statement(prefix, *tenant, requests),
        DashboardQuery::MemberSeries(flow, paths, last) => {
            members::statement(prefix, *flow, paths, *last)
        }
        DashboardQuery::ErrorLines(runs) => errors::statement(prefix, runs),
        DashboardQuery::LastEvents(run, last) => events::statement(prefix, *run, *last, times),
        DashboardQuery::Neighbours(flow, run, earlier) => {
            neighbours::statement(prefix, *flow, *run, *earlier)
        }
        DashboardQuery::Window(tenant, window) => window::statement(prefix, *tenant, window),
    }
}
