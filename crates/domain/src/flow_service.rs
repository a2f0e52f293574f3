//! What callers do with flows, on any store.

use std::sync::Arc;

use crate::{
    display_name::DisplayName,
    event::Version,
    flow::{DataDomain, Flow, FlowPatch, FlowProperties, ReadinessStatus, default_effective_fault},
    id::{FlowId, FlowKey, TenantId},
    idempotency::Reserved,
    precondition::{Precondition, Preconditions},
    query::{Count, CountLimit, FlowQuery, FoundFlows, PageSize},
    rejection::PatchRejected,
    service::{Environment, ServiceError},
    store::{FlowDeleted, StoreError, StoreErrorKind, Updated},
    timestamp::Timestamp,
};

/// What a client says about a flow that it creates.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct NewFlow {
    /// The name.
    pub display_name: DisplayName,
    /// Whether it is ready.
    pub readiness_status: ReadinessStatus,
    /// What it brings in.
    pub data_domain: DataDomain,
    /// From when on it may run; now, unless it is said.
    pub effective: Option<Timestamp>,
    /// Until when it may run.
    pub expiration: Option<Timestamp>,
}

impl NewFlow {
    fn create(self, tenant: TenantId, reserved: Reserved) -> Result<Flow, ServiceError> {
        let Self {
            display_name,
            readiness_status,
            data_domain,
            effective,
            expiration,
        } = self;
        let properties = FlowProperties {
            display_name,
            readiness_status,
            data_domain,
            effective: effective.unwrap_or(reserved.received),
            expiration,
        };
        let fault = match (effective, expiration) {
            (None, Some(expiration)) => default_effective_fault(reserved.received, expiration),
            _ => properties.fault(),
        };
        if let Some(fault) = fault {
            return Err(vec![fault].into());
        }
        let flow = FlowId::new(reserved.id)
            .map_err(|error| StoreError::new(StoreErrorKind::Internal, error))?;
        Ok(Flow {
            key: FlowKey { tenant, flow },
            version: Version::FIRST,
            properties,
        })
    }
}

/// Creates, reads, changes and deletes flows.
#[derive(Clone)]
pub struct FlowService {
    environment: Environment,
}

impl FlowService {
    /// A service on a store.
    pub const fn new(environment: Environment) -> Self {
        Self { environment }
    }

    /// The flow.
    ///
    /// # Errors
    ///
    /// [`ServiceError::FlowNotFound`] or [`ServiceError::Store`].
    pub async fn get(&self, key: FlowKey) -> Result<Flow, ServiceError> {
        self.environment
            .store
            .find_flow(key)
            .await?
            .ok_or(ServiceError::FlowNotFound)
    }

    /// Creates a flow; the server makes its id.
    ///
    /// # Errors
    ///
    /// [`ServiceError::Rejected`] with the faults, or [`ServiceError::Store`].
    pub async fn create(&self, tenant: TenantId, new: NewFlow) -> Result<Flow, ServiceError> {
        let (received, id) = self.environment.now_and_id();
        let flow = new.create(tenant, Reserved { id, received })?;
        self.environment.store.create_flow(flow.clone()).await?;
        Ok(flow)
    }

    /// Creates a flow from what is reserved for it: an attempt after the first finds the flow that the first one made.
    ///
    /// # Errors
    ///
    /// As [`create`](Self::create).
    pub async fn create_reserved(
        &self,
        tenant: TenantId,
        new: NewFlow,
        reserved: Reserved,
    ) -> Result<Flow, ServiceError> {
        let flow = new.create(tenant, reserved)?;
        let store = &self.environment.store;
        match store.create_flow(flow.clone()).await {
            Ok(()) => Ok(flow),
            Err(error) if matches!(error.kind, StoreErrorKind::Conflict(_)) => {
                store.find_flow(flow.key).await?.ok_or(error.into())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Changes a flow, and gives it as it is stored then.
    ///
    /// # Errors
    ///
    /// [`ServiceError::Rejected`], [`ServiceError::FlowNotFound`] or [`ServiceError::Store`].
    pub async fn patch(
        &self,
        key: FlowKey,
        patch: FlowPatch,
        preconditions: impl Into<Preconditions>,
    ) -> Result<Flow, ServiceError> {
        if let Some(fault) = patch.contradiction() {
            return Err(vec![fault].into());
        }
        let preconditions = preconditions.into();
        let decide = move |flow: &Flow| decide(flow, &patch, &preconditions);
        match self
            .environment
            .store
            .update_flow(key, Arc::new(decide))
            .await?
        {
            Some(Updated::Changed(flow) | Updated::Unchanged(flow)) => Ok(flow),
            Some(Updated::Refused(rejected)) => Err(rejected.into()),
            None => Err(ServiceError::FlowNotFound),
        }
    }

    /// Deletes a flow that has no runs.
    ///
    /// # Errors
    ///
    /// [`ServiceError::Rejected`], [`ServiceError::FlowHasRuns`], [`ServiceError::FlowNotFound`] or [`ServiceError::Store`].
    pub async fn delete(
        &self,
        key: FlowKey,
        preconditions: impl Into<Preconditions>,
    ) -> Result<(), ServiceError> {
        let preconditions = preconditions.into();
        let decide = move |flow: &Flow| preconditions.check(|| flow.tag()).map(|()| None);
        match self
            .environment
            .store
            .delete_flow(key, Arc::new(decide))
            .await?
        {
            Some(FlowDeleted::Done) => Ok(()),
            Some(FlowDeleted::HasRuns) => Err(ServiceError::FlowHasRuns),
            Some(FlowDeleted::Refused(rejected)) => Err(rejected.into()),
            None => Err(ServiceError::FlowNotFound),
        }
    }

    /// A page of a query.
    ///
    /// # Errors
    ///
    /// [`ServiceError::Store`].
    pub async fn query(&self, query: &FlowQuery) -> Result<FoundFlows, ServiceError> {
        let found = self.environment.store.query_flows(query).await?;
        let bytes =
            |flow: &Flow| 2 * PageSize::ROW_BYTES + flow.properties.display_name.as_str().len();
        Ok(found.bounded(query.size, bytes, |flow| query.order.cursor(flow)))
    }

    /// How many flows match the filter of a query.
    ///
    /// # Errors
    ///
    /// [`ServiceError::Store`].
    pub async fn count(&self, query: &FlowQuery, limit: CountLimit) -> Result<Count, ServiceError> {
        Ok(self.environment.store.count_flows(query, limit).await?)
    }

    /// Those of these flows that are there, in any order.
    ///
    /// # Errors
    ///
    /// [`ServiceError::Store`].
    pub async fn find_all(
        &self,
        tenant: TenantId,
        ids: &[FlowId],
    ) -> Result<Vec<Flow>, ServiceError> {
        Ok(self.environment.store.find_flows(tenant, ids).await?)
    }
}

fn decide(
    flow: &Flow,
    patch: &FlowPatch,
    preconditions: &Preconditions,
) -> Result<Option<Flow>, PatchRejected> {
    preconditions.check(|| flow.tag())?;
    let properties = patch
        .applied_to(&flow.properties)
        .map_err(|fault| PatchRejected::Invalid(vec![fault]))?;
    let changed = properties != flow.properties;
    Ok(changed.then(|| Flow {
        key: flow.key,
        version: flow.version.next(),
        properties,
    }))
}
