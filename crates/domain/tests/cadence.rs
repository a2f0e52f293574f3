//! What is usual for a flow, and what is late, stale or unusual.

#![expect(clippy::unwrap_used, reason = "a test whose preparation fails must fail")]

use std::time::Duration;

use flowruns_domain::{
    cadence::{
        LEAST_ENDED, LEAST_GAPS, LEAST_NUMBERS, failing_since, is_stale, late, success,
        usual_duration, usual_gap, usual_number,
    },
    dashboard::RecentRun,
    flow::{FlowProperties, ReadinessStatus},
    run::{Outcome, RunState},
    timestamp::Timestamp,
    version::Version,
};
use flowruns_testing::fixtures;
use proptest::{collection::vec, prelude::*, sample};
use uuid::Uuid;

#[path = "cadence/duration.rs"]
mod duration;

const MINUTE: i64 = 60;
const HOUR: i64 = 3600;

/// This many seconds after the beginning of the tests.
fn at(seconds: i64) -> Timestamp {
    let time = fixtures::time("2026-03-01T00:00:00Z").date_time();
    Timestamp::new(time + chrono::TimeDelta::seconds(seconds)).unwrap()
}

fn seconds(seconds: i64) -> Duration {
    Duration::from_secs(seconds.unsigned_abs())
}

fn run(number: u128, start: i64, state: RunState) -> RecentRun {
    RecentRun {
        id: Uuid::from_u128(number + 1).to_string().parse().unwrap(),
        version: Version::FIRST,
        display_name: fixtures::name("run"),
        start: at(start),
        state,
    }
}

fn ended(start: i64, duration: i64, outcome: Outcome) -> RecentRun {
    let id = start.unsigned_abs().into();
    run(id, start, RunState::Ended { outcome, at: at(start + duration) })
}

fn completed(start: i64, duration: i64) -> RecentRun {
    ended(start, duration, Outcome::Completed)
}

fn running(start: i64) -> RecentRun {
    run(start.unsigned_abs().into(), start, RunState::Running)
}

/// Runs every hour, newest first; the last one starts at `(count - 1) * HOUR`.
fn hourly(count: i64) -> Vec<RecentRun> {
    (0..count).rev().map(|hour| completed(hour * HOUR, 5 * MINUTE)).collect()
}

fn flow() -> FlowProperties {
    fixtures::fresh_flow(fixtures::fresh_tenant()).properties
}

#[test]
fn a_gap_is_usual_from_five_gaps_on() {
    assert_eq!(usual_gap(&hourly(5)), None);
    let usual = usual_gap(&hourly(6)).unwrap();
    assert_eq!((usual.median, usual.ninetieth), (seconds(HOUR), seconds(HOUR)));
    assert_eq!(usual_gap(&[]), None);
}

#[test]
fn the_ninetieth_percentile_of_gaps_is_not_raised_by_one_in_ten() {
    let mut starts: Vec<i64> = (0..=9).map(|hour| hour * HOUR).collect();
    starts.push(9 * HOUR + 50 * HOUR);
    let runs: Vec<_> = starts.iter().map(|start| completed(*start, 1)).collect();
    let usual = usual_gap(&runs).unwrap();
    assert_eq!((usual.median, usual.ninetieth), (seconds(HOUR), seconds(HOUR)));
}

#[test]
fn a_flow_is_late_after_one_and_a_half_times_its_gap() {
    let runs = hourly(10);
    let last = 9 * HOUR;
    assert_eq!(late(&flow(), &runs, at(last + 90 * MINUTE)), None);
    let late = late(&flow(), &runs, at(last + 90 * MINUTE + 1)).unwrap();
    assert_eq!((late.last_start, late.silence), (at(last), seconds(90 * MINUTE + 1)));
}

#[test]
fn a_flow_that_starts_every_minute_is_late_after_ten_minutes_more() {
    let runs: Vec<_> = (0..50).map(|minute| completed(minute * MINUTE, 1)).collect();
    let last = 49 * MINUTE;
    assert_eq!(late(&flow(), &runs, at(last + 11 * MINUTE)), None);
    assert!(late(&flow(), &runs, at(last + 11 * MINUTE + 1)).is_some());
}

