//! The geometry of the timeline: runs of a flow as bars on an axis of time.
//!
//! A lane is a picture of [`WIDTH`] by [`HEIGHT`] units, which stretches to the width of the page. Runs that start close to
//! each other share one bar, so that a page has at most [`MAX_BARS`] of them: the window is divided into slots, as many as
//! the runs of the page allow, and the runs that start in one slot become one bar with the worst of their statuses.

use flowruns_domain::{
    id::RunId,
    run::{Outcome, RunStatus},
    timestamp::Timestamp,
};

/// The width of a lane, in units.
pub(crate) const WIDTH: f64 = 1440.0;
/// The height of a lane, in units.
pub(crate) const HEIGHT: u32 = 34;
/// The narrowest bar, in units, so that a short run can be seen and clicked.
const MIN_WIDTH: f64 = 4.0;
/// The largest number of bars of a page, which bounds its bytes.
pub(crate) const MAX_BARS: usize = 400;
/// How many slots a window may have, from the finest division to the coarsest. Each slot of the finest is less wide than
/// the narrowest bar.
const SLOTS: [u32; 8] = [720, 480, 288, 144, 96, 48, 24, 12];

/// The time that the lanes of a page show.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Axis {
    /// The left edge.
    pub(crate) from: Timestamp,
    /// The right edge, after `from`.
    pub(crate) to: Timestamp,
    /// The current time, up to which runs in progress reach.
    pub(crate) now: Timestamp,
}

/// A run in a lane.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct LaneRun {
    /// The run.
    pub(crate) id: RunId,
    /// Its status.
    pub(crate) status: RunStatus,
    /// When it started.
    pub(crate) start: Timestamp,
    /// When it ended; `None` while it is in progress.
    pub(crate) end: Option<Timestamp>,
}

/// One or more runs that start in the same slot.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Bar {
    /// The runs, the earliest first, at least one.
    pub(crate) runs: Vec<LaneRun>,
    /// The worst of the statuses.
    pub(crate) status: RunStatus,
    /// The left edge, in units.
    pub(crate) x: f64,
    /// The width, in units.
    pub(crate) width: f64,
}

impl Axis {
    /// The position of a time, in units, within the lane.
    pub(crate) fn x(&self, time: Timestamp) -> f64 {
        let length = seconds_between(self.from, self.to);
        let x = seconds_between(self.from, time) / length * WIDTH;
        x.clamp(0.0, WIDTH)
    }

    /// The position of the current time; `None` outside the window.
    pub(crate) fn now_x(&self) -> Option<f64> {
        let is_inside = (self.from..=self.to).contains(&self.now);
        is_inside.then(|| self.x(self.now))
    }

    /// Whether a part of a run is in the window.
    pub(crate) fn shows(&self, run: &LaneRun) -> bool {
        run.start < self.to && self.end_of(run) >= self.from
    }

    /// A run in progress reaches the current time. One that starts in the future, by the clock of its client, has no length.
    fn end_of(&self, run: &LaneRun) -> Timestamp {
        run.end.unwrap_or(self.now).max(run.start)
    }

    /// Where runs start, in units.
    fn starts(&self, runs: &[LaneRun]) -> Vec<f64> {
        runs.iter().map(|run| self.x(run.start)).collect()
    }

    /// The bars of a lane. `runs` are those that the window shows, the earliest first.
    pub(crate) fn bars(&self, runs: &[LaneRun], slots: u32) -> Vec<Bar> {
        let (starts, mut rest) = (self.starts(runs), runs);
        let bars = in_slots(&starts, slots).filter_map(|starts| {
            let (runs, after) = rest.split_at(starts.len());
            rest = after;
            self.bar(runs)
        });
        bars.collect()
    }

    fn bar(&self, runs: &[LaneRun]) -> Option<Bar> {
        let start = runs.iter().map(|run| run.start).min()?;
        let end = runs.iter().map(|run| self.end_of(run)).max()?;
        let status = runs.iter().map(|run| run.status).max_by_key(|status| severity(*status))?;
        let width = (self.x(end) - self.x(start)).max(MIN_WIDTH);
        // A bar at the right edge stays inside.
        let x = self.x(start).min(WIDTH - width).max(0.0);
        Some(Bar { runs: runs.to_vec(), status, x, width })
    }

