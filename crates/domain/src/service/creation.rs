//! Creations, and creations that are repeated.

use uuid::Uuid;

use super::{Requester, RunCreated, RunService, ServiceError, Via};
use crate::{
    event::{Origin, RunEvent},
    id::{FlowKey, RunId, RunKey},
    idempotency::Reserved,
    new_run::Creation,
    query::{EventPageRequest, PageSize},
    rejection::{Fault, Rule},
    run::Run,
    store::{Created, StoreError, StoreErrorKind},
};

impl RunService {
    /// Creates a run. The same creation of the same id again gives the stored run.
    ///
    /// # Errors
    ///
    /// [`ServiceError::Rejected`] with the faults, [`ServiceError::FlowNotFound`], [`ServiceError::RunNotFound`] for
    /// a run to go through that is not there, [`ServiceError::IdTaken`], [`ServiceError::IdDeleted`] or
    /// [`ServiceError::Store`].
    pub async fn create(
        &self,
        flow: FlowKey,
        via: Via,
        id: Option<RunId>,
        new: impl Into<Creation>,
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
        via: Via,
        id: Option<RunId>,
        new: impl Into<Creation>,
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
        via: Via,
        creation: impl Into<Creation>,
        origin: Origin,
    ) -> Result<RunCreated, ServiceError> {
        let creation = creation.into();
        let change = match creation.new.create(key, &origin) {
            Ok(change) => change,
            Err(faults) => return self.repeated_late(key, via, &creation, faults).await,
        };
        self.pass_through(key.flow_key(), via).await?;
        match self.store().create_run(change).await? {
            Created::New(run) => Ok(RunCreated::New(run)),
            Created::Exists(stored, first) => repeated(&creation, stored, first.as_ref()),
            Created::Deleted => Err(ServiceError::IdDeleted(key.run)),
            Created::FlowAbsent => Err(ServiceError::FlowNotFound),
        }
    }

    /// A creation that was accepted once and is refused now: without a start it starts now, and its end was not before the
    /// clock when it was sent first. It is answered as it would have been then. Where no run of that id exists, it is refused
    /// for its faults.
    async fn repeated_late(
        &self,
        key: RunKey,
        via: Via,
        creation: &Creation,
        faults: Vec<Fault>,
    ) -> Result<RunCreated, ServiceError> {
        let is_late = creation.new.start.is_none()
            && faults
                .iter()
                .all(|fault| fault.rule == Rule::EndBeforeStart);
        if !is_late {
            return Err(faults.into());
        }
        self.pass_through(key.flow_key(), via).await?;
        let first = EventPageRequest {
            size: PageSize::new(1).unwrap_or_default(),
            after: None,
        };
        let first = self.store().list_run_events(key, first).await?;
        let first = first.and_then(|page| page.items.into_iter().next());
        let stored = self.store().find_run(key).await?;
        match stored {
            Some(run) => repeated(creation, run, first.as_ref()),
            None => Err(faults.into()),
        }
    }
}

/// What a creation of an id that exists is answered, given the first entry of the run's history.
fn repeated(
    creation: &Creation,
    stored: Run,
    first: Option<&RunEvent>,
) -> Result<RunCreated, ServiceError> {
    let differing = first.map(|first| creation.differing(first));
    match differing {
        Some(differing) if differing.is_empty() => Ok(RunCreated::Before(stored)),
        differing => {
            let (run, differing) = (stored.key.run, differing.unwrap_or_default());
            Err(ServiceError::IdTaken { run, differing })
        }
    }
}

fn run_id(uuid: Uuid) -> Result<RunId, StoreError> {
    RunId::new(uuid).map_err(|error| StoreError::new(StoreErrorKind::Internal, error))
}