#[test]
fn only_a_ready_flow_that_has_not_expired_is_late() {
    let (runs, now) = (hourly(10), at(1000 * HOUR));
    assert!(late(&flow(), &runs, now).is_some());
    for readiness_status in ReadinessStatus::ALL {
        let flow = FlowProperties { readiness_status, ..flow() };
        let is_late = late(&flow, &runs, now).is_some();
        assert_eq!(is_late, readiness_status == ReadinessStatus::Ready, "{readiness_status:?}");
    }
    let expiring = |seconds| FlowProperties { expiration: Some(at(seconds)), ..flow() };
    assert_eq!(late(&expiring(1000 * HOUR), &runs, now), None);
    assert!(late(&expiring(1000 * HOUR + 1), &runs, now).is_some());
}

#[test]
fn a_duration_is_usual_from_five_ended_runs_on() {
    let mut runs: Vec<_> = (1..=4).map(|n| completed(n * HOUR, n * MINUTE)).collect();
    runs.extend((5..50).map(|n| running(n * HOUR)));
    assert_eq!(usual_duration(&runs), None);
    runs.push(completed(0, 40 * MINUTE));
    let usual = usual_duration(&runs).unwrap();
    assert_eq!(usual.median, seconds(3 * MINUTE));
    assert_eq!((usual.low, usual.high), (seconds(MINUTE), seconds(40 * MINUTE)));
    let twenty: Vec<_> = (1..=20).map(|n| completed(n * HOUR, n * MINUTE)).collect();
    let usual = usual_duration(&twenty).unwrap();
    assert_eq!((usual.low, usual.high), (seconds(MINUTE), seconds(19 * MINUTE)));
    assert_eq!((usual.median, usual.ninetieth), (seconds(630), seconds(18 * MINUTE)));
}

#[test]
fn a_run_is_stale_after_three_times_the_duration_of_nine_in_ten_and_ten_minutes() {
    for (duration, tolerance) in [(5 * MINUTE, 15 * MINUTE), (MINUTE, 10 * MINUTE)] {
        let runs: Vec<_> = (0..5).map(|n| completed(n * HOUR, duration)).collect();
        let usual = usual_duration(&runs);
        let run = running(10 * HOUR);
        assert!(!is_stale(&run, usual, at(10 * HOUR + tolerance)));
        assert!(is_stale(&run, usual, at(10 * HOUR + tolerance + 1)));
        assert!(!is_stale(&run, None, at(1000 * HOUR)));
        assert!(!is_stale(&completed(10 * HOUR, 900 * HOUR), usual, at(1000 * HOUR)));
    }
}

#[test]
fn a_number_is_unusual_far_from_the_median_only() {
    let values = [100.0, 101.0, 99.0, 102.0, 98.0, 100.0, 103.0, 97.0, 100.0, 100.0];
    assert_eq!(usual_number(&values[..9]), None);
    let usual = usual_number(&values).unwrap();
    assert_eq!((usual.median, usual.deviation), (100.0, 1.0));
    for (value, is_unusual) in
        [(100.0, false), (105.0, false), (105.1, true), (95.0, false), (94.0, true), (0.0, true)]
    {
        assert_eq!(usual.is_unusual(value), is_unusual, "{value}");
    }
    let wide: Vec<f64> = (0..20).map(|n| f64::from(n) * 10.0).collect();
    assert!(!usual_number(&wide).unwrap().is_unusual(300.0));
    assert!(usual_number(&wide).unwrap().is_unusual(400.0));
}

#[test]
fn any_other_number_than_the_constant_one_is_unusual_by_more_than_a_twentieth() {
    let zero = usual_number(&[0.0; 10]).unwrap();
    assert!(!zero.is_unusual(0.0));
    assert!(zero.is_unusual(1.0) && zero.is_unusual(-1e-300));
    let constant = usual_number(&[200.0; 10]).unwrap();
    assert!(!constant.is_unusual(210.0));
    assert!(constant.is_unusual(211.0));
}

