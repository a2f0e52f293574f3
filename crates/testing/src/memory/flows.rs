//! Flows in memory.

use std::collections::btree_map::Entry;

use async_trait::async_trait;
use flowruns_domain::{
    DecideFlow, Flow, FlowDeleted, FlowKey, FlowPageRequest, FlowStore, Page, StoreError,
    StoreErrorKind, TenantId, Updated,
};

use super::MemoryStore;

#[async_trait]
impl FlowStore for MemoryStore {
    async fn find_flow(&self, key: FlowKey) -> Result<Option<Flow>, StoreError> {
        Ok(self.tables().flow(key).cloned())
    }

    async fn create_flow(&self, flow: Flow) -> Result<(), StoreError> {
        match self.tables().flows.entry(flow.key.flow) {
            Entry::Occupied(_) => Err(StoreError {
                kind: StoreErrorKind::Conflict("flows_pkey".to_owned()),
                source: None,
            }),
            Entry::Vacant(free) => {
                free.insert(flow);
                Ok(())
            }
        }
    }

    async fn update_flow(
        &self,
        key: FlowKey,
        decide: DecideFlow,
    ) -> Result<Option<Updated<Flow>>, StoreError> {
        let mut tables = self.tables();
        let Some(stored) = tables.flow(key) else {
            return Ok(None);
        };
        Ok(Some(match decide(stored) {
            Err(rejected) => Updated::Refused(rejected),
            Ok(None) => Updated::Unchanged(stored.clone()),
            Ok(Some(flow)) => {
                tables.flows.insert(key.flow, flow.clone());
                Updated::Changed(flow)
            }
        }))
    }

    async fn delete_flow(
        &self,
        key: FlowKey,
        decide: DecideFlow,
    ) -> Result<Option<FlowDeleted>, StoreError> {
        let mut tables = self.tables();
        let Some(stored) = tables.flow(key) else {
            return Ok(None);
        };
        if let Err(rejected) = decide(stored) {
            return Ok(Some(FlowDeleted::Refused(rejected)));
        }
        if tables.visible_runs(key).next().is_some() {
            return Ok(Some(FlowDeleted::HasRuns));
        }
        tables.flows.remove(&key.flow);
        Ok(Some(FlowDeleted::Done))
    }

    async fn list_flows(
        &self,
        tenant: TenantId,
        page: FlowPageRequest,
    ) -> Result<Page<Flow>, StoreError> {
        let tables = self.tables();
        let of_page = |flow: &&Flow| {
            flow.key.tenant == tenant && page.after.is_none_or(|last| flow.key.flow > last)
        };
        let rows = tables.flows.values().filter(of_page).cloned().collect();
        Ok(Page::from_rows(rows, page.size))
    }
}