    /// The finest division with which the lanes of a page have at most [`MAX_BARS`] bars.
    pub(crate) fn slots(&self, lanes: &[&[LaneRun]]) -> u32 {
        // The position of a run is computed once, not for each division.
        let lanes: Vec<Vec<f64>> = lanes.iter().map(|runs| self.starts(runs)).collect();
        let fits = |slots: &u32| {
            let bars = lanes.iter().map(|starts| in_slots(starts, *slots).count());
            bars.sum::<usize>() <= MAX_BARS
        };
        let coarsest = SLOTS[SLOTS.len() - 1];
        SLOTS.into_iter().find(fits).unwrap_or(coarsest)
    }
}

/// The starts of runs, in units, by the slot in which they are. Runs that started before the window are in the first one.
fn in_slots(starts: &[f64], slots: u32) -> impl Iterator<Item = &[f64]> {
    // A non-negative number below 2^32, of which the fraction is cut off.
    let slot = move |start: f64| (start / WIDTH * f64::from(slots)) as u32;
    starts.chunk_by(move |one, other| slot(*one) == slot(*other))
}

fn seconds_between(earlier: Timestamp, later: Timestamp) -> f64 {
    let length = later.date_time() - earlier.date_time();
    length.num_milliseconds() as f64 / 1000.0
}

/// How bad a status is, and so how high its bar: a run in progress is not bad yet, but must be seen before one that has
/// completed.
pub(crate) const fn severity(status: RunStatus) -> u32 {
    match status {
        RunStatus::Ended(Outcome::Completed) => 0,
        RunStatus::Running => 1,
        RunStatus::Ended(Outcome::CompletedWithWarnings) => 2,
        RunStatus::Ended(Outcome::CompletedWithErrors) => 3,
        RunStatus::Ended(Outcome::Failed) => 4,
    }
}

/// The height of a bar, in units.
pub(crate) const fn height(status: RunStatus) -> u32 {
    match status {
        RunStatus::Ended(Outcome::Completed) => 10,
        RunStatus::Running => 12,
        RunStatus::Ended(Outcome::CompletedWithWarnings) => 16,
        RunStatus::Ended(Outcome::CompletedWithErrors) => 21,
        RunStatus::Ended(Outcome::Failed) => 27,
    }
}

#[cfg(test)]
mod tests {
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

    #[test]
    fn a_minute_of_a_day_is_one_unit_wide() {
        let axis = day();
        let [bar] = &axis.bars(&[run(&axis, 60, Some(90), COMPLETED)], 480)[..] else { panic!() };
        assert_eq!((bar.x, bar.width, bar.status), (60.0, 30.0, COMPLETED));
    }

    #[test]
    fn a_run_in_progress_reaches_now() {
        let axis = day();
        let [bar] = &axis.bars(&[run(&axis, 1320, None, RunStatus::Running)], 480)[..] else {
            panic!()
        };
        assert_eq!((bar.x, bar.width), (1320.0, 60.0));
        assert_eq!(axis.now_x(), Some(1380.0));
    }

    #[test]
    fn a_short_run_is_wide_enough_to_be_seen_and_stays_inside() {
        let axis = day();
        for start in [700, 1439] {
            let [bar] = &axis.bars(&[run(&axis, start, Some(start), COMPLETED)], 480)[..] else {
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
        let [bar] = &axis.bars(&[early], 480)[..] else { panic!() };
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
            run(&axis, 29, Some(50), COMPLETED),
            run(&axis, 30, Some(35), COMPLETED),
        ];
        let [first, second] = &axis.bars(&runs, 48)[..] else { panic!() };
        assert_eq!((first.runs.len(), first.status), (3, FAILED));
        assert_eq!((first.x, first.width), (0.0, 50.0));
        assert_eq!((second.runs.len(), second.status), (1, COMPLETED));
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
            let slots = axis.slots(&lanes.iter().map(Vec::as_slice).collect::<Vec<_>>());
            let mut total = 0;
            for runs in &lanes {
                let bars = axis.bars(runs, slots);
                total += bars.len();
                let held: Vec<LaneRun> = bars.iter().flat_map(|bar| bar.runs.clone()).collect();
                prop_assert_eq!(&held, runs);
                for bar in &bars {
                    prop_assert!(bar.x >= 0.0 && bar.width >= MIN_WIDTH && bar.x + bar.width <= WIDTH + 1e-9);
                    let worst = bar.runs.iter().map(|run| severity(run.status)).max();
                    prop_assert_eq!(Some(severity(bar.status)), worst);
                }
            }
            prop_assert!(total <= MAX_BARS);
        }
    }
}