#[test]
fn numbers_at_the_ends_of_the_range_are_compared() {
    let extreme = usual_number(&[f64::MAX, f64::MIN].repeat(5)).unwrap();
    assert!(!extreme.is_unusual(0.0));
    let greatest = usual_number(&[f64::MAX; 10]).unwrap();
    assert_eq!(greatest.median, f64::MAX);
    assert!(greatest.is_unusual(f64::MIN));
}

#[test]
fn success_counts_the_runs_that_completed_with_or_without_warnings() {
    use Outcome::{Completed, CompletedWithErrors, CompletedWithWarnings, Failed};
    let outcomes = [Completed, CompletedWithWarnings, CompletedWithErrors, Failed];
    let mut runs: Vec<_> =
        (0..).zip(outcomes).map(|(n, outcome)| ended(n * HOUR, 1, outcome)).collect();
    runs.push(running(9 * HOUR));
    let counted = success(&runs);
    assert_eq!((counted.succeeded, counted.ended, counted.percent()), (2, 4, Some(50)));
    assert_eq!(success(&[running(0)]).percent(), None);
    let mut many: Vec<_> = (0..299).map(|n| completed(n * HOUR, 1)).collect();
    many.push(ended(299 * HOUR, 1, Failed));
    assert_eq!(success(&many).percent(), Some(99));
}

#[test]
fn a_flow_fails_since_the_first_of_the_failed_runs_at_the_end() {
    use Outcome::{Completed, CompletedWithErrors, Failed};
    let outcomes = [Failed, Completed, CompletedWithErrors, Failed, Failed];
    let mut runs: Vec<_> =
        (0..).zip(outcomes).map(|(n, outcome)| ended(n * HOUR, 1, outcome)).collect();
    runs.push(running(5 * HOUR));
    let failing = failing_since(&runs).unwrap();
    assert_eq!((&failing.first, &failing.last, failing.failed), (&runs[3], &runs[4], 2));
    assert_eq!(failing.last_success.as_ref(), Some(&runs[1]));
    let all_failed = failing_since(&runs[..1]).unwrap();
    assert_eq!((all_failed.failed, all_failed.last_success), (1, None));
    assert_eq!(failing_since(&runs[..2]), None);
    assert_eq!(failing_since(&runs[..3]), None);
    assert_eq!(failing_since(&runs[5..]), None);
    assert_eq!(failing_since(&[]), None);
}

fn states() -> impl Strategy<Value = (i64, i64, Option<Outcome>)> {
    use Outcome::{Completed, CompletedWithErrors, CompletedWithWarnings, Failed};
    let outcomes = vec![Completed, CompletedWithErrors, CompletedWithWarnings, Failed];
    (0..100 * HOUR, 0..10 * HOUR, proptest::option::weighted(0.8, sample::select(outcomes)))
}

/// Up to 50 runs with distinct ids, some of one start.
fn runs(least: usize) -> impl Strategy<Value = Vec<RecentRun>> {
    vec(states(), least..=50).prop_map(|states| {
        let of = |(number, (start, duration, outcome)): (u128, (i64, i64, Option<Outcome>))| {
            let ended = |outcome| RunState::Ended { outcome, at: at(start + duration) };
            run(number, start / 600 * 600, outcome.map_or(RunState::Running, ended))
        };
        (0..).zip(states).map(of).collect()
    })
}

/// The same items in another order.
fn shuffled<T: Clone + std::fmt::Debug + 'static>(
    items: impl Strategy<Value = Vec<T>>,
) -> impl Strategy<Value = (Vec<T>, Vec<T>)> {
    items.prop_flat_map(|items| (Just(items.clone()), Just(items).prop_shuffle()))
}

fn numbers() -> impl Strategy<Value = Vec<f64>> {
    vec(-1e9..1e9, 0..50)
}

