//! The queries of the dashboard in memory.

use std::collections::BTreeMap;

use async_trait::async_trait;
use flowruns_domain::{
    dashboard::{
        DashboardStore, EarlierRun, EarlierRuns, ErrorLine, FlowIds, FlowTally, FoundRuns, Last,
        LastEvents, MemberPaths, MemberValues, Neighbours, RecentRun, RecentRuns, RunKeys, RunSpan,
        RunWindow, RunsPerFlow, Tally, TallyRequest, WindowRuns,
    },
    id::{FlowId, FlowKey, RunId, RunKey, TenantId},
    json::{JsonObject, JsonValue},
    query::{Page, PageSize, QueryPage, RunDetails, RunPage, RunQuery, RunScope},
    run::{Run, RunEvent, RunStatus},
    store::{RunStore as _, StoreError},
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

    async fn tallies(
        &self,
        tenant: TenantId,
        requests: &[TallyRequest],
    ) -> Result<Vec<Tally>, StoreError> {
        let tables = self.tables();
        Ok(requests.iter().map(|request| tally(&tables, tenant, *request)).collect())
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

    async fn neighbours(
        &self,
        flow: FlowKey,
        run: Option<RunId>,
        earlier: EarlierRuns,
    ) -> Result<Neighbours, StoreError> {
        let tables = self.tables();
        let runs = newest_first(&tables, flow);
        let (after, before) = match run {
            None => (None, runs.as_slice()),
            Some(run) => match runs.iter().position(|other| other.key.run == run) {
                None => return Ok(Neighbours::default()),
                Some(index) => (index.checked_sub(1).map(|index| runs[index]), &runs[index + 1..]),
            },
        };
        let is_success = |run: &&&Run| {
            let outcomes = Neighbours::SUCCESSES.map(RunStatus::Ended);
            outcomes.contains(&run.properties.state.status())
        };
        Ok(Neighbours {
            after: after.map(RecentRun::from),
            success: before.iter().find(is_success).map(|run| RecentRun::from(*run)),
            before: earlier_runs(before, earlier),
        })
    }

    async fn filtered_runs(&self, query: &RunQuery) -> Result<RunPage, StoreError> {
        let page = self.query_runs(&RunQuery { details: false, ..query.clone() }).await?;
        Ok(page.unwrap_or(QueryPage { items: Vec::new(), next: None }))
    }

    async fn runs_in_window(
        &self,
        tenant: TenantId,
        window: &RunWindow,
    ) -> Result<Vec<WindowRuns>, StoreError> {
        let tables = self.tables();
        let of_flow = |flow: &FlowId| {
            let runs = newest_first(&tables, FlowKey { tenant, flow: *flow });
            let spans = runs.into_iter().map(|run| {
                let properties = &run.properties;
                RunSpan { id: run.key.run, start: properties.start, state: properties.state }
            });
            found_in_window(&spans.collect::<Vec<_>>(), window).within(*flow, window)
        };
        Ok(window.flows().iter().map(of_flow).collect())
    }
}

fn tally(tables: &Tables, tenant: TenantId, TallyRequest { status, since }: TallyRequest) -> Tally {
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
    Tally::new(flows.collect(), has_more)
}

/// The first of these runs, as many of them with documents as the bounds allow.
fn earlier_runs(
    runs: &[&Run],
    EarlierRuns { runs: most, details }: EarlierRuns,
) -> Vec<EarlierRun> {
    let mut bytes = 0;
    let earlier = |(index, run): (usize, &&Run)| {
        let properties = &run.properties;
        let error = properties.blocking_error.as_ref();
        bytes += properties.statistics.text().len();
        bytes += error.map_or(0, |error| error.members().compact_length());
        let is_detailed = index < details.rows() && (index == 0 || bytes <= details.bytes());
        EarlierRun {
            run: RecentRun::from(*run),
            details: is_detailed.then(|| RunDetails {
                blocking_error: properties.blocking_error.clone(),
                statistics: properties.statistics.clone(),
            }),
        }
    };
    runs.iter().take(usize::from(most.get())).enumerate().map(earlier).collect()
}

/// The runs that a window shows, of all runs of a flow, newest first.
fn found_in_window(runs: &[RunSpan], window: &RunWindow) -> FoundRuns {
    let (from, to) = (window.from(), window.to());
    let started = runs.iter().filter(|run| (from..to).contains(&run.start)).copied();
    let started = started.take(RunWindow::MAX_RUNS + 1).collect();
    let mut ended: Vec<RunSpan> = runs.to_vec();
    ended.retain(|run| run.state.end().is_some_and(|end| (from..to).contains(&end)));
    ended.sort_by_key(|run| (run.state.end(), std::cmp::Reverse(run.id)));
    let before = || runs.iter().filter(|run| run.start < from);
    let lasted = before().take(RunWindow::MAX_EARLIER);
    let lasted = lasted.filter(|run| run.state.end().is_some_and(|end| end >= to));
    let running = || before().filter(|run| run.state.status() == RunStatus::Running);
    let has_more_running = running().nth(RunWindow::MAX_EARLIER).is_some();
    let has_more_ended = ended.len() > RunWindow::MAX_RUNS;
    ended.truncate(RunWindow::MAX_RUNS);
    ended.retain(|run| run.start < from);
    let others = lasted.chain(running().take(RunWindow::MAX_EARLIER)).copied();
    let earlier = ended.into_iter().chain(others).collect();
    FoundRuns { started, earlier, has_more_ended, has_more_running }
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
