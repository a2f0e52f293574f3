//! The queries of the dashboard.

use std::sync::Arc;

use flowruns_domain::{
    dashboard::{
        EarlierRuns, EventCount, FlowIds, LastEvents, NEWEST_FIRST, Neighbours, RecentRun,
        RecentRuns, RunWindow, RunsPerFlow, Tally, TallyRequest,
    },
    id::FlowKey,
    query::{EnumComparison, Filter, PageSize, QueryPage, RunPredicate, RunQuery, RunScope},
    run::{NewRun, Outcome, Run, RunStatus},
    store::Store,
    timestamp::Timestamp,
};
use tokio::task::JoinSet;

use super::fixture::Fixture;
use crate::fixtures::{counted, error_patch, fresh_flow, fresh_tenant, name, new_run, time};

pub(super) fn at(minute: u64) -> Timestamp {
    time(&format!("2026-03-01T{:02}:{:02}:00Z", minute / 60, minute % 60))
}

/// A run that started in this minute, and ended a minute later unless it is in progress.
pub(super) fn started(minute: u64, status: RunStatus) -> NewRun {
    let end = (status != RunStatus::Running).then(|| at(minute + 1));
    NewRun { start: Some(at(minute)), end, status, ..new_run() }
}

pub(super) fn ended(minute: u64, outcome: Outcome) -> NewRun {
    started(minute, RunStatus::Ended(outcome))
}

/// Creates runs with the numbers 1, 2, ….
pub(super) async fn create_all(fixture: &Fixture, runs: &[NewRun]) -> Vec<Run> {
    let mut created = Vec::new();
    for (number, run) in (1..).zip(runs) {
        created.push(fixture.create(number, run).await);
    }
    created
}

/// These of the runs.
pub(super) fn recent(runs: &[Run], numbers: &[usize]) -> Vec<RecentRun> {
    numbers.iter().map(|number| RecentRun::from(&runs[number - 1])).collect()
}

impl Fixture {
    async fn recent_runs(&self, flows: &[FlowKey], each: u16) -> Vec<RecentRuns> {
        let flows = FlowIds::new(flows.iter().map(|key| key.flow)).expect("a case asks for a few");
        let each = RunsPerFlow::new(each).expect("a case asks for 1 to 50");
        let found = self.store.recent_runs(self.flow.tenant, &flows, each).await;
        found.expect("the store reads recent runs")
    }

    async fn tally(&self, status: RunStatus, since: Option<Timestamp>) -> Tally {
        let request = TallyRequest { status, since };
        let tallies = self.store.tallies(self.flow.tenant, &[request]).await;
        tallies.expect("the store counts runs").pop().expect("a tally for each request")
    }

    /// The neighbours of a run, or those of the end of the flow, with a number of earlier runs and the documents of some.
    pub(super) async fn neighbours(
        &self,
        number: Option<u64>,
        (runs, details): (u16, PageSize),
    ) -> Neighbours {
        let earlier = EarlierRuns { runs: RunsPerFlow::new(runs).expect("1 to 50"), details };
        let run = number.map(|number| self.key(number).run);
        let found = self.store.neighbours(self.flow, run, earlier).await;
        found.expect("the store finds neighbours")
    }
}