proptest! {
    #[test]
    fn nothing_depends_on_the_order_of_the_runs(
        (one, other) in shuffled(runs(0)), now in 0..300 * HOUR
    ) {
        prop_assert_eq!(usual_gap(&one), usual_gap(&other));
        prop_assert_eq!(usual_duration(&one), usual_duration(&other));
        prop_assert_eq!(late(&flow(), &one, at(now)), late(&flow(), &other, at(now)));
        prop_assert_eq!(success(&one), success(&other));
        prop_assert_eq!(failing_since(&one), failing_since(&other));
    }

    #[test]
    fn nothing_is_usual_with_few_runs(runs in runs(0), now in 0..10_000 * HOUR) {
        let few = &runs[..runs.len().min(LEAST_GAPS)];
        prop_assert_eq!(usual_gap(few), None);
        prop_assert_eq!(late(&flow(), few, at(now)), None);
        let ended: Vec<_> = runs.iter().filter(|run| run.end().is_some()).cloned().collect();
        prop_assert_eq!(usual_duration(&ended[..ended.len().min(LEAST_ENDED - 1)]), None);
        prop_assert_eq!(usual_duration(&runs).is_some(), ended.len() >= LEAST_ENDED);
    }

    #[test]
    fn a_late_flow_stays_late_until_it_starts(
        runs in runs(LEAST_GAPS + 1), now in 0..1000 * HOUR, later in 0..1000 * HOUR
    ) {
        if let Some(first) = late(&flow(), &runs, at(now)) {
            let second = late(&flow(), &runs, at(now + later));
            prop_assert_eq!(second.map(|late| late.silence), Some(first.silence + seconds(later)));
            let started = [runs, vec![running(now)]].concat();
            prop_assert_eq!(late(&flow(), &started, at(now)), None);
        }
    }

    #[test]
    fn a_flow_is_late_only_after_its_median_gap_and_ten_minutes(
        runs in runs(LEAST_GAPS + 1), now in 0..1000 * HOUR
    ) {
        if let Some(late) = late(&flow(), &runs, at(now)) {
            prop_assert!(late.silence > late.usual.median + seconds(10 * MINUTE));
            prop_assert!(late.silence * 2 > late.usual.ninetieth * 3);
        }
    }

    #[test]
    fn a_stale_run_stays_stale_while_it_is_running(
        runs in runs(0), start in 0..100 * HOUR, waited in 0..100 * HOUR, later in 0..100 * HOUR
    ) {
        let (run, usual) = (running(start), usual_duration(&runs));
        if is_stale(&run, usual, at(start + waited)) {
            prop_assert!(is_stale(&run, usual, at(start + waited + later)));
            prop_assert!(waited > 10 * MINUTE);
            prop_assert!(!is_stale(&completed(start, waited), usual, at(start + waited)));
        }
    }

    #[test]
    fn nine_in_ten_durations_are_within_the_band(runs in runs(0)) {
        if let Some(usual) = usual_duration(&runs) {
            let durations = runs.iter().filter_map(|run| Some(run.end()?.since(run.start)));
            let durations: Vec<_> = durations.collect();
            let within = durations.iter().filter(|one| (usual.low..=usual.high).contains(*one));
            prop_assert!(within.count() * 10 >= durations.len() * 9);
            let not_longer = durations.iter().filter(|one| **one <= usual.ninetieth).count();
            prop_assert!(not_longer * 10 >= durations.len() * 9);
            prop_assert!(usual.low <= usual.median && usual.median <= usual.ninetieth);
            prop_assert!(usual.ninetieth <= usual.high);
        }
    }

    #[test]
    fn what_is_unusual_does_not_depend_on_the_order_of_the_numbers(
        (one, other) in shuffled(numbers()), value in -1e10..1e10
    ) {
        let is_unusual = |values: &[f64]| usual_number(values).map(|usual| usual.is_unusual(value));
        prop_assert_eq!(is_unusual(&one), is_unusual(&other));
        prop_assert_eq!(usual_number(&one).is_some(), one.len() >= LEAST_NUMBERS);
    }

    #[test]
    fn a_number_further_from_the_median_than_an_unusual_one_is_unusual(
        values in numbers(), value in -1e10..1e10, further in 1.01..10.0
    ) {
        if let Some(usual) = usual_number(&values)
            && usual.is_unusual(value)
        {
            prop_assert!(usual.is_unusual(usual.median + (value - usual.median) * further));
        }
    }

    #[test]
    fn at_least_half_of_the_numbers_are_not_unusual(values in numbers()) {
        if let Some(usual) = usual_number(&values) {
            let unusual = values.iter().filter(|value| usual.is_unusual(**value)).count();
            prop_assert!(unusual * 2 <= values.len());
        }
    }
}
