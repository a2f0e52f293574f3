//! The service for runs.

use std::sync::Arc;

use crate::{
    id::{FlowKey, RunId, RunKey, TenantId},
    query::{
        count::{Count, CountLimit},
        page::{EventPageRequest, Page},
        request::{RunQuery, RunScope},
        result::RunPage,
        supported::check_supported,
    },
    run::{
        address::{RunAddress, RunById, Via},
        entity::Run,
        event::RunEvent,
        patch::RunPatch,
        status::Urgency,
    },
    service::{
        environment::{Environment, Requester},
        error::ServiceError,
    },
    store::{outcome::Updated, readiness::Store, run::RunReport},
    version::Preconditions,
};

/// Creates, reads, reports and deletes runs.
///
/// ```no_run
/// use std::sync::Arc;
///
/// use flowruns_domain::{
///     clock::{SystemClock, TimeOrderedIds},
///     run::{Outcome, Run, RunAddress, RunPatch, RunStatus},
///     patch::Field,
///     service::{Environment, Requester, RunService, ServiceError},
///     store::Store,
///     version::IfMatch,
/// };
///
/// async fn fail(store: Arc<dyn Store>, address: RunAddress, requester: Requester) -> Result<Run, ServiceError> {
///     let environment = Environment { store, clock: Arc::new(SystemClock), ids: Arc::new(TimeOrderedIds) };
///     let failed = RunStatus::Ended(Outcome::Failed);
///     let report = RunPatch { status: Field::Value(failed), ..RunPatch::default() };
///     RunService::new(environment).patch(address, report, IfMatch::Absent, requester).await
/// }
/// ```
#[derive(Clone)]
pub struct RunService {
    pub(super) environment: Environment,
}

impl RunService {
    /// A service on the store of the environment.
    pub const fn new(environment: Environment) -> Self {
        Self { environment }
    }

    /// Reads a run.
    ///
    /// # Errors
    ///
    /// [`ServiceError::RunNotFound`] or [`ServiceError::Store`].
    pub async fn get(&self, address: RunAddress) -> Result<Run, ServiceError> {
        self.check_via(address.key.flow_key(), address.via).await?;
        self.store().find_run(address.key).await?.ok_or(ServiceError::RunNotFound)
    }

    /// Finds a run by its id in all flows of the tenant.
    ///
    /// # Errors
    ///
    /// [`ServiceError::RunNotFound`] or [`ServiceError::Store`].
    pub async fn find_by_id(&self, tenant: TenantId, id: RunId) -> Result<RunById, ServiceError> {
        let keys = self.store().find_run_keys(tenant, id, RunById::MAX_KEYS);
        let keys = keys.await?;
        let [key] = keys.as_slice() else {
            return match keys.is_empty() {
                true => Err(ServiceError::RunNotFound),
                false => Ok(RunById::Several(keys)),
            };
        };
        let run = self.store().find_run(*key).await?;
        run.map(RunById::One).ok_or(ServiceError::RunNotFound)
    }

    /// Checks that the run and each run before it in the URL exist.
    ///
    /// # Errors
    ///
    /// [`ServiceError::RunNotFound`] or [`ServiceError::Store`].
    pub async fn check_address(&self, address: RunAddress) -> Result<(), ServiceError> {
        self.check_via(address.key.flow_key(), address.via).await?;
        self.check_exists(address.key).await
    }

    async fn check_exists(&self, key: RunKey) -> Result<(), ServiceError> {
        match self.store().run_exists(key).await? {
            true => Ok(()),
            false => Err(ServiceError::RunNotFound),
        }
    }