/// Newest first, runs of one start by id, one entry for each flow in the order of the request. Deleted runs are left out.
pub async fn recent_runs_are_the_newest_of_each_flow(store: Arc<dyn Store>) {
    let one = Fixture::new(store).await;
    let (other, empty) = (one.other_flow().await, one.other_flow().await);
    let absent = FlowKey { flow: fresh_flow(one.flow.tenant).key.flow, ..one.flow };
    let failed = ended(5, Outcome::Failed);
    let running = started(9, RunStatus::Running);
    let of_one = create_all(
        &one,
        &[failed.clone(), running, failed.clone(), failed, ended(1, Outcome::Completed)],
    )
    .await;
    let of_other = create_all(&other, &[ended(3, Outcome::CompletedWithErrors)]).await;
    one.delete(of_one[2].key).await;
    one.change(of_one[3].key, counted(r#"{"rows":1}"#)).await;
    let changed = one.find(of_one[3].key).await.expect("it exists");

    let found = one.recent_runs(&[other.flow, absent, one.flow, empty.flow], 3).await;
    let entry = |key: FlowKey, runs| RecentRuns { flow: key.flow, runs };
    let newest = [recent(&of_one, &[2, 1]), vec![RecentRun::from(&changed)]].concat();
    let expected = [
        entry(other.flow, recent(&of_other, &[1])),
        entry(absent, vec![]),
        entry(one.flow, newest),
        entry(empty.flow, vec![]),
    ];
    assert_eq!(found, expected);
    assert_eq!(one.recent_runs(&[one.flow], 1).await[0].runs, recent(&of_one, &[2]));
    assert_eq!(one.recent_runs(&[], 50).await, []);
}

/// Runs of the status that started at the time or later, in all flows of the tenant.
pub async fn a_tally_counts_the_runs_of_a_status_by_flow(store: Arc<dyn Store>) {
    let one = Fixture::new(store).await;
    let other = one.other_flow().await;
    let failed = RunStatus::Ended(Outcome::Failed);
    let [first, second, third] = [1, 2, 3].map(|minute| started(minute, failed));
    let runs = [first.clone(), started(2, RunStatus::Running), third.clone(), third.clone()];
    let runs = create_all(&one, &runs).await;
    create_all(&other, &[second.clone(), first, second, third]).await;
    one.delete(runs[2].key).await;

    let counted = |tally: Tally| {
        let flows = tally.flows.iter().map(|one| (one.flow, one.runs)).collect::<Vec<_>>();
        assert!(!tally.has_more);
        assert_eq!(tally.runs(), flows.iter().map(|(_, runs)| usize::from(*runs)).sum::<usize>());
        flows
    };
    let (of_one, of_other) = (one.flow.flow, other.flow.flow);
    assert_eq!(counted(one.tally(failed, None).await), [(of_other, 4), (of_one, 2)]);
    assert_eq!(counted(one.tally(failed, Some(at(2))).await), [(of_other, 3), (of_one, 1)]);
    assert_eq!(counted(one.tally(failed, Some(at(4))).await), []);
    assert_eq!(counted(one.tally(RunStatus::Running, None).await), [(of_one, 1)]);
    let completed = RunStatus::Ended(Outcome::Completed);
    assert_eq!(counted(one.tally(completed, None).await), []);

    let requests = [(completed, None), (failed, Some(at(2))), (RunStatus::Running, None)];
    let requests = requests.map(|(status, since)| TallyRequest { status, since });
    let tallies = one.store.tallies(one.flow.tenant, &requests).await;
    let tallies: Vec<_> =
        tallies.expect("the store counts runs").into_iter().map(counted).collect();
    assert_eq!(tallies, [vec![], vec![(of_other, 3), (of_one, 1)], vec![(of_one, 1)]]);
    let none = one.store.tallies(one.flow.tenant, &[]).await;
    assert_eq!(none.expect("the store counts nothing"), []);
}

/// Only the newest 1,000 runs are counted; one more is only known to exist.
pub async fn a_tally_ends_at_its_limit(store: Arc<dyn Store>) {
    let limit = u64::from(Tally::LIMIT);
    let older = Fixture::new(store).await;
    let newer = older.other_flow().await;
    let mut creations = JoinSet::new();
    for number in 1..=limit {
        let (newer, run) = (newer.clone(), started(10 + number % 7, RunStatus::Running));
        creations.spawn(async move { newer.create(number, &run).await });
    }
    creations.join_all().await;
    let tally = older.tally(RunStatus::Running, None).await;
    assert_eq!((tally.runs(), tally.has_more), (1000, false));
    older.create(1, &started(5, RunStatus::Running)).await;
    let full = older.tally(RunStatus::Running, None).await;
    assert_eq!((full.flows, full.has_more), (tally.flows, true));
    let recent = older.tally(RunStatus::Running, Some(at(10))).await;
    assert_eq!((recent.runs(), recent.has_more), (1000, false));
}

/// The run before and the run after, by start and then by id, and the last one before it that succeeded.
pub async fn the_neighbours_of_a_run_are_next_to_it_in_the_order_of_starts(store: Arc<dyn Store>) {
    use Outcome::{Completed, CompletedWithErrors, CompletedWithWarnings, Failed};
    let fixture = Fixture::new(store).await;
    // Four runs of one start: newest first they follow as 4, 5, 6, 7.
    let runs = [
        ended(1, Completed),
        ended(2, CompletedWithWarnings),
        ended(3, CompletedWithErrors),
        ended(5, Failed),
        ended(5, Completed),
        started(5, RunStatus::Running),
        ended(5, CompletedWithWarnings),
        ended(8, Failed),
        ended(9, Completed),
    ];
    let runs = create_all(&fixture, &runs).await;
    fixture.delete(runs[8].key).await;
    let run = |number: Option<usize>| number.map(|number| RecentRun::from(&runs[number - 1]));
    let expected: [(_, &[usize], _, _); 11] = [
        (Some(1), &[], Some(2), None),
        (Some(2), &[1], Some(3), Some(1)),
        (Some(3), &[2, 1], Some(7), Some(2)),
        (Some(7), &[3, 2, 1], Some(6), Some(2)),
        (Some(6), &[7, 3, 2, 1], Some(5), Some(7)),
        (Some(5), &[6, 7, 3, 2], Some(4), Some(7)),
        (Some(4), &[5, 6, 7, 3], Some(8), Some(5)),
        (Some(8), &[4, 5, 6, 7], None, Some(5)),
        (Some(9), &[], None, None),
        (Some(10), &[], None, None),
        (None, &[8, 4, 5, 6], None, Some(5)),
    ];
    let no_details = PageSize::new(0).expect("no rows");
    for (number, before, after, success) in expected {
        let found = fixture.neighbours(number, (4, no_details)).await;
        assert!(found.before.iter().all(|earlier| earlier.details.is_none()));
        let found_before: Vec<_> = found.before.into_iter().map(|earlier| earlier.run).collect();
        assert_eq!(found_before, recent(&runs, before), "before run {number:?}");
        assert_eq!(found.after, run(after), "after run {number:?}");
        assert_eq!(found.success, run(success), "of run {number:?}");
    }
}

/// The same runs as in a list, and none of a flow that does not exist.
pub async fn filtered_runs_are_those_of_a_list(store: Arc<dyn Store>) {
    let fixture = Fixture::new(store).await;
    let failed = ended(5, Outcome::Failed);
    create_all(&fixture, &[failed.clone(), ended(1, Outcome::Completed), failed.clone(), failed])
        .await;
    let is_failed =
        RunPredicate::Status(EnumComparison::Eq(Some(RunStatus::Ended(Outcome::Failed))));
    let mut query = RunQuery {
        filter: Some(Filter::Predicate(is_failed)),
        size: PageSize::new(2).expect("two rows"),
        order: NEWEST_FIRST,
        details: true,
        ..RunQuery::new(RunScope::Flow(fixture.flow))
    };
    for rows in [2, 1] {
        let listed = fixture.store.query_runs(&RunQuery { details: false, ..query.clone() }).await;
        let listed = listed.expect("the store lists runs").expect("the flow exists");
        let filtered = fixture.store.filtered_runs(&query).await.expect("the store lists runs");
        assert_eq!(filtered.items.len(), rows);
        assert_eq!(filtered, listed);
        query.after = filtered.next.map(|next| next.after);
    }
    let absent = FlowKey { flow: fresh_flow(fixture.flow.tenant).key.flow, ..fixture.flow };
    let strange = FlowKey { tenant: fresh_tenant(), ..fixture.flow };
    for flow in [absent, strange] {
        let query = RunQuery { scope: RunScope::Flow(flow), after: None, ..query.clone() };
        let filtered = fixture.store.filtered_runs(&query).await.expect("the store lists runs");
        assert_eq!(filtered, QueryPage { items: Vec::new(), next: None });
    }
}

/// Another tenant finds nothing under ids that it knows.
pub async fn the_dashboard_of_another_tenant_is_empty(store: Arc<dyn Store>) {
    let owner = Fixture::new(store).await;
    let mut new = ended(1, Outcome::Failed);
    new.blocking_error = Some(error_patch(r#"{"code":"x"}"#));
    new.display_name = name("secret");
    create_all(&owner, &[new.clone(), new]).await;
    let flow = FlowKey { tenant: fresh_tenant(), ..owner.flow };
    let stranger = Fixture { flow, ..owner.clone() };

    assert_eq!(owner.recent_runs(&[owner.flow], 50).await[0].runs.len(), 2);
    assert_eq!(stranger.recent_runs(&[flow], 50).await[0].runs, []);
    let failed = RunStatus::Ended(Outcome::Failed);
    assert_eq!(owner.tally(failed, None).await.runs(), 2);
    assert_eq!(stranger.tally(failed, None).await, Tally::default());
    assert_eq!(owner.series(&[], 200).await.len(), 2);
    assert_eq!(stranger.series(&[], 200).await, []);
    assert_eq!(owner.error_lines(&[1, 2]).await.len(), 2);
    assert_eq!(stranger.error_lines(&[1, 2]).await, []);
    for run in [Some(1), None] {
        let details = (50, PageSize::default());
        assert_ne!(owner.neighbours(run, details).await, Neighbours::default());
        assert_eq!(stranger.neighbours(run, details).await, Neighbours::default());
    }
    let window = RunWindow::new([flow.flow], (at(0), at(60))).expect("a window");
    for (tenant, runs) in [(owner.flow.tenant, 2), (flow.tenant, 0)] {
        let found = owner.store.runs_in_window(tenant, &window).await;
        assert_eq!(found.expect("the store reads a window")[0].runs.len(), runs);
    }
    let newest = LastEvents::new(EventCount::MAX);
    for (key, exists) in [(owner.key(1), true), (stranger.key(1), false)] {
        let found = owner.store.last_events(key, newest).await;
        assert_eq!(found.expect("the store reads events").is_some(), exists);
    }
}
