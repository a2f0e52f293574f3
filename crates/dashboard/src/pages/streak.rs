//! Failures in a row: since when a flow fails, and which run was the last good one.

use flowruns_domain::{
    id::RunId,
    run::{Outcome, RunStatus, RunSummary},
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
}

impl From<&RunSummary> for RunReference {
    fn from(run: &RunSummary) -> Self {
        Self {
            id: run.key.run,
            name: run.display_name.as_str().to_owned(),
            status: run.state.status(),
            start: run.start,
        }
    }
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
    pub(crate) fn of(newest_first: &[RunSummary], are_all: bool) -> Option<Self> {
        let ended = || newest_first.iter().filter(|run| run.state.end().is_some());
        let failed: Vec<&RunSummary> = ended().take_while(|run| is_failed(run)).collect();
        let (newest, first) = (failed.first()?, failed.last()?);
        Some(Self {
            failures: failed.len(),
            first: (*first).into(),
            newest: (*newest).into(),
            may_be_longer: !are_all && ended().all(is_failed),
            last_good: ended().find(|run| is_good(run.state.status())).map(Into::into),
        })
    }
}

fn is_failed(run: &RunSummary) -> bool {
    run.state.status() == RunStatus::Ended(Outcome::Failed)
}

/// Whether a run did its work: it completed, with or without warnings.
pub(crate) const fn is_good(status: RunStatus) -> bool {
    matches!(status, RunStatus::Ended(Outcome::Completed | Outcome::CompletedWithWarnings))
}

#[cfg(test)]
pub(crate) mod tests {
    use flowruns_domain::{id::FlowKey, run::RunState, version::Version};
    use flowruns_testing::fixtures::{fresh_flow, fresh_tenant, name, run_key, time};

    use super::*;

    /// Runs with these outcomes, an hour apart, the newest first; `None` for a run in progress.
    pub(crate) fn runs(outcomes: &[Option<Outcome>]) -> Vec<RunSummary> {
        let flow = fresh_flow(fresh_tenant()).key;
        let count = outcomes.len();
        outcomes.iter().enumerate().map(|(index, outcome)| run(flow, count - index, *outcome)).collect()
    }

    fn run(flow: FlowKey, number: usize, outcome: Option<Outcome>) -> RunSummary {
        let start = time(&format!("2026-03-01T{number:02}:00:00Z"));
        let at = time(&format!("2026-03-01T{number:02}:30:00Z"));
        RunSummary {
            key: run_key(flow, number as u64),
            version: Version::FIRST,
            display_name: name(&format!("Run {number}")),
            start,
            state: outcome.map_or(RunState::Running, |outcome| RunState::Ended { outcome, at }),
        }
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
