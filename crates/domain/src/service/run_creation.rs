//! Creations of runs, and creations that are repeated.

use uuid::Uuid;

use crate::{
    id::{FlowKey, RunId, RunKey},
    idempotency::Reserved,
    query::page::{EventPageRequest, PageSize},
    run::{
        address::Via,
        creation::RunCreation,
        entity::Run,
        event::{ReportOrigin, RunEvent},
    },
    service::{environment::Requester, error::ServiceError, run::RunService},
    store::{
        error::{StoreError, StoreErrorKind},
        outcome::Created,
    },
    violation::{Rule, RuleViolation},
};

/// The result of a creation.
#[derive(Clone, Debug, PartialEq)]
pub enum RunCreated {
    /// The run was created.
    New(Run),
    /// The same creation was carried out before. The run as it is stored.
    Existing(Run),
}

impl RunService {
    /// Creates a run. If the client repeats a creation with the same id, the stored run is returned.
    ///
    /// # Errors
    ///
    /// [`ServiceError::Rejected`], [`ServiceError::FlowNotFound`], [`ServiceError::RunNotFound`] if a run of `via` does not
    /// exist, [`ServiceError::IdInUse`], [`ServiceError::IdDeleted`] or [`ServiceError::Store`].
    pub async fn create(
        &self,
        flow: FlowKey,
        via: Via,
        id: Option<RunId>,
        new: impl Into<RunCreation>,
        requester: Requester,
    ) -> Result<RunCreated, ServiceError> {
        let origin = self.environment.origin(requester)?;
        let run = id.map_or_else(|| run_id(self.environment.ids.next(origin.received)), Ok)?;
        self.create_from(flow.run(run), via, new, origin).await
    }

    /// Like [`create`](Self::create), with a reserved id and time. If an earlier attempt has created the run, it is returned.
    ///
    /// # Errors
    ///
    /// As [`create`](Self::create).
    pub async fn create_reserved(
        &self,
        flow: FlowKey,
        via: Via,
        id: Option<RunId>,
        new: impl Into<RunCreation>,
        requester: Requester,
        reserved: Reserved,
    ) -> Result<RunCreated, ServiceError> {
        let origin =
            ReportOrigin { received: reserved.received, ..self.environment.origin(requester)? };
        let run = id.map_or_else(|| run_id(reserved.id), Ok)?;
        let created = self.create_from(flow.run(run), via, new, origin).await?;
        Ok(match created {
            // Only the attempts of this creation use the reserved id.
            RunCreated::Existing(run) if id.is_none() => RunCreated::New(run),
            created => created,
        })
    }

    async fn create_from(
        &self,
        key: RunKey,
        via: Via,
        creation: impl Into<RunCreation>,
        origin: ReportOrigin,
    ) -> Result<RunCreated, ServiceError> {
        let creation = creation.into();
        let change = match creation.new.create(key, &origin) {
            Ok(change) => change,
            Err(violations) => {
                return self.repeated_without_start(key, via, &creation, violations).await;
            }
        };
        self.check_via(key.flow_key(), via).await?;
        match self.store().create_run(change).await? {
            Created::New(run) => Ok(RunCreated::New(run)),
            Created::Exists(stored, first) => repeated(&creation, stored, first.as_ref()),
            Created::Deleted => Err(ServiceError::IdDeleted(key.run)),
            Created::FlowNotFound => Err(ServiceError::FlowNotFound),
        }
    }

    /// A repeated creation without a start. Its start is the current time by default, so an end that was accepted the first time can
    /// be before it now. If the run exists, the result is that of the first time, else the violations.
    async fn repeated_without_start(
        &self,
        key: RunKey,
        via: Via,
        creation: &RunCreation,
        violations: Vec<RuleViolation>,
    ) -> Result<RunCreated, ServiceError> {
        let is_default_start = creation.new.start.is_none()
            && violations.iter().all(|violation| violation.rule == Rule::EndBeforeStart);
        if !is_default_start {
            return Err(violations.into());
        }
        self.check_via(key.flow_key(), via).await?;
        let first = EventPageRequest { size: PageSize::new(1).unwrap_or_default(), after: None };
        let first = self.store().list_run_events(key, first).await?;
        let first = first.and_then(|page| page.items.into_iter().next());
        let stored = self.store().find_run(key).await?;
        match stored {
            Some(run) => repeated(creation, run, first.as_ref()),
            None => Err(violations.into()),
        }
    }
}

/// The result of a creation with the id of a stored run. `first` is the first entry of the run's history.
fn repeated(
    creation: &RunCreation,
    stored: Run,
    first: Option<&RunEvent>,
) -> Result<RunCreated, ServiceError> {
    let differing = first.map(|first| creation.differing(first));
    match differing {
        Some(differing) if differing.is_empty() => Ok(RunCreated::Existing(stored)),
        differing => {
            let (run, differing) = (stored.key.run, differing.unwrap_or_default());
            Err(ServiceError::IdInUse { run, differing })
        }
    }
}

fn run_id(uuid: Uuid) -> Result<RunId, StoreError> {
    RunId::new(uuid).map_err(|error| StoreError::new(StoreErrorKind::Internal, error))
}
