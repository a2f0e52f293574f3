//! How long the work of a run takes, and which run has been in progress for far longer.

use flowruns_domain::{
    cadence::{stalest, usual_duration, usual_duration_of_work},
    dashboard::RecentRun,
    run::Outcome,
};

use crate::{HOUR, MINUTE, at, completed, ended, hourly, running, seconds};

#[test]
fn failed_runs_do_not_count_for_the_duration_of_work() {
    let mut runs: Vec<_> = (0..5).map(|n| completed(n * HOUR, 30 * MINUTE)).collect();
    runs.extend((5..20).map(|n| ended(n * HOUR, MINUTE, Outcome::Failed)));
    runs.extend((20..30).map(|n| running(n * HOUR)));
    assert_eq!(usual_duration_of_work(&runs).unwrap().median, seconds(30 * MINUTE));
    assert_eq!(usual_duration(&runs).unwrap().median, seconds(MINUTE));
    assert_eq!(usual_duration_of_work(&runs[1..]), None);
}

#[test]
fn of_several_stale_runs_the_one_that_started_first_is_the_stalest() {
    let mut runs = hourly(6);
    runs.extend([running(12 * HOUR), running(11 * HOUR), running(13 * HOUR)]);
    let usual = usual_duration(&runs);
    let stale = |runs: &[RecentRun], now| stalest(runs, usual, at(now)).map(|run| run.start);
    assert_eq!(stale(&runs, 13 * HOUR + 1), Some(at(11 * HOUR)));
    runs.reverse();
    assert_eq!(stale(&runs, 13 * HOUR + 1), Some(at(11 * HOUR)));
    assert_eq!(stale(&runs, 11 * HOUR + 15 * MINUTE), None);
}
