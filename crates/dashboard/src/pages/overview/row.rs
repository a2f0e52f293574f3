//! One flow of the overview.

use std::time::Duration;

use chrono::TimeDelta;
use flowruns_domain::{
    cadence::{self, Late, Success, UsualDuration},
    dashboard::RecentRun,
    flow::{Flow, ReadinessStatus},
    id::{FlowId, FlowKey, RunId},
    run::{Outcome, RunStatus},
    timestamp::Timestamp,
    version::Version,
};
use maud::{Markup, html};
use serde::{Serialize, Serializer, ser::SerializeStruct as _};

use super::marks::Marks;
use crate::{
    address::ChosenRun,
    links::Links,
    view::{
        choose,
        icon::{Icon, icon},
        spark::spark,
        status::{badge, look},
        strip::{Cell, strip},
        time::{between, duration, every, rough_length, ticking_ago, ticking_duration},
    },
};

/// A flow with its last runs.
#[derive(Clone, Debug)]
pub(super) struct FlowRow {
    flow: FlowKey,
    name: String,
    readiness: ReadinessStatus,
    /// The last runs, the oldest first.
    cells: Vec<Cell>,
    last: Option<LastRun>,
    running: Option<RunningRuns>,
    success: Success,
    usual_gap: Option<Duration>,
    usual_duration: Option<UsualDuration>,
    /// The durations of the runs that ended, in seconds, the oldest first.
    seconds: Vec<f64>,
    late: Option<Late>,
    stale: Option<StaleRun>,
}

/// The run that ended last, by its start.
#[derive(Clone, Copy, Debug)]
struct LastRun {
    run: RunId,
    status: RunStatus,
    start: Timestamp,
    end: Timestamp,
}

/// The runs in progress among the last runs.
#[derive(Clone, Copy, Debug)]
struct RunningRuns {
    count: usize,
    /// The one that started last.
    newest: RunId,
    since: Timestamp,
}

/// The stale run that started first.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct StaleRun {
    run: RunId,
    /// The version that is shown, for actions on the run.
    version: Version,
    since: Timestamp,
}

impl FlowRow {
    /// A flow and its last runs, the newest first.
    pub(super) fn new(flow: &Flow, runs: &[RecentRun], now: Timestamp) -> Self {
        let stale = cadence::stalest(runs, cadence::usual_duration(runs), now);
        let oldest_first = runs.iter().rev();
        let ended = oldest_first.clone().filter(|run| run.end().is_some());
        Self {
            flow: flow.key,
            name: flow.properties.display_name.as_str().to_owned(),
            readiness: flow.properties.readiness_status,
            cells: oldest_first.map(cell).collect(),
            last: runs.iter().find_map(LastRun::of),
            running: RunningRuns::of(runs),
            success: cadence::success(runs),
            usual_gap: cadence::usual_gap(runs).map(|gap| gap.median),
            usual_duration: cadence::usual_duration_of_work(runs),
            seconds: ended.map(|run| cadence::duration(run, now).as_secs_f64()).collect(),
            late: cadence::late(&flow.properties, runs, now),
            stale: stale.map(|run| StaleRun {
                run: run.id,
                version: run.version,
                since: run.start,
            }),
        }
    }

    pub(super) const fn flow_id(&self) -> FlowId {
        self.flow.flow
    }

    pub(super) fn marks(&self) -> Marks {
        let is_bad = |last: LastRun| {
            matches!(last.status, RunStatus::Ended(Outcome::Failed | Outcome::CompletedWithErrors))
        };
        Marks {
            is_running: self.running.is_some(),
            is_late: self.late.is_some(),
            is_stale: self.stale.is_some(),
            ended_badly: self.last.is_some_and(is_bad),
        }
    }

    /// The id of its element.
    pub(super) fn id(&self) -> String {
        format!("flow-{}", self.flow.flow)
    }

    /// The row; `chooses` adds the check box of its stale run.
    pub(super) fn markup(&self, links: &Links, now: Timestamp, chooses: bool) -> Markup {
        let marks = self.marks();
        let is_failed =
            self.last.is_some_and(|last| last.status == RunStatus::Ended(Outcome::Failed));
        let is_mild = !is_failed && (marks.ended_badly || marks.is_late || marks.is_stale);
        html! {
            tr.pick.look[is_failed || is_mild].mild[is_mild] id=(self.id()) {
                td.full {
                    span.two {
                        a.name href=(links.flow(self.flow.flow)) { bdi { (self.name) } }
                        span.row.small { (self.habit()) (self.mark_badges(links, now, chooses)) }
                    }
                }
                td.full { (strip(self.flow, &self.cells, links)) }
                td { (self.last_outcome(links, now)) }
                td.end.no[self.running.is_none()] { (self.running_now(links, now)) }
                td.num { (self.success_rate()) }
                td.spark-cell.end.no[self.seconds.len() < 2] { (self.durations()) }
            }
        }
    }

