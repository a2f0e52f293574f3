//! The flows: how often they run, for how long, and how they end.

use flowruns_domain::{
    flow::ReadinessStatus,
    run::{Outcome, RunStatus},
    timestamp::Timestamp,
};

pub(super) const FAILING: &str = "SIS roster import (Skyward)";
pub(super) const WARNED: &str = "OneRoster CSV: Bellevue ISD";
pub(super) const RUNNING: &str = "SIS roster import (PowerSchool)";
pub(super) const STALE: &str = "Meal eligibility (state feed)";

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;
const WEEK: u64 = 7 * DAY;

const COMPLETED: RunStatus = RunStatus::Ended(Outcome::Completed);
const WARNINGS: RunStatus = RunStatus::Ended(Outcome::CompletedWithWarnings);
const ERRORS: RunStatus = RunStatus::Ended(Outcome::CompletedWithErrors);
const FAILED: RunStatus = RunStatus::Ended(Outcome::Failed);

/// A flow and how its runs are drawn.
pub(super) struct FlowPlan {
    pub(super) name: &'static str,
    pub(super) readiness: ReadinessStatus,
    /// Seconds between two starts.
    pub(super) every: u64,
    /// Seconds from the newest start until now.
    pub(super) last_start: u64,
    pub(super) runs: usize,
    /// The usual duration, and how much it varies.
    pub(super) seconds: f64,
    pub(super) spread: f64,
    /// The usual number of records.
    pub(super) records: u64,
    /// How often a run ends as completed, with warnings, with errors, and failed.
    pub(super) weights: [u64; 4],
    /// The statuses of the newest runs, the newest first.
    pub(super) newest: &'static [RunStatus],
    /// What the names of its runs begin with.
    pub(super) label: &'static str,
}

impl FlowPlan {
    /// The name of a run that starts then.
    pub(super) fn run_name(&self, start: Timestamp) -> String {
        let format = if self.every < DAY { "%Y-%m-%d %H:%M" } else { "%Y-%m-%d" };
        format!("{} {}", self.label, start.date_time().format(format))
    }
}

const DAILY: FlowPlan = FlowPlan {
    name: "",
    readiness: ReadinessStatus::Ready,
    every: DAY,
    last_start: 9 * HOUR,
    runs: 60,
    seconds: 600.0,
    spread: 0.15,
    records: 20_000,
    weights: [94, 4, 1, 1],
    newest: &[COMPLETED],
    label: "Nightly",
};
const HOURLY: FlowPlan = FlowPlan {
    every: HOUR,
    last_start: 8 * MINUTE,
    runs: 80,
    seconds: 45.0,
    records: 1_200,
    label: "Hourly",
    ..DAILY
};
const WEEKLY: FlowPlan =
    FlowPlan { every: WEEK, runs: 52, seconds: 5_400.0, label: "Week of", ..DAILY };

/// How many flows there are.
pub(super) const COUNT: usize = 14;

pub(super) static FLOWS: [FlowPlan; COUNT] = [
    FlowPlan {
        name: "Assessment scores (NWEA MAP)",
        seconds: 412.0,
        weights: [90, 10, 0, 0],
        newest: &[WARNINGS],
        ..DAILY
    },
    FlowPlan {
        name: "Attendance codes",
        weights: [96, 2, 0, 2],
        newest: &[COMPLETED; 3],
        ..HOURLY
    },
    FlowPlan {
        name: "Fees & fines <legacy ledger>",
        last_start: 11 * HOUR,
        seconds: 95.0,
        spread: 0.3,
        weights: [80, 14, 4, 2],
        ..DAILY
    },
    FlowPlan {
        name: "Guardian contacts",
        last_start: 3 * HOUR,
        seconds: 1_290.0,
        records: 61_000,
        weights: [58, 20, 22, 0],
        newest: &[ERRORS, ERRORS, COMPLETED, ERRORS],
        ..DAILY
    },
    FlowPlan {
        name: STALE,
        last_start: 9 * HOUR,
        weights: [86, 8, 4, 2],
        newest: &[RunStatus::Running],
        ..WEEKLY
    },
    FlowPlan {
        name: "OneRoster API: Northshore",
        last_start: 21 * MINUTE,
        seconds: 61.0,
        spread: 0.3,
        weights: [94, 2, 2, 2],
        newest: &[COMPLETED, COMPLETED, FAILED],
        ..HOURLY
    },
    FlowPlan {
        name: WARNED,
        last_start: 4 * HOUR,
        seconds: 880.0,
        records: 34_500,
        weights: [30, 64, 3, 3],
        newest: &[WARNINGS, WARNINGS],
        ..DAILY
    },
    FlowPlan {
        name: "Section enrollments, delta, of all schools of the district that take part in the state pilot",
        every: 15 * MINUTE,
        last_start: 6 * MINUTE,
        runs: 220,
        seconds: 23.0,
        records: 300,
        weights: [197, 2, 0, 1],
        newest: &[COMPLETED; 60],
        label: "Delta",
        ..HOURLY
    },
    FlowPlan {
        name: RUNNING,
        last_start: 9 * MINUTE,
        seconds: 1_540.0,
        spread: 0.08,
        records: 52_400,
        newest: &[RunStatus::Running, COMPLETED],
        ..DAILY
    },
    FlowPlan {
        name: FAILING,
        last_start: 17 * HOUR + 41 * MINUTE,
        runs: 100,
        seconds: 1_985.0,
        spread: 0.1,
        records: 49_100,
        weights: [88, 8, 2, 2],
        newest: &[FAILED, FAILED, COMPLETED, COMPLETED],
        ..DAILY
    },
    FlowPlan {
        name: "Student photos (Lifetouch)",
        last_start: 50 * MINUTE,
        seconds: 7_300.0,
        records: 8_800,
        weights: [90, 10, 0, 0],
        newest: &[RunStatus::Running, COMPLETED],
        ..WEEKLY
    },
    FlowPlan {
        name: "Summer school enrollments",
        readiness: ReadinessStatus::NotReady,
        runs: 0,
        ..DAILY
    },
    // The newest start was due yesterday.
    FlowPlan { name: "Teacher assignments (HR)", last_start: 43 * HOUR, seconds: 240.0, ..DAILY },
    FlowPlan {
        name: "Transportation routes",
        runs: 23,
        seconds: 505.0,
        weights: [86, 8, 4, 2],
        ..DAILY
    },
];
