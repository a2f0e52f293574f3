//! Runs as other runs refer to them, and failures in a row.

use flowruns_domain::{
    cadence::{FailingSince, UsualDuration, failing_since},
    dashboard::{Neighbours, RecentRun},
    id::RunId,
    run::{RunStatus, RunSummary},
    timestamp::Timestamp,
};
use serde::Serialize;

use crate::json;

/// A run as other runs refer to it.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RunReference {
    #[serde(serialize_with = "json::text")]
    pub(crate) id: RunId,
    #[serde(rename = "displayName")]
    pub(crate) name: String,
    #[serde(serialize_with = "json::status")]
    pub(crate) status: RunStatus,
    #[serde(rename = "startDateTime", serialize_with = "json::text")]
    pub(crate) start: Timestamp,
    #[serde(rename = "endDateTime", serialize_with = "json::optional_text")]
    pub(crate) end: Option<Timestamp>,
}

impl From<&RecentRun> for RunReference {
    fn from(run: &RecentRun) -> Self {
        Self {
            id: run.id,
            name: run.display_name.as_str().to_owned(),
            status: run.status(),
            start: run.start,
            end: run.end(),
        }
    }
}

impl RunReference {
    /// Whether the run completed, with or without warnings.
    pub(crate) fn is_success(&self) -> bool {
        Neighbours::SUCCESSES.map(RunStatus::Ended).contains(&self.status)
    }
}

/// A run of a list for the rules of [`cadence`](flowruns_domain::cadence).
pub(crate) fn recent(run: RunSummary) -> RecentRun {
    RecentRun {
        id: run.key.run,
        version: run.version,
        display_name: run.display_name,
        start: run.start,
        state: run.state,
    }
}

/// The usual duration in JSON, in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct UsualSeconds {
    median: f64,
    low: f64,
    high: f64,
}

impl From<UsualDuration> for UsualSeconds {
    fn from(usual: UsualDuration) -> Self {
        Self {
            median: usual.median.as_secs_f64(),
            low: usual.low.as_secs_f64(),
            high: usual.high.as_secs_f64(),
        }
    }
}

/// The failures in a row up to the newest of some runs that has ended.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FailureStreak {
    /// How many runs failed in a row, at least one.
    pub(crate) failures: usize,
    /// The first of them.
    pub(crate) first: RunReference,
    /// The newest of them.
    pub(crate) newest: RunReference,
    /// Whether there may be more failures before the first one, among runs that were not read.
    pub(crate) may_be_longer: bool,
    /// The newest run before them that completed, with or without warnings.
    pub(crate) last_good: Option<RunReference>,
}

impl FailureStreak {
    /// The streak of these runs; `None` if the newest one that has ended did not fail. `are_all` says that there are no runs
    /// before them.
    pub(crate) fn of(runs: &[RecentRun], are_all: bool) -> Option<Self> {
        let FailingSince { first, last, failed, last_success } = failing_since(runs)?;
        let ended = runs.iter().filter(|run| run.end().is_some()).count();
        Some(Self {
            failures: failed,
            first: (&first).into(),
            newest: (&last).into(),
            may_be_longer: !are_all && failed == ended,
            last_good: last_success.as_ref().map(Into::into),
        })
    }

    /// The same with the last good run, if it is none of the runs that were read.
    pub(crate) fn with_last_good(self, older: Option<&RecentRun>) -> Self {
        let last_good = self.last_good.or_else(|| older.map(Into::into));
        Self { last_good, ..self }
    }
}

#[cfg(test)]
mod tests {
    use flowruns_domain::{
        run::{Outcome, RunState},
        version::Version,
    };
    use flowruns_testing::fixtures::{fresh_flow, fresh_tenant, name, run_key, time};

    use super::*;

    /// Runs with these outcomes, an hour apart, the newest first.
    fn runs(outcomes: &[Outcome]) -> Vec<RecentRun> {
        let flow = fresh_flow(fresh_tenant()).key;
        let run = |(index, outcome): (usize, &Outcome)| {
            let number = outcomes.len() - index;
            let at = time(&format!("2026-03-01T{number:02}:30:00Z"));
            RecentRun {
                id: run_key(flow, number as u64).run,
                version: Version::FIRST,
                display_name: name(&format!("Run {number}")),
                start: time(&format!("2026-03-01T{number:02}:00:00Z")),
                state: RunState::Ended { outcome: *outcome, at },
            }
        };
        outcomes.iter().enumerate().map(run).collect()
    }

    #[test]
    fn a_streak_of_all_runs_that_were_read_may_be_longer_unless_they_are_all_runs() {
        let runs = runs(&[Outcome::Failed, Outcome::Failed]);
        assert!(FailureStreak::of(&runs, false).unwrap().may_be_longer);
        let streak = FailureStreak::of(&runs, true).unwrap();
        assert!(!streak.may_be_longer && streak.last_good.is_none());
        let older = runs_with_success().pop();
        assert_eq!(streak.with_last_good(older.as_ref()).last_good.unwrap().name, "Run 1");
    }

    fn runs_with_success() -> Vec<RecentRun> {
        runs(&[Outcome::Failed, Outcome::CompletedWithErrors, Outcome::Completed])
    }

    #[test]
    fn a_run_that_did_not_fail_ends_the_streak_and_is_not_always_a_good_one() {
        let streak = FailureStreak::of(&runs_with_success(), false).unwrap();
        assert_eq!((streak.failures, streak.may_be_longer), (1, false));
        assert_eq!(streak.last_good.unwrap().name, "Run 1");
        assert_eq!(FailureStreak::of(&runs_with_success()[1..], true), None);
    }
}
