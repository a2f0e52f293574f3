//! The queries of the dashboard in memory.

use std::collections::BTreeMap;

use async_trait::async_trait;
use flowruns_domain::{
    dashboard::{
        DashboardStore, ErrorLine, FlowIds, FlowTally, Last, LastEvents, MemberPaths, MemberValues,
        Neighbours, RecentRun, RecentRuns, RunKeys, RunsPerFlow, Tally,
    },
    id::{FlowId, FlowKey, RunKey, TenantId},
    json::{JsonObject, JsonValue},
    query::{Page, PageSize, RunScope},
    run::{Run, RunEvent, RunStatus},
    store::StoreError,
    timestamp::Timestamp,
};

use super::{MemoryStore, tables::Tables};

#[async_trait]
impl DashboardStore for MemoryStore {
    async fn recent_runs(
        &self,
        tenant: TenantId,
        flows: &FlowIds,
        each: RunsPerFlow,
    ) -> Result<Vec<RecentRuns>, StoreError> {
        let tables = self.tables();
        let of_flow = |flow: &FlowId| {
            let runs = newest_first(&tables, FlowKey { tenant, flow: *flow });
            let runs = runs.into_iter().take(usize::from(each.get()));
            RecentRuns { flow: *flow, runs: runs.map(RecentRun::from).collect() }
        };
        Ok(flows.as_slice().iter().map(of_flow).collect())
    }

    async fn tally(
        &self,
        tenant: TenantId,
        status: RunStatus,
        since: Option<Timestamp>,
    ) -> Result<Tally, StoreError> {
        let tables = self.tables();
        let runs = tables.runs_in(RunScope::Tenant(tenant)).into_iter().flatten();
        let mut runs: Vec<&Run> = runs.map(|stored| &stored.run).collect();
        runs.retain(|run| {
            let properties = &run.properties;
            let is_recent = since.is_none_or(|since| properties.start >= since);
            properties.state.status() == status && is_recent
        });
        runs.sort_by_key(|run| std::cmp::Reverse(run.properties.start));
        let has_more = runs.len() > usize::from(Tally::LIMIT);
        let mut counted = BTreeMap::<FlowId, u16>::new();
        for run in runs.into_iter().take(usize::from(Tally::LIMIT)) {
            *counted.entry(run.key.flow).or_default() += 1;
        }
        let flows = counted.into_iter().map(|(flow, runs)| FlowTally { flow, runs });
        Ok(Tally::new(flows.collect(), has_more))
    }

    async fn member_series(
        &self,
        flow: FlowKey,
        paths: &MemberPaths,
        last: Last,
    ) -> Result<Vec<MemberValues>, StoreError> {
        let tables = self.tables();
        let runs = newest_first(&tables, flow).into_iter().take(usize::from(last.get()));
        let values = |run: &Run| {
            let statistics = run.properties.statistics.members();
            let values = paths.as_slice().iter().map(|path| path.find_number(&statistics));
            MemberValues { run: RecentRun::from(run), values: values.collect() }
        };
        Ok(runs.map(values).collect())
    }

    async fn error_lines(&self, runs: &RunKeys) -> Result<Vec<ErrorLine>, StoreError> {
        let tables = self.tables();
        let line = |key: &RunKey| {
            let stored = tables.visible_run(*key)?;
            let error = stored.run.properties.blocking_error.as_ref()?.members();
            Some(ErrorLine::new(*key, text(error, "code"), text(error, "message")))
        };
        Ok(runs.as_slice().iter().filter_map(line).collect())
    }

    async fn last_events(
        &self,
        run: RunKey,
        last: LastEvents,
    ) -> Result<Option<Page<RunEvent>>, StoreError> {
        let tables = self.tables();
        let Some(stored) = tables.visible_run(run) else {
            return Ok(None);
        };
        let is_before = |event: &&RunEvent| last.before.is_none_or(|next| event.version < next);
        let events = stored.events.iter().rev().filter(is_before);
        let size = PageSize::from(last.count);
        Ok(Some(Page::from_rows(events.cloned().collect(), size).bounded(size)))
    }

    async fn neighbours(&self, run: RunKey) -> Result<Neighbours, StoreError> {
        let tables = self.tables();
        let runs = newest_first(&tables, run.flow_key());
        let Some(index) = runs.iter().position(|other| other.key == run) else {
            return Ok(Neighbours::default());
        };
        let (after, before) = (&runs[..index], &runs[index + 1..]);
        let is_success = |run: &&&Run| {
            let outcomes = Neighbours::SUCCESSES.map(RunStatus::Ended);
            outcomes.contains(&run.properties.state.status())
        };
        let found = |run: Option<&&Run>| run.map(|run| RecentRun::from(*run));
        Ok(Neighbours {
            before: found(before.first()),
            after: found(after.last()),
            success: found(before.iter().find(is_success)),
        })
    }
}

/// The visible runs of a flow.
fn newest_first(tables: &Tables, flow: FlowKey) -> Vec<&Run> {
    let mut runs: Vec<&Run> = tables.visible_runs(flow).map(|stored| &stored.run).collect();
    runs.sort_by_key(|run| (std::cmp::Reverse(run.properties.start), run.key.run));
    runs
}

fn text(members: &JsonObject, name: &str) -> Option<String> {
    match members.get(name) {
        Some(JsonValue::String(text)) => Some(text.clone()),
        _ => None,
    }
}
