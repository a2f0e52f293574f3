//! The runs of the dashboard in a window of time.

use std::sync::Arc;

use flowruns_domain::{
    dashboard::{MissingReason, MissingRuns, RunWindow, WindowRuns},
    id::FlowKey,
    run::{NewRun, Outcome, RunStatus},
    store::Store,
    timestamp::Timestamp,
};
use tokio::task::JoinSet;

use super::{
    dashboard::{at, create_all, started},
    fixture::Fixture,
};
use crate::fixtures::fresh_flow;

impl Fixture {
    /// The runs of a window by their numbers, and those that are missing.
    async fn window(
        &self,
        flows: &[FlowKey],
        times: (Timestamp, Timestamp),
    ) -> Vec<(Vec<u64>, Option<MissingRuns>)> {
        let window = RunWindow::new(flows.iter().map(|key| key.flow), times).expect("a window");
        let found = self.store.runs_in_window(self.flow.tenant, &window).await;
        let found = found.expect("the store reads a window");
        assert_eq!(
            found.iter().map(|entry| entry.flow).collect::<Vec<_>>(),
            flows.iter().map(|key| key.flow).collect::<Vec<_>>()
        );
        let number = |id| (1..1000).find(|number| self.key(*number).run == id);
        let numbers = |WindowRuns { runs, missing, .. }| {
            (runs.iter().filter_map(|run| number(run.id)).collect(), missing)
        };
        found.into_iter().map(numbers).collect()
    }

    async fn create_many(&self, runs: impl Iterator<Item = (u64, NewRun)>) {
        let mut creations = JoinSet::new();
        for (number, run) in runs {
            let fixture = self.clone();
            creations.spawn(async move { fixture.create(number, &run).await });
        }
        creations.join_all().await;
    }
}

fn missing(reason: MissingReason, from: u64) -> Option<MissingRuns> {
    Some(MissingRuns { reason, complete_from: at(from) })
}

fn lasting(start: u64, end: u64) -> NewRun {
    NewRun { end: Some(at(end)), ..started(start, RunStatus::Ended(Outcome::Failed)) }
}

/// Every run of which a part is in the window: those that start in it, and those that started before and end in it, after it, or
/// not at all.
pub async fn a_window_has_every_run_that_it_overlaps(store: Arc<dyn Store>) {
    let one = Fixture::new(store).await;
    let (other, empty) = (one.other_flow().await, one.other_flow().await);
    let absent = FlowKey { flow: fresh_flow(one.flow.tenant).key.flow, ..one.flow };
    let runs = [
        lasting(10, 99),
        lasting(11, 100),
        lasting(3, 199),
        lasting(12, 200),
        lasting(1, 500),
        started(2, RunStatus::Running),
        lasting(100, 101),
        started(199, RunStatus::Running),
        lasting(199, 500),
        lasting(200, 201),
        lasting(100, 101),
        lasting(150, 160),
    ];
    let runs = create_all(&one, &runs).await;
    one.delete(runs[11].key).await;
    create_all(&other, &[lasting(90, 150)]).await;
    let found = one.window(&[other.flow, absent, one.flow, empty.flow], (at(100), at(200))).await;
    // By start, and by id.
    let of_one = vec![5, 6, 3, 2, 4, 7, 11, 8, 9];
    assert_eq!(found, [(vec![1], None), (vec![], None), (of_one, None), (vec![], None)]);
    let state = |number: usize| runs[number - 1].properties.state;
    let window = RunWindow::new([one.flow.flow], (at(100), at(101))).expect("a window");
    let found = one.store.runs_in_window(one.flow.tenant, &window).await;
    let found = found.expect("the store reads a window").remove(0).runs;
    assert_eq!(
        found.iter().map(|run| run.state).collect::<Vec<_>>(),
        [5, 6, 3, 2, 4, 7, 11].map(state)
    );
}

/// The first starts are left out, and the entry says why, and from when on it is complete.
pub async fn a_window_with_too_many_runs_has_the_latest(store: Arc<dyn Store>) {
    let limit = RunWindow::MAX_RUNS as u64;
    let fixture = Fixture::new(store).await;
    let other = fixture.other_flow().await;
    let window = (at(100), at(1000));
    // A run each minute that ends in the window.
    fixture.create_many((1..=limit).map(|number| (number, lasting(99 + number, 999)))).await;
    other.create_many((1..=limit).map(|number| (number, lasting(50, 999)))).await;
    let found = fixture.window(&[fixture.flow, other.flow], window).await;
    let all: Vec<u64> = (1..=limit).collect();
    assert_eq!(found, [(all.clone(), None), (all, None)]);

    fixture.create(limit + 1, &lasting(99 + limit, 999)).await;
    fixture.create(limit + 2, &lasting(100, 999)).await;
    other.create(limit + 1, &lasting(51, 999)).await;
    let found = fixture.window(&[fixture.flow, other.flow], window).await;
    // Both runs of the first minute are left out, although one of them would be few enough.
    let latest: Vec<u64> = (2..=limit + 1).collect();
    assert_eq!(found[0], (latest, missing(MissingReason::Started, 101)));
    assert_eq!((found[1].0.len() as u64, found[1].1), (limit, missing(MissingReason::Ended, 100)));
}

/// Of the runs in progress that started before the window, the latest are found.
pub async fn a_window_says_that_it_misses_runs_in_progress(store: Arc<dyn Store>) {
    let limit = RunWindow::MAX_EARLIER as u64;
    let fixture = Fixture::new(store).await;
    let running = |number| (number, started(number, RunStatus::Running));
    fixture.create_many((1..=limit).map(running)).await;
    let window = (at(100), at(200));
    let all: Vec<u64> = (1..=limit).collect();
    assert_eq!(fixture.window(&[fixture.flow], window).await, [(all, None)]);
    fixture.create(limit + 1, &running(limit + 1).1).await;
    let latest: Vec<u64> = (2..=limit + 1).collect();
    let missing = missing(MissingReason::Running, 100);
    assert_eq!(fixture.window(&[fixture.flow], window).await, [(latest, missing)]);
}
