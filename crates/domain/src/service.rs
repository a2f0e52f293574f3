//! What callers do with runs, on any store.

mod creation;

use std::sync::Arc;

use thiserror::Error;
use uuid::Uuid;

use crate::{
    address::{RunAddress, RunById, Via},
    clock::{Clock, Ids},
    event::{Origin, RunEvent},
    id::{EventId, FlowKey, RunId, RunKey, TenantId},
    patch::RunPatch,
    precondition::Preconditions,
    query::{
        Count, CountLimit, EventPageRequest, FoundRuns, Page, RunQuery, RunScope, UnsupportedQuery,
        check_supported,
    },
    rejection::{Fault, PatchRejected},
    run::Run,
    status::Urgency,
    store::{RunReport, Store, StoreError, Updated},
    timestamp::Timestamp,
};

/// Why a request was not carried out.
#[derive(Debug, Error)]
pub enum ServiceError {
    /// There is no such flow.
    #[error(
        "the tenant of the token has no such flow; check the id and the tenant, or list its flows with GET /industryData/incomingFlows"
    )]
    FlowNotFound,
    /// There is no such run.
    #[error(
        "the flow has no such run, or the tenant of the token has no such flow; check the ids and the tenant, or list the runs with GET /industryData/incomingFlows/{{id}}/runs"
    )]
    RunNotFound,
    /// The request or the stored state does not allow it.
    #[error(transparent)]
    Rejected(#[from] PatchRejected),
    /// A run of that id exists and was created otherwise.
    #[error(
        "a run of this flow has the id {run} and was created with other values{}; to repeat its creation send the same \
         values, else use another id",
        listed(.differing)
    )]
    IdTaken {
        /// The id.
        run: RunId,
        /// The properties of which the creation has other values; empty where the first creation is not known any more.
        differing: Vec<&'static str>,
    },
    /// A run of that id was deleted.
    #[error(
        "the run {0} of this flow was deleted, and the id of a deleted run is not used again; use another id"
    )]
    IdDeleted(RunId),
    /// The flow cannot be deleted.
    #[error("the flow still has runs; delete them first")]
    FlowHasRuns,
    /// No index bounds the work of the query.
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

impl From<Vec<Fault>> for ServiceError {
    fn from(faults: Vec<Fault>) -> Self {
        Self::Rejected(PatchRejected::Invalid(faults))
    }
}

/// Who asks, by which request.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Requester {
    /// As the token says.
    pub actor: String,
    /// The request.
    pub request: Uuid,
}

/// Whether a creation made something.
#[derive(Clone, Debug, PartialEq)]
pub enum RunCreated {
    /// A new run.
    New(Run),
    /// The same creation was made before; the run as it is stored.
    Before(Run),
}

/// What the services stand on.
#[derive(Clone)]
pub struct Environment {
    /// Keeps the rows.
    pub store: Arc<dyn Store>,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Makes ids.
    pub ids: Arc<dyn Ids>,
}

impl Environment {
    /// The present moment, and a new id.
    pub fn now_and_id(&self) -> (Timestamp, Uuid) {
        let now = self.clock.now();
        (now, self.ids.next(now))
    }

    fn origin(&self, requester: Requester) -> Result<Origin, ServiceError> {
        let (received, id) = self.now_and_id();
        let event = EventId::new(id)
            .map_err(|error| StoreError::new(crate::StoreErrorKind::Internal, error))?;
        Ok(Origin {
            event,
            actor: requester.actor,
            request: requester.request,
            received,
        })
    }
}

/// Creates, reads, reports and deletes runs.
#[derive(Clone)]
pub struct RunService {
    environment: Environment,
}

impl RunService {
    /// A service on a store.
    pub const fn new(environment: Environment) -> Self {
        Self { environment }
    }

    /// The run.
    ///
    /// # Errors
    ///
    /// [`ServiceError::RunNotFound`] or [`ServiceError::Store`].
    pub async fn get(&self, address: RunAddress) -> Result<Run, ServiceError> {
        self.pass_through(address.key.flow_key(), address.via)
            .await?;
        self.store()
            .find_run(address.key)
            .await?
            .ok_or(ServiceError::RunNotFound)
    }

    /// Finds a run by its id alone.
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

    /// Whether the run, and each run that its URL goes through, is there.
    ///
    /// # Errors
    ///
    /// [`ServiceError::RunNotFound`] or [`ServiceError::Store`].
    pub async fn check_address(&self, address: RunAddress) -> Result<(), ServiceError> {
        self.pass_through(address.key.flow_key(), address.via)
            .await?;
        self.check_exists(address.key).await
    }

    async fn check_exists(&self, key: RunKey) -> Result<(), ServiceError> {
        match self.store().run_exists(key).await? {
            true => Ok(()),
            false => Err(ServiceError::RunNotFound),
        }
    }

    /// Takes a report whole or not at all, and gives the run as it is stored then.
    ///
    /// # Errors
    ///
    /// [`ServiceError::Rejected`] as [`Run::decide`] orders it, [`ServiceError::RunNotFound`] or [`ServiceError::Store`].
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

    /// Hides the run everywhere; its history is left to retention.
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

    /// A page of a query.
    ///
    /// # Errors
    ///
    /// [`ServiceError::UnsupportedQuery`], [`ServiceError::FlowNotFound`], [`ServiceError::RunNotFound`] or
    /// [`ServiceError::Store`].
    pub async fn query(&self, via: Via, query: &RunQuery) -> Result<FoundRuns, ServiceError> {
        self.allow(via, query).await?;
        let found = self.store().query_runs(query).await?;
        let found = found.ok_or(ServiceError::FlowNotFound)?;
        Ok(query.bounded(found))
    }

    /// How many runs match the scope and filter of a query.
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
        self.allow(via, query).await?;
        let counted = self.store().count_runs(query, limit).await?;
        counted.ok_or(ServiceError::FlowNotFound)
    }

    async fn allow(&self, via: Via, query: &RunQuery) -> Result<(), ServiceError> {
        check_supported(query)?;
        match query.scope {
            RunScope::Flow(flow) => self.pass_through(flow, via).await,
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
        self.pass_through(address.key.flow_key(), address.via)
            .await?;
        self.store()
            .list_run_events(address.key, page)
            .await?
            .ok_or(ServiceError::RunNotFound)
    }

    async fn update(&self, address: RunAddress, report: RunReport) -> Result<Run, ServiceError> {
        // The update itself finds whether the run exists.
        let via = address.via.without(address.key.run);
        self.pass_through(address.key.flow_key(), via).await?;
        match self.store().update_run(address.key, report).await? {
            Some(Updated::Changed(run) | Updated::Unchanged(run)) => Ok(run),
            Some(Updated::Refused(rejected)) => Err(rejected.into()),
            None => Err(ServiceError::RunNotFound),
        }
    }

    /// Each run that the URL goes through must exist.
    async fn pass_through(&self, flow: FlowKey, via: Via) -> Result<(), ServiceError> {
        for run in via.runs() {
            self.check_exists(flow.run(run)).await?;
        }
        Ok(())
    }

    fn store(&self) -> &dyn Store {
        &*self.environment.store
    }
}
