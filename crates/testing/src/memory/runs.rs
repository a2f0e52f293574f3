//! Runs in memory.

use std::collections::btree_map::Entry;

use async_trait::async_trait;
use flowruns_domain::{
    id::{RunId, RunKey, TenantId},
    query::{
        Count, CountLimit, EventPageRequest, ListedRun, Page, QueryPage, RunPage, RunQuery,
        RunScope,
    },
    run::{Decision, Run, RunChange, RunEvent},
    store::{Created, RunReport, RunStore, StoreError, Updated},
};

use super::{MemoryStore, tables::RunWithHistory};

#[async_trait]
impl RunStore for MemoryStore {
    async fn find_run(&self, key: RunKey) -> Result<Option<Run>, StoreError> {
        let tables = self.tables();
        Ok(tables.visible_run(key).map(|stored| stored.run.clone()))
    }

    async fn run_exists(&self, key: RunKey) -> Result<bool, StoreError> {
        Ok(self.tables().visible_run(key).is_some())
    }

    async fn find_run_keys(
        &self,
        tenant: TenantId,
        run: RunId,
        limit: u16,
    ) -> Result<Vec<RunKey>, StoreError> {
        let tables = self.tables();
        let runs = tables.runs_in(RunScope::Tenant(tenant));
        let keys = runs.into_iter().flatten().map(|stored| stored.run.key);
        let mut keys: Vec<RunKey> = keys.filter(|key| key.run == run).collect();
        keys.sort_unstable_by_key(|key| key.flow);
        keys.truncate(usize::from(limit));
        Ok(keys)
    }

    async fn create_run(&self, creation: RunChange) -> Result<Created, StoreError> {
        let RunChange { run, event } = creation;
        let mut tables = self.tables();
        if tables.flow(run.key.flow_key()).is_none() {
            return Ok(Created::FlowNotFound);
        }
        Ok(match tables.runs.entry(run.key) {
            Entry::Occupied(entry) if entry.get().is_visible() => {
                let RunWithHistory { run, events } = entry.get();
                Created::Exists(run.clone(), events.first().cloned())
            }
            Entry::Occupied(_) => Created::Deleted,
            Entry::Vacant(entry) => {
                let events = vec![event];
                Created::New(entry.insert(RunWithHistory { run, events }).run.clone())
            }
        })
    }

    async fn update_run(
        &self,
        key: RunKey,
        report: RunReport,
    ) -> Result<Option<Updated<Run>>, StoreError> {
        let mut tables = self.tables();
        let visible = tables.runs.get_mut(&key).filter(|run| run.is_visible());
        let Some(stored) = visible else {
            return Ok(None);
        };
        Ok(Some(match (report.decide)(&stored.run) {
            Err(rejected) => Updated::Rejected(rejected),
            Ok(Decision::Unchanged) => Updated::Unchanged(stored.run.clone()),
            Ok(Decision::Changed(change)) => {
                stored.run = change.run;
                stored.events.push(change.event);
                Updated::Changed(stored.run.clone())
            }
        }))
    }

    async fn query_runs(&self, query: &RunQuery) -> Result<Option<RunPage>, StoreError> {
        let tables = self.tables();
        let Some(rows) = tables.runs_in(query.scope) else {
            return Ok(None);
        };
        let order = query.order;
        let place = |stored: &&RunWithHistory| order.cursor(&stored.summary());
        let is_after = |stored: &&RunWithHistory| {
            let after = query.after.as_ref();
            after.is_none_or(|after| order.compare(&place(stored), after).is_gt())
        };
        let mut rows: Vec<&RunWithHistory> =
            rows.filter(|stored| matches(query, stored)).filter(is_after).collect();
        rows.sort_by(|one, other| order.compare(&place(one), &place(other)));
        let rows = rows.into_iter().map(|stored| stored.listed(query.details)).collect();
        let window = (query.skip, query.size);
        let cursor = |run: &ListedRun| order.cursor(&run.summary);
        let found = QueryPage::from_matches(rows, window, None, cursor);
        Ok(Some(found.bounded(query.size, ListedRun::bytes, cursor)))
    }

    async fn count_runs(
        &self,
        query: &RunQuery,
        limit: CountLimit,
    ) -> Result<Option<Count>, StoreError> {
        let tables = self.tables();
        let Some(rows) = tables.runs_in(query.scope) else {
            return Ok(None);
        };
        // It has no index, so it looks at what matches alone.
        let matched = rows.filter(|stored| matches(query, stored)).count() as u64;
        Ok(Some(limit.count(matched, matched)))
    }

    async fn list_run_events(
        &self,
        key: RunKey,
        page: EventPageRequest,
    ) -> Result<Option<Page<RunEvent>>, StoreError> {
        let tables = self.tables();
        let Some(stored) = tables.visible_run(key) else {
            return Ok(None);
        };
        let is_after = |event: &&RunEvent| page.after.is_none_or(|last| event.version > last);
        let events = stored.events.iter().filter(is_after).cloned().collect();
        Ok(Some(Page::from_rows(events, page.size).bounded(page.size)))
    }
}

fn matches(query: &RunQuery, stored: &RunWithHistory) -> bool {
    let filter = query.filter.as_ref();
    filter.is_none_or(|filter| filter.matches(&stored.summary()))
}
