//! Failures in a row: since when a flow fails, and which run was the last good one.

use flowruns_domain::{
    dashboard::{Neighbours, RecentRun},
    id::RunId,
    run::{Outcome, RunStatus, RunSummary},
    timestamp::Timestamp,
};
use serde::Serialize;

use crate::{
    json,
    view::{chart::UsualDuration, time::between},
};

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

impl From<&RunSummary> for RunReference {
    fn from(run: &RunSummary) -> Self {
        Self {
            id: run.key.run,
            name: run.display_name.as_str().to_owned(),
            status: run.state.status(),
            start: run.start,
            end: run.state.end(),
        }
    }
}

impl RunReference {
    /// From start to end, or to now, in seconds.
    pub(crate) fn seconds(&self, now: Timestamp) -> f64 {
        between(self.start, self.end.unwrap_or(now)).as_seconds_f64()
    }

    pub(crate) fn is_failed(&self) -> bool {
        self.status == RunStatus::Ended(Outcome::Failed)
    }

    /// Whether the run did its work: it completed, with or without warnings.
    pub(crate) fn is_good(&self) -> bool {
        Neighbours::SUCCESSES.map(RunStatus::Ended).contains(&self.status)
    }
}

/// The usual duration of the runs that ended and did not fail.
pub(crate) fn usual_duration(runs: &[RunReference]) -> Option<UsualDuration> {
    let ended = runs.iter().filter(|run| !run.is_failed());
    UsualDuration::of(ended.filter_map(|run| Some(run.seconds(run.end?))))
}

/// The failures in a row up to the newest run that has ended.
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
    /// The streak of these runs, the newest first; `None` if the newest one that has ended did not fail. `are_all` says that
    /// there are no runs before them.
    pub(crate) fn of(newest_first: &[RunReference], are_all: bool) -> Option<Self> {
        let ended = || newest_first.iter().filter(|run| run.end.is_some());
        let failed: Vec<&RunReference> = ended().take_while(|run| run.is_failed()).collect();
        let (newest, first) = (failed.first()?, failed.last()?);
        Some(Self {
            failures: failed.len(),
            first: (*first).clone(),
            newest: (*newest).clone(),
            may_be_longer: !are_all && ended().all(RunReference::is_failed),
            last_good: ended().find(|run| run.is_good()).cloned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use flowruns_testing::fixtures::{fresh_flow, fresh_tenant, run_key, time};

    use super::*;

    /// Runs with these outcomes, an hour apart, the newest first; `None` for a run in progress.
    fn runs(outcomes: &[Option<Outcome>]) -> Vec<RunReference> {
        let flow = fresh_flow(fresh_tenant()).key;
        let run = |(index, outcome): (usize, &Option<Outcome>)| {
            let number = outcomes.len() - index;
            RunReference {
                id: run_key(flow, number as u64).run,
                name: format!("Run {number}"),
                status: outcome.map_or(RunStatus::Running, RunStatus::Ended),
                start: time(&format!("2026-03-01T{number:02}:00:00Z")),
                end: outcome.map(|_| time(&format!("2026-03-01T{number:02}:30:00Z"))),
            }
        };
        outcomes.iter().enumerate().map(run).collect()
    }

    const FAILED: Option<Outcome> = Some(Outcome::Failed);
    const COMPLETED: Option<Outcome> = Some(Outcome::Completed);
    const ERRORS: Option<Outcome> = Some(Outcome::CompletedWithErrors);

    #[test]
    fn the_failures_since_the_last_run_that_did_not_fail_are_a_streak() {
        let runs = runs(&[None, FAILED, FAILED, ERRORS, COMPLETED, FAILED]);
        let streak = FailureStreak::of(&runs, false).unwrap();
        assert_eq!(streak.failures, 2);
        assert_eq!((streak.newest.name.as_str(), streak.first.name.as_str()), ("Run 5", "Run 4"));
        assert_eq!(streak.last_good.unwrap().name, "Run 2");
        assert!(!streak.may_be_longer);
    }

    #[test]
    fn a_flow_whose_newest_ended_run_did_not_fail_has_no_streak() {
        for outcomes in [&[][..], &[None], &[COMPLETED, FAILED], &[None, ERRORS, FAILED]] {
            assert_eq!(FailureStreak::of(&runs(outcomes), true), None, "{outcomes:?}");
        }
    }

    #[test]
    fn a_streak_of_all_runs_that_were_read_may_be_longer_unless_they_are_all_runs() {
        let runs = runs(&[FAILED, FAILED]);
        assert!(FailureStreak::of(&runs, false).unwrap().may_be_longer);
        let streak = FailureStreak::of(&runs, true).unwrap();
        assert!(!streak.may_be_longer && streak.last_good.is_none());
    }
}
