use chrono::Duration;
use flowruns_testing::fixtures;
use proptest::prelude::*;

use super::*;

const COMPLETED: RunStatus = RunStatus::Ended(Outcome::Completed);
const FAILED: RunStatus = RunStatus::Ended(Outcome::Failed);

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// A window of 24 hours, of which 23 are over.
fn day() -> Axis {
    Axis {
        from: time("2026-03-01T00:00:00Z"),
        to: time("2026-03-02T00:00:00Z"),
        now: time("2026-03-01T23:00:00Z"),
    }
}

fn minute(axis: &Axis, minute: i64) -> Timestamp {
    Timestamp::new(axis.from.date_time() + Duration::minutes(minute)).unwrap()
}

/// A run from one minute of the window to another one; `None` is a run in progress.
fn run(axis: &Axis, start: i64, end: Option<i64>, status: RunStatus) -> LaneRun {
    LaneRun {
        id: RunId::new(fixtures::fresh_uuid()).unwrap(),
        status,
        start: minute(axis, start),
        end: end.map(|end| minute(axis, end)),
    }
}

const fn in_slots_of(slots: u32) -> Division {
    Division { slots, splits: true }
}

#[test]
fn a_minute_of_a_day_is_one_unit_wide() {
    let axis = day();
    let [bar] = &axis.bars(&[run(&axis, 60, Some(90), COMPLETED)], in_slots_of(480))[..] else {
        panic!()
    };
    assert_eq!((bar.x, bar.width, bar.status), (60.0, 30.0, COMPLETED));
}

#[test]
fn a_run_in_progress_reaches_now() {
    let axis = day();
    let [bar] = &axis.bars(&[run(&axis, 1320, None, RunStatus::Running)], in_slots_of(480))[..]
    else {
        panic!()
    };
    assert_eq!((bar.x, bar.width), (1320.0, 60.0));
    assert_eq!(axis.now_x(), Some(1380.0));
}

#[test]
fn a_short_run_is_wide_enough_to_be_seen_and_stays_inside() {
    let axis = day();
    for start in [700, 1439] {
        let [bar] = &axis.bars(&[run(&axis, start, Some(start), COMPLETED)], in_slots_of(480))[..]
        else {
            panic!()
        };
        assert!(bar.width >= MIN_WIDTH && bar.x + bar.width <= WIDTH, "{bar:?}");
    }
}

#[test]
fn a_run_that_began_before_the_window_is_cut_at_its_edge() {
    let axis = day();
    let early = run(&axis, -500, Some(30), FAILED);
    assert!(axis.shows(&early));
    let [bar] = &axis.bars(&[early], in_slots_of(480))[..] else { panic!() };
    assert_eq!((bar.x, bar.width), (0.0, 30.0));
}

#[test]
fn the_window_shows_a_run_that_touches_it_and_no_other() {
    let axis = day();
    let shown = |start, end, status| axis.shows(&run(&axis, start, end, status));
    assert!(shown(-10, Some(0), COMPLETED));
    assert!(!shown(-10, Some(-1), COMPLETED));
    assert!(shown(-10, None, RunStatus::Running));
    assert!(shown(1439, Some(2000), COMPLETED));
    assert!(!shown(1440, Some(2000), COMPLETED));
}

#[test]
fn runs_of_one_slot_are_one_bar_of_the_worst_status() {
    let axis = day();
    let runs = [
        run(&axis, 0, Some(5), COMPLETED),
        run(&axis, 20, Some(25), FAILED),
        run(&axis, 29, Some(40), COMPLETED),
        run(&axis, 30, Some(35), COMPLETED),
    ];
    let [first, second] = &axis.bars(&runs, in_slots_of(48))[..] else { panic!() };
    assert_eq!((first.runs.len(), first.status), (3, FAILED));
    assert_eq!((first.x, first.width), (0.0, 40.0));
    assert_eq!((second.runs.len(), second.status), (1, COMPLETED));
}

#[test]
fn a_short_failure_beside_a_long_run_has_a_bar_of_its_own() {
    let axis = day();
    let long = run(&axis, -4000, None, RunStatus::Running);
    let failed = run(&axis, -10, Some(5), FAILED);
    let [below, above] = &axis.bars(&[long, failed], in_slots_of(48))[..] else { panic!() };
    assert_eq!((below.status, below.x, below.width), (RunStatus::Running, 0.0, 1380.0));
    assert_eq!((above.status, above.x, above.width), (FAILED, 0.0, 5.0));
    let completed = run(&axis, -10, Some(20), COMPLETED);
    let [one] = &axis.bars(&[completed, failed], in_slots_of(48))[..] else { panic!() };
    assert_eq!((one.status, one.width), (FAILED, 20.0));
}

#[test]
fn a_worse_status_has_a_higher_bar() {
    let mut statuses = RunStatus::ALL;
    statuses.sort_by_key(|status| severity(*status));
    assert!(statuses.is_sorted_by(|one, other| height(*one) < height(*other)));
    assert!(statuses.iter().all(|status| height(*status) < HEIGHT));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn bars_lie_in_the_lane_hold_every_run_once_and_are_bounded(
        lanes in prop::collection::vec(
            prop::collection::vec((-2000_i64..3000, prop::option::of(0_i64..3000), 0_usize..5), 0..300),
            1..25,
        ),
    ) {
        let axis = day();
        let lanes: Vec<Vec<LaneRun>> = lanes
            .into_iter()
            .map(|runs| {
                let runs = runs.into_iter().map(|(start, length, status)| {
                    run(&axis, start, length.map(|length| start + length), RunStatus::ALL[status])
                });
                let mut runs: Vec<LaneRun> = runs.filter(|run| axis.shows(run)).collect();
                runs.sort_by_key(|run| run.start);
                runs
            })
            .collect();
        let division = axis.division(&lanes.iter().map(Vec::as_slice).collect::<Vec<_>>());
        let mut total = 0;
        for runs in &lanes {
            let bars = axis.bars(runs, division);
            total += bars.len();
            let ids = |runs: &[LaneRun]| {
                let mut ids: Vec<RunId> = runs.iter().map(|run| run.id).collect();
                ids.sort();
                ids
            };
            let held: Vec<LaneRun> = bars.iter().flat_map(|bar| bar.runs.clone()).collect();
            prop_assert_eq!(ids(&held), ids(runs));
            for bar in &bars {
                prop_assert!(bar.x >= 0.0 && bar.width >= MIN_WIDTH && bar.x + bar.width <= WIDTH + 1e-9);
                let worst = bar.runs.iter().map(|run| severity(run.status)).max();
                prop_assert_eq!(Some(severity(bar.status)), worst);
            }
        }
        prop_assert!(total <= MAX_BARS);
    }
}
