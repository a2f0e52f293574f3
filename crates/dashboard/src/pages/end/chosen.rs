//! The chosen runs as they are stored now.

use std::collections::HashMap;

use flowruns_domain::{
    id::{RunKey, TenantId},
    query::{Comparison, Filter, PageSize, RunPredicate, RunQuery, RunScope},
    run::{RunSummary, Via},
    service::{Environment, RunService, ServiceError},
};

use crate::address::ChosenRun;

/// A chosen run, and how it is stored.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct StoredChoice {
    /// What the person chose.
    pub(super) chosen: ChosenRun,
    /// The run; `None` if it does not exist, or not any more.
    pub(super) stored: Option<RunSummary>,
}

/// Reads the chosen runs, with one query for all. At most 1000 runs are read, although the runs of several flows may have one
/// id; a run beyond them is taken for one that does not exist.
///
/// # Errors
///
/// [`ServiceError::Store`].
pub(super) async fn read_chosen(
    environment: &Environment,
    tenant: TenantId,
    chosen: &[ChosenRun],
) -> Result<Vec<StoredChoice>, ServiceError> {
    let ids = chosen.iter().map(|chosen| Some(chosen.run.uuid())).collect();
    let query = RunQuery {
        filter: Some(Filter::Predicate(RunPredicate::Id(Comparison::In(ids)))),
        size: PageSize::new(PageSize::MAX).unwrap_or_default(),
        ..RunQuery::new(RunScope::Tenant(tenant))
    };
    let found = RunService::new(environment.clone()).query(Via::NONE, &query).await?;
    let runs = found.items.into_iter().map(|listed| (listed.summary.key, listed.summary));
    let mut runs: HashMap<RunKey, RunSummary> = runs.collect();
    let stored = |chosen: &ChosenRun| StoredChoice {
        chosen: *chosen,
        stored: runs.remove(&chosen.key(tenant)),
    };
    Ok(chosen.iter().map(stored).collect())
}
