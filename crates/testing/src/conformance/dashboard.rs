//! The queries of the dashboard.

use std::sync::Arc;

use flowruns_domain::{
    dashboard::{
        EventCount, FlowIds, LastEvents, Neighbours, RecentRun, RecentRuns, RunsPerFlow, Tally,
    },
    id::FlowKey,
    run::{NewRun, Outcome, Run, RunStatus},
    store::Store,
    timestamp::Timestamp,
};
use tokio::task::JoinSet;

use super::fixture::Fixture;
use crate::fixtures::{counted, error_patch, fresh_flow, fresh_tenant, name, new_run, time};

fn at(minute: u64) -> Timestamp {
    time(&format!("2026-03-01T{:02}:{:02}:00Z", minute / 60, minute % 60))
}

/// A run that started in this minute, and ended a minute later unless it is in progress.
fn started(minute: u64, status: RunStatus) -> NewRun {
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
        let tally = self.store.tally(self.flow.tenant, status, since).await;
        tally.expect("the store counts runs")
    }

    async fn neighbours(&self, number: u64) -> Neighbours {
        let found = self.store.neighbours(self.key(number)).await;
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
    let expected = [
        (1, None, Some(2), None),
        (2, Some(1), Some(3), Some(1)),
        (3, Some(2), Some(7), Some(2)),
        (7, Some(3), Some(6), Some(2)),
        (6, Some(7), Some(5), Some(7)),
        (5, Some(6), Some(4), Some(7)),
        (4, Some(5), Some(8), Some(5)),
        (8, Some(4), None, Some(5)),
        (9, None, None, None),
        (10, None, None, None),
    ];
    for (number, before, after, success) in expected {
        let expected = Neighbours { before: run(before), after: run(after), success: run(success) };
        assert_eq!(fixture.neighbours(number).await, expected, "of run {number}");
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
    assert_ne!(owner.neighbours(1).await, Neighbours::default());
    assert_eq!(stranger.neighbours(1).await, Neighbours::default());
    let newest = LastEvents::new(EventCount::MAX);
    for (key, exists) in [(owner.key(1), true), (stranger.key(1), false)] {
        let found = owner.store.last_events(key, newest).await;
        assert_eq!(found.expect("the store reads events").is_some(), exists);
    }
}
