//! The port for flows.

use std::sync::Arc;

use async_trait::async_trait;

use crate::{
    flow::entity::Flow,
    id::{FlowId, FlowKey, TenantId},
    query::{
        count::{Count, CountLimit},
        request::FlowQuery,
        result::FlowPage,
    },
    rejection::Rejection,
    store::{
        error::StoreError,
        outcome::{FlowDeleted, Updated},
    },
};

/// Decides a change of a flow: the flow with its next version, or `None` if nothing changes.
pub type DecideFlow = Arc<dyn Fn(&Flow) -> Result<Option<Flow>, Rejection> + Send + Sync>;

/// Stores flows. `None` means that a flow does not exist.
#[async_trait]
pub trait FlowStore: Send + Sync + 'static {
    /// Reads a flow.
    async fn find_flow(&self, key: FlowKey) -> Result<Option<Flow>, StoreError>;

    /// Stores a new flow.
    async fn create_flow(&self, flow: Flow) -> Result<(), StoreError>;

    /// Reads the flow, lets `decide` decide, and writes the flow if it still has the version that was read. Otherwise it tries again.
    async fn update_flow(
        &self,
        key: FlowKey,
        decide: DecideFlow,
    ) -> Result<Option<Updated<Flow>>, StoreError>;

    /// Deletes a flow that has no runs, unless `decide` rejects it.
    async fn delete_flow(
        &self,
        key: FlowKey,
        decide: DecideFlow,
    ) -> Result<Option<FlowDeleted>, StoreError>;

    /// A page of a query. The store examines at most [`SCAN_LIMIT`](crate::query::SCAN_LIMIT) rows for each key
    /// range, so a page may be shorter than requested although more rows match.
    async fn query_flows(&self, query: &FlowQuery) -> Result<FlowPage, StoreError>;

    /// The number of flows that match the filter of a query, unknown if more rows than the limit must be examined.
    async fn count_flows(&self, query: &FlowQuery, limit: CountLimit) -> Result<Count, StoreError>;

    /// The flows with these ids that exist, in any order.
    async fn find_flows(&self, tenant: TenantId, ids: &[FlowId]) -> Result<Vec<Flow>, StoreError>;
}
