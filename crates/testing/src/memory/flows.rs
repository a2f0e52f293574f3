//! Flows in memory.

use std::collections::btree_map::Entry;

use async_trait::async_trait;
use flowruns_domain::{
    flow::Flow,
    id::{FlowId, FlowKey, TenantId},
    query::{Count, CountLimit, FlowPage, FlowQuery, QueryPage},
    store::{DecideFlow, FlowDeleted, FlowStore, StoreError, StoreErrorKind, Updated},
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
            Err(rejected) => Updated::Rejected(rejected),
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
            return Ok(Some(FlowDeleted::Rejected(rejected)));
        }
        if tables.visible_runs(key).next().is_some() {
            return Ok(Some(FlowDeleted::HasRuns));
        }
        tables.flows.remove(&key.flow);
        Ok(Some(FlowDeleted::Deleted))
    }

    async fn query_flows(&self, query: &FlowQuery) -> Result<FlowPage, StoreError> {
        let tables = self.tables();
        let order = query.order;
        let is_after = |flow: &&Flow| {
            let after = query.after.as_ref();
            after.is_none_or(|after| order.compare(&order.cursor(flow), after).is_gt())
        };
        let rows = tables.flows.values().filter(|flow| matches(query, flow));
        let mut rows: Vec<Flow> = rows.filter(is_after).cloned().collect();
        rows.sort_by(|one, other| order.compare(&order.cursor(one), &order.cursor(other)));
        let window = (query.skip, query.size);
        Ok(QueryPage::from_matches(rows, window, None, |flow| order.cursor(flow)))
    }

    async fn count_flows(&self, query: &FlowQuery, limit: CountLimit) -> Result<Count, StoreError> {
        let tables = self.tables();
        let rows = tables.flows.values().filter(|flow| matches(query, flow));
        let matched = rows.count() as u64;
        Ok(limit.count(matched, matched))
    }

    async fn find_flows(&self, tenant: TenantId, ids: &[FlowId]) -> Result<Vec<Flow>, StoreError> {
        let tables = self.tables();
        let found = ids.iter().filter_map(|id| tables.flows.get(id));
        let found = found.filter(|flow| flow.key.tenant == tenant);
        Ok(found.cloned().collect())
    }
}

fn matches(query: &FlowQuery, flow: &Flow) -> bool {
    let filter = query.filter.as_ref();
    flow.key.tenant == query.tenant && filter.is_none_or(|filter| filter.matches(flow))
}