    /// How often it runs, or why it does not.
    fn habit(&self) -> Markup {
        html! {
            @match (self.readiness, self.usual_gap) {
                (ReadinessStatus::Ready, Some(gap)) => span.dim { (every(gap)) },
                (ReadinessStatus::Ready, None) => {},
                (readiness, _) => span.dim { "readiness: " (readiness.as_str()) },
            }
        }
    }

    fn mark_badges(&self, links: &Links, now: Timestamp, chooses: bool) -> Markup {
        html! {
            @if let Some(late) = self.late {
                span.mark {
                    (icon(Icon::Late)) "late: no run for " (rough_length(late.silence)) ", usually " (every(late.usual.median))
                }
            }
            @if let Some(stale) = self.stale {
                span.pair {
                    @if chooses { (choose::check_box(self.chosen(stale), &format!("the stale run of {}", self.name))) }
                    a.mark href=(links.run(self.flow.run(stale.run))) {
                        (icon(Icon::Stale)) "may be stale: running for " (rough_length(now.since(stale.since)))
                        @if let Some(usual) = self.usual_duration { ", usually " (shown(usual.median)) }
                    }
                }
            }
        }
    }

    const fn chosen(&self, stale: StaleRun) -> ChosenRun {
        ChosenRun::new(self.flow.run(stale.run), stale.version)
    }

    fn last_outcome(&self, links: &Links, now: Timestamp) -> Markup {
        html! {
            @match self.last {
                Some(last) => {
                    span.two {
                        a href=(links.run(self.flow.run(last.run))) { (badge(last.status)) }
                        span.small.dim { (ticking_ago(last.end, now)) " · " (duration(between(last.start, last.end))) }
                    }
                }
                None if self.cells.is_empty() => span.badge.none { "never ran" },
                None => span.badge.none { "none ended" },
            }
        }
    }

    fn running_now(&self, links: &Links, now: Timestamp) -> Markup {
        html! {
            @if let Some(running) = self.running {
                a.badge.run href=(links.run(self.flow.run(running.newest))) {
                    (icon(Icon::Running))
                    span.sr { "running for " }
                    (ticking_duration(running.since, now))
                    @if running.count > 1 { " +" (running.count - 1) span.sr { " more" } }
                }
            }
        }
    }

    fn success_rate(&self) -> Markup {
        html! {
            @match self.success.percent() {
                Some(percent) => {
                    span.rate {
                        b { (percent) " %" }
                        svg.meter viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true" {
                            rect width="100" height="4" {}
                            rect width=(percent) height="4" {}
                        }
                        span.small.dim { (self.success.succeeded) " of " (self.success.ended) }
                    }
                }
                None => span.dim { "–" },
            }
        }
    }

    fn durations(&self) -> Markup {
        let Some(usual) = self.usual_duration else {
            return Markup::default();
        };
        let class = self.last.map_or("ok", |last| look(last.status).class);
        html! {
            span.two {
                (spark(&self.seconds, usual.median.as_secs_f64(), class))
                span.small.dim { (shown(usual.median)) }
            }
        }
    }
}

fn cell(run: &RecentRun) -> Cell {
    Cell { run: run.id, status: run.status(), start: run.start, end: run.end() }
}

fn shown(length: Duration) -> String {
    duration(TimeDelta::from_std(length).unwrap_or(TimeDelta::MAX))
}

impl LastRun {
    fn of(run: &RecentRun) -> Option<Self> {
        let end = run.end()?;
        Some(Self { run: run.id, status: run.status(), start: run.start, end })
    }
}

impl RunningRuns {
    fn of(runs: &[RecentRun]) -> Option<Self> {
        let mut running = runs.iter().filter(|run| run.status() == RunStatus::Running);
        let newest = running.next()?;
        Some(Self { count: 1 + running.count(), newest: newest.id, since: newest.start })
    }
}

/// The row as JSON: times and ids as text, durations in seconds.
impl Serialize for FlowRow {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let marks = self.marks();
        let mut row = serializer.serialize_struct("FlowRow", 12)?;
        row.serialize_field("id", &self.flow.flow.to_string())?;
        row.serialize_field("name", &self.name)?;
        row.serialize_field("readinessStatus", self.readiness.as_str())?;
        row.serialize_field("usualGapSeconds", &self.usual_gap.map(|gap| gap.as_secs()))?;
        row.serialize_field(
            "usualDurationSeconds",
            &self.usual_duration.map(|usual| usual.median.as_secs_f64()),
        )?;
        row.serialize_field("succeeded", &self.success.succeeded)?;
        row.serialize_field("ended", &self.success.ended)?;
        row.serialize_field("isLate", &marks.is_late)?;
        row.serialize_field("isStale", &marks.is_stale)?;
        row.serialize_field(
            "needsAttention",
            &(marks.is_late || marks.is_stale || marks.ended_badly),
        )?;
        row.serialize_field("running", &self.running.map_or(0, |running| running.count))?;
        row.serialize_field("runs", &self.cells)?;
        row.end()
    }
}
