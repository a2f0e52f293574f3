//! The plans of the statements.

use flowruns_domain::{
    dashboard::{FlowIds, Last, LastEvents, MemberPaths, RunKeys, RunsPerFlow},
    id::{FlowKey, RunKey, TenantId},
    run::RunStatus,
    store::StoreError,
    timestamp::Timestamp,
};
use sqlx::PgPool;

use super::{Builder, errors, events, members, neighbours, recent, tally};
use crate::{
    history,
    query::{EXPLAIN, explain},
};

/// A query of the [`DashboardStore`](flowruns_domain::dashboard::DashboardStore), to be explained.
#[derive(Clone, Debug)]
pub enum DashboardQuery {
    /// The newest runs of some flows.
    RecentRuns(TenantId, FlowIds, RunsPerFlow),
    /// The number of runs of a status.
    Tally(TenantId, RunStatus, Option<Timestamp>),
    /// Numbers of statistics.
    MemberSeries(FlowKey, MemberPaths, Last),
    /// The beginnings of blocking errors.
    ErrorLines(RunKeys),
    /// The newest entries of a history.
    LastEvents(RunKey, LastEvents),
    /// The runs that a run is compared with.
    Neighbours(RunKey),
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
        DashboardQuery::Tally(tenant, status, since) => {
            tally::statement(prefix, *tenant, *status, *since)
        }
        DashboardQuery::MemberSeries(flow, paths, last) => {
            members::statement(prefix, *flow, paths, *last)
        }
        DashboardQuery::ErrorLines(runs) => errors::statement(prefix, runs),
        DashboardQuery::LastEvents(run, last) => events::statement(prefix, *run, *last, times),
        DashboardQuery::Neighbours(run) => neighbours::statement(prefix, *run),
    }
}
