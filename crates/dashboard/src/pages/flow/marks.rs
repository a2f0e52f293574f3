//! What is noticeable about a flow, in words: late, or with a run that may be stale.

use flowruns_domain::{
    cadence::{duration, late, stalest, usual_duration, usual_duration_of_work, usual_gap},
    dashboard::{RecentRun, RunsPerFlow},
    flow::Flow,
    timestamp::Timestamp,
};
use serde::Serialize;

use crate::view::time::{ago, every, rough, rough_length, seconds};

/// How many of the newest runs make the habit of a flow, as on the overview.
const HABIT: usize = RunsPerFlow::MAX.get() as usize;

/// Something noticeable with its reason.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub(super) struct Mark {
    pub(super) kind: MarkKind,
    pub(super) reason: String,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum MarkKind {
    Late,
    Stale,
}

/// The marks of a flow, and how often it usually runs; the runs are the newest first.
pub(super) fn marks(
    flow: &Flow,
    newest: &[RecentRun],
    now: Timestamp,
) -> (Vec<Mark>, Option<String>) {
    let runs = newest.get(..HABIT).unwrap_or(newest);
    let late = late(&flow.properties, runs, now).map(|late| Mark {
        kind: MarkKind::Late,
        reason: format!(
            "late: usually every {}; last started {}",
            rough_of(late.usual.median),
            ago(late.last_start, now)
        ),
    });
    let usually = usual_duration_of_work(runs)
        .map(|usual| format!(", usually {}", seconds(usual.median.as_secs_f64())))
        .unwrap_or_default();
    let stale = stalest(runs, usual_duration(runs), now).map(|run| Mark {
        kind: MarkKind::Stale,
        reason: format!("may be stale: running for {}{usually}", rough_length(duration(run, now))),
    });
    let cadence = usual_gap(runs).map(|gap| format!("usually {}", every(gap.median)));
    (late.into_iter().chain(stale).collect(), cadence)
}

/// A duration in one unit, rounded: a flow that starts a few seconds late each day runs every 24 h.
fn rough_of(length: std::time::Duration) -> String {
    let seconds = length.as_secs();
    let unit = match seconds {
        0..60 => 1,
        60..5_400 => 60,
        5_400..172_800 => 3_600,
        _ => 86_400,
    };
    let rounded = (seconds + unit / 2) / unit * unit;
    rough(i64::try_from(rounded).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use flowruns_domain::{
        run::{Outcome, RunState},
        version::Version,
    };
    use flowruns_testing::fixtures::{fresh_flow, fresh_tenant, name, run_key, time};

    use super::*;

    /// Runs that started at three o'clock on the first days of March and took half an hour, the newest first.
    fn daily(flow: &Flow, days: u64) -> Vec<RecentRun> {
        let run = |day: u64| {
            let at = time(&format!("2026-03-{day:02}T03:30:00Z"));
            RecentRun {
                id: run_key(flow.key, day).run,
                version: Version::FIRST,
                display_name: name("Nightly"),
                start: time(&format!("2026-03-{day:02}T03:00:{:02}Z", day % 3)),
                state: RunState::Ended { outcome: Outcome::Completed, at },
            }
        };
        (1..=days).rev().map(run).collect()
    }

    #[test]
    fn a_flow_that_has_not_started_for_longer_than_usual_is_late() {
        let flow = fresh_flow(fresh_tenant());
        let runs = daily(&flow, 20);
        let (marks, cadence) = marks(&flow, &runs, time("2026-03-23T04:00:00Z"));
        assert_eq!(cadence.as_deref(), Some("usually daily"));
        let [mark] = marks.as_slice() else { panic!("{marks:?}") };
        assert_eq!(mark.kind, MarkKind::Late);
        assert_eq!(mark.reason, "late: usually every 24 h; last started 3 days ago");
        let on_time = super::marks(&flow, &runs, time("2026-03-20T23:00:00Z"));
        assert_eq!(on_time.0, []);
    }

    #[test]
    fn a_run_that_goes_on_for_far_longer_than_usual_may_be_stale() {
        let flow = fresh_flow(fresh_tenant());
        let mut runs = daily(&flow, 20);
        runs[0].state = RunState::Running;
        let (marks, _) = marks(&flow, &runs, time("2026-03-20T12:00:02Z"));
        let [mark] = marks.as_slice() else { panic!("{marks:?}") };
        assert_eq!(mark.kind, MarkKind::Stale);
        assert_eq!(mark.reason, "may be stale: running for 9 h, usually 29 min 59 s");
    }

    #[test]
    fn a_flow_with_few_runs_has_no_habit() {
        let flow = fresh_flow(fresh_tenant());
        let runs = daily(&flow, 3);
        assert_eq!(marks(&flow, &runs, time("2026-12-01T00:00:00Z")), (Vec::new(), None));
    }
}