    /// Applies a report completely or not at all, and returns the run as it is stored then.
    ///
    /// # Errors
    ///
    /// [`ServiceError::Rejected`] in the order of [`Run::decide`], [`ServiceError::RunNotFound`] or [`ServiceError::Store`].
    pub async fn patch(
        &self,
        address: RunAddress,
        patch: RunPatch,
        preconditions: impl Into<Preconditions>,
        requester: Requester,
    ) -> Result<Run, ServiceError> {
        let origin = self.environment.origin(requester)?;
        let (preconditions, patch) = (preconditions.into(), Arc::new(patch));
        let reported = Arc::clone(&patch);
        let report = RunReport {
            decide: Arc::new(move |run: &Run| run.decide(&reported, &preconditions, &origin)),
            urgency: patch.urgency(),
            patch,
        };
        self.update(address, report).await
    }

    /// Deletes a run. It is no longer found or listed; its history is kept until retention removes it.
    ///
    /// # Errors
    ///
    /// As [`patch`](Self::patch).
    pub async fn delete(
        &self,
        address: RunAddress,
        preconditions: impl Into<Preconditions>,
        requester: Requester,
    ) -> Result<(), ServiceError> {
        let origin = self.environment.origin(requester)?;
        let preconditions = preconditions.into();
        let report = RunReport {
            decide: Arc::new(move |run: &Run| run.decide_deletion(&preconditions, &origin)),
            patch: Arc::default(),
            urgency: Urgency::Ordinary,
        };
        self.update(address, report).await.map(drop)
    }

    /// A page of the runs that match a query.
    ///
    /// # Errors
    ///
    /// [`ServiceError::UnsupportedQuery`], [`ServiceError::FlowNotFound`], [`ServiceError::RunNotFound`] or
    /// [`ServiceError::Store`].
    pub async fn query(&self, via: Via, query: &RunQuery) -> Result<RunPage, ServiceError> {
        self.check_query(via, query).await?;
        let found = self.store().query_runs(query).await?;
        let found = found.ok_or(ServiceError::FlowNotFound)?;
        Ok(query.bounded(found))
    }

    /// The number of runs that match the scope and filter of a query.
    ///
    /// # Errors
    ///
    /// As [`query`](Self::query).
    pub async fn count(
        &self,
        via: Via,
        query: &RunQuery,
        limit: CountLimit,
    ) -> Result<Count, ServiceError> {
        self.check_query(via, query).await?;
        let counted = self.store().count_runs(query, limit).await?;
        counted.ok_or(ServiceError::FlowNotFound)
    }

    async fn check_query(&self, via: Via, query: &RunQuery) -> Result<(), ServiceError> {
        check_supported(query)?;
        match query.scope {
            RunScope::Flow(flow) => self.check_via(flow, via).await,
            RunScope::Tenant(_) => Ok(()),
        }
    }

    /// The history of a run, oldest first.
    ///
    /// # Errors
    ///
    /// [`ServiceError::RunNotFound`] or [`ServiceError::Store`].
    pub async fn history(
        &self,
        address: RunAddress,
        page: EventPageRequest,
    ) -> Result<Page<RunEvent>, ServiceError> {
        self.check_via(address.key.flow_key(), address.via).await?;
        self.store().list_run_events(address.key, page).await?.ok_or(ServiceError::RunNotFound)
    }

    async fn update(&self, address: RunAddress, report: RunReport) -> Result<Run, ServiceError> {
        // The update itself checks whether the addressed run exists.
        let via = address.via.without(address.key.run);
        self.check_via(address.key.flow_key(), via).await?;
        match self.store().update_run(address.key, report).await? {
            Some(Updated::Changed(run) | Updated::Unchanged(run)) => Ok(run),
            Some(Updated::Rejected(rejected)) => Err(rejected.into()),
            None => Err(ServiceError::RunNotFound),
        }
    }

    /// Checks that each run before the addressed one in the URL exists.
    pub(super) async fn check_via(&self, flow: FlowKey, via: Via) -> Result<(), ServiceError> {
        for run in via.runs() {
            self.check_exists(flow.run(run)).await?;
        }
        Ok(())
    }

    pub(super) fn store(&self) -> &dyn Store {
        &*self.environment.store
    }
}
