//! What callers do with runs, on any store.

use std::sync::Arc;

use thiserror::Error;
use uuid::Uuid;

use crate::{
    clock::{Clock, Ids},
    event::{Origin, RunEvent},
    id::{EventId, FlowKey, RunId, RunKey},
    idempotency::Reserved,
    new_run::NewRun,
    patch::RunPatch,
    precondition::IfMatch,
    query::{Count, EventPageRequest, FoundRuns, NotOffered, Page, RunQuery, RunScope, offered},
    rejection::{Fault, PatchRejected},
    run::Run,
    store::{Created, RunReport, Store, StoreError, Updated, Urgency},
    timestamp::Timestamp,
};

/// Why a request was not carried out.
#[derive(Debug, Error)]
pub enum ServiceError {
    /// There is no such flow.
    #[error("there is no such flow")]
    FlowNotFound,
    /// There is no such run.
    #[error("there is no such run")]
    RunNotFound,
    /// The request or the stored state does not allow it.
    #[error(transparent)]
    Rejected(#[from] PatchRejected),
    /// A run of that id exists and was created otherwise, or was deleted.
    #[error("the id {0} is taken by another run of this flow; use another id")]
    IdTaken(RunId),
    /// The flow cannot be deleted.
    #[error("the flow still has runs; delete them first")]
    FlowHasRuns,
    /// No index bounds the work of the query.
    #[error(transparent)]
    NotOffered(#[from] NotOffered),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
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
    /// What its body holds in memory while it waits, in bytes.
    pub bytes: usize,
}

/// Both URL forms of a run: its key, and for the alias the run whose process the way goes through.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct RunAddress {
    /// The run that is addressed.
    pub key: RunKey,
    /// The run that the way goes through; it must exist.
    pub via: Option<RunId>,
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

    /// Whether the run is there.
    ///
    /// # Errors
    ///
    /// [`ServiceError::RunNotFound`] or [`ServiceError::Store`].
    pub async fn check_exists(&self, key: RunKey) -> Result<(), ServiceError> {
        self.pass_through(key.flow_key(), Some(key.run)).await
    }

    /// Takes a report whole or not at all, and gives the run as it is stored then.
    ///
    /// # Errors
    ///
    /// [`ServiceError::Rejected`] with the first of: faults of the report, precondition, conflict;
    /// [`ServiceError::RunNotFound`] or [`ServiceError::Store`].
    pub async fn patch(
        &self,
        address: RunAddress,
        patch: RunPatch,
        if_match: IfMatch,
        requester: Requester,
    ) -> Result<Run, ServiceError> {
        let faults = patch.contradictions();
        if !faults.is_empty() {
            return Err(faults.into());
        }
        let (bytes, urgency) = (requester.bytes, patch.urgency());
        let origin = self.environment.origin(requester)?;
        let decide = Arc::new(move |run: &Run| run.decide(&patch, &if_match, &origin));
        let report = RunReport {
            decide,
            bytes,
            urgency,
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
        if_match: IfMatch,
        requester: Requester,
    ) -> Result<(), ServiceError> {
        let bytes = requester.bytes;
        let origin = self.environment.origin(requester)?;
        let decide = Arc::new(move |run: &Run| run.decide_deletion(&if_match, &origin));
        let report = RunReport {
            decide,
            bytes,
            urgency: Urgency::Ordinary,
        };
        self.update(address, report).await.map(drop)
    }

    /// Creates a run. The same creation of the same id again gives the stored run.
    ///
    /// # Errors
    ///
    /// [`ServiceError::Rejected`] with the faults, [`ServiceError::FlowNotFound`], [`ServiceError::RunNotFound`] for
    /// a run to go through that is not there, [`ServiceError::IdTaken`] or [`ServiceError::Store`].
    pub async fn create(
        &self,
        flow: FlowKey,
        via: Option<RunId>,
        id: Option<RunId>,
        new: NewRun,
        requester: Requester,
    ) -> Result<RunCreated, ServiceError> {
        let origin = self.environment.origin(requester)?;
        let run = id.map_or_else(|| run_id(self.environment.ids.next(origin.received)), Ok)?;
        self.create_from(flow.run(run), via, new, origin).await
    }

    /// Creates a run as [`create`](Self::create) does, from what is reserved for it: an attempt after the first finds
    /// the run that the first one made.
    ///
    /// # Errors
    ///
    /// As [`create`](Self::create).
    pub async fn create_reserved(
        &self,
        flow: FlowKey,
        via: Option<RunId>,
        id: Option<RunId>,
        new: NewRun,
        requester: Requester,
        reserved: Reserved,
    ) -> Result<RunCreated, ServiceError> {
        let origin = Origin {
            received: reserved.received,
            ..self.environment.origin(requester)?
        };
        let run = id.map_or_else(|| run_id(reserved.id), Ok)?;
        let created = self.create_from(flow.run(run), via, new, origin).await?;
        Ok(match created {
            // Nobody else knows an id that is reserved.
            RunCreated::Before(run) if id.is_none() => RunCreated::New(run),
            created => created,
        })
    }

    async fn create_from(
        &self,
        key: RunKey,
        via: Option<RunId>,
        new: NewRun,
        origin: Origin,
    ) -> Result<RunCreated, ServiceError> {
        let creation = new.create(key, &origin)?;
        self.pass_through(key.flow_key(), via).await?;
        match self.store().create_run(creation).await? {
            Created::New(run) => Ok(RunCreated::New(run)),
            Created::Exists(stored, Some(first)) if new.is_recorded_by(&first, &origin) => {
                Ok(RunCreated::Before(stored))
            }
            Created::Exists(..) | Created::Deleted => Err(ServiceError::IdTaken(key.run)),
            Created::FlowAbsent => Err(ServiceError::FlowNotFound),
        }
    }

    /// A page of a query.
    ///
    /// # Errors
    ///
    /// [`ServiceError::NotOffered`], [`ServiceError::FlowNotFound`], [`ServiceError::RunNotFound`] or
    /// [`ServiceError::Store`].
    pub async fn query(
        &self,
        via: Option<RunId>,
        query: &RunQuery,
    ) -> Result<FoundRuns, ServiceError> {
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
    pub async fn count(&self, via: Option<RunId>, query: &RunQuery) -> Result<Count, ServiceError> {
        self.allow(via, query).await?;
        let counted = self.store().count_runs(query).await?;
        counted.ok_or(ServiceError::FlowNotFound)
    }

    async fn allow(&self, via: Option<RunId>, query: &RunQuery) -> Result<(), ServiceError> {
        offered(query)?;
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
        self.pass_through(
            address.key.flow_key(),
            address.via.filter(|via| *via != address.key.run),
        )
        .await?;
        match self.store().update_run(address.key, report).await? {
            Some(Updated::Changed(run) | Updated::Unchanged(run)) => Ok(run),
            Some(Updated::Refused(rejected)) => Err(rejected.into()),
            None => Err(ServiceError::RunNotFound),
        }
    }

    /// On the alias the run on the way must exist.
    async fn pass_through(&self, flow: FlowKey, via: Option<RunId>) -> Result<(), ServiceError> {
        match via {
            Some(via) if !self.store().run_exists(flow.run(via)).await? => {
                Err(ServiceError::RunNotFound)
            }
            _ => Ok(()),
        }
    }

    fn store(&self) -> &dyn Store {
        &*self.environment.store
    }
}

fn run_id(uuid: Uuid) -> Result<RunId, StoreError> {
    RunId::new(uuid).map_err(|error| StoreError::new(crate::StoreErrorKind::Internal, error))
}
