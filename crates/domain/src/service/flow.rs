//! The service for flows.

use std::sync::Arc;

use crate::{
    flow::{creation::NewFlow, entity::Flow, patch::FlowPatch},
    id::{FlowId, FlowKey, TenantId},
    idempotency::Reserved,
    query::{
        count::{Count, CountLimit},
        page::PageSize,
        request::FlowQuery,
        result::FlowPage,
    },
    rejection::Rejection,
    service::{environment::Environment, error::ServiceError},
    store::{
        error::{StoreError, StoreErrorKind},
        outcome::{FlowDeleted, Updated},
    },
    version::{Precondition, Preconditions},
};

/// Creates, reads, changes and deletes flows.
#[derive(Clone)]
pub struct FlowService {
    environment: Environment,
}

impl FlowService {
    /// A service on the store of the environment.
    pub const fn new(environment: Environment) -> Self {
        Self { environment }
    }

    /// Reads a flow.
    ///
    /// # Errors
    ///
    /// [`ServiceError::FlowNotFound`] or [`ServiceError::Store`].
    pub async fn get(&self, key: FlowKey) -> Result<Flow, ServiceError> {
        self.environment.store.find_flow(key).await?.ok_or(ServiceError::FlowNotFound)
    }

    /// Creates a flow with a new id.
    ///
    /// # Errors
    ///
    /// [`ServiceError::Rejected`] or [`ServiceError::Store`].
    pub async fn create(&self, tenant: TenantId, new: NewFlow) -> Result<Flow, ServiceError> {
        let (received, id) = self.environment.now_and_id();
        let flow = created(tenant, new, Reserved { id, received })?;
        self.environment.store.create_flow(flow.clone()).await?;
        Ok(flow)
    }

    /// Creates a flow with a reserved id and time. If an earlier attempt has created it, that flow is returned.
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
        let flow = created(tenant, new, reserved)?;
        let store = &self.environment.store;
        match store.create_flow(flow.clone()).await {
            Ok(()) => Ok(flow),
            Err(error) if matches!(error.kind, StoreErrorKind::Conflict(_)) => {
                store.find_flow(flow.key).await?.ok_or(error.into())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Changes a flow and returns it as it is stored then.
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
        if let Some(violation) = patch.contradiction() {
            return Err(vec![violation].into());
        }
        let preconditions = preconditions.into();
        let decide = move |flow: &Flow| decide(flow, &patch, &preconditions);
        match self.environment.store.update_flow(key, Arc::new(decide)).await? {
            Some(Updated::Changed(flow) | Updated::Unchanged(flow)) => Ok(flow),
            Some(Updated::Rejected(rejected)) => Err(rejected.into()),
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
        match self.environment.store.delete_flow(key, Arc::new(decide)).await? {
            Some(FlowDeleted::Deleted) => Ok(()),
            Some(FlowDeleted::HasRuns) => Err(ServiceError::FlowHasRuns),
            Some(FlowDeleted::Rejected(rejected)) => Err(rejected.into()),
            None => Err(ServiceError::FlowNotFound),
        }
    }

    /// A page of the flows that match a query.
    ///
    /// # Errors
    ///
    /// [`ServiceError::Store`].
    pub async fn query(&self, query: &FlowQuery) -> Result<FlowPage, ServiceError> {
        let found = self.environment.store.query_flows(query).await?;
        let bytes =
            |flow: &Flow| 2 * PageSize::ROW_BYTES + flow.properties.display_name.as_str().len();
        Ok(found.bounded(query.size, bytes, |flow| query.order.cursor(flow)))
    }

    /// The number of flows that match the filter of a query.
    ///
    /// # Errors
    ///
    /// [`ServiceError::Store`].
    pub async fn count(&self, query: &FlowQuery, limit: CountLimit) -> Result<Count, ServiceError> {
        Ok(self.environment.store.count_flows(query, limit).await?)
    }

    /// The flows with these ids that exist, in any order.
    ///
    /// # Errors
    ///
    /// [`ServiceError::Store`].
    pub async fn find_by_ids(
        &self,
        tenant: TenantId,
        ids: &[FlowId],
    ) -> Result<Vec<Flow>, ServiceError> {
        Ok(self.environment.store.find_flows(tenant, ids).await?)
    }
}

fn created(tenant: TenantId, new: NewFlow, reserved: Reserved) -> Result<Flow, ServiceError> {
    let flow = FlowId::new(reserved.id)
        .map_err(|error| StoreError::new(StoreErrorKind::Internal, error))?;
    let created = new.create(FlowKey { tenant, flow }, reserved.received);
    created.map_err(|violation| vec![violation].into())
}

fn decide(
    flow: &Flow,
    patch: &FlowPatch,
    preconditions: &Preconditions,
) -> Result<Option<Flow>, Rejection> {
    preconditions.check(|| flow.tag())?;
    let properties = patch
        .applied_to(&flow.properties)
        .map_err(|violation| Rejection::Invalid(vec![violation]))?;
    let changed = properties != flow.properties;
    Ok(changed.then(|| Flow { key: flow.key, version: flow.version.next(), properties }))
}
