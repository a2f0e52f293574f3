//! The geometry of the timeline: runs of a flow as bars on an axis of time.
//!
//! A lane is a picture of [`WIDTH`] by [`HEIGHT`] units, which stretches to the width of the page. Runs that start close to
//! each other share one bar, so that a page has at most [`MAX_BARS`] of them: the window is divided into slots, as many as
//! the runs of the page allow, and the runs that start in one slot become one bar with the worst of their statuses. Where others of
//! them last much longer than the worst ones, these have a bar of their own, so that a short failure does not look like a long one.

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

/// How much longer than the runs of the worst status of a slot others last that have a bar of their own, in units.
const MUCH_LONGER: f64 = 16.0;

/// How the runs of a lane become bars.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Division {
    /// Into how many slots the window is divided.
    slots: u32,
    /// Whether a slot may have two bars.
    splits: bool,
}

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

    fn extents(&self, runs: &[LaneRun]) -> Vec<Extent> {
        let extent = |run: &LaneRun| Extent {
            start: self.x(run.start),
            end: self.x(self.end_of(run)),
            severity: severity(run.status),
        };
        runs.iter().map(extent).collect()
    }

    /// The bars of a lane. `runs` are those that the window shows, the earliest first.
    pub(crate) fn bars(&self, runs: &[LaneRun], division: Division) -> Vec<Bar> {
        let (extents, mut rest) = (self.extents(runs), runs);
        let bars = in_slots(&extents, division.slots).flat_map(|extents| {
            let (runs, after) = rest.split_at(extents.len());
            rest = after;
            let worst =
                worst(extents).filter(|worst| division.splits && are_split(extents, *worst));
            let (others, worst): (Vec<LaneRun>, Vec<LaneRun>) = runs
                .iter()
                .partition(|run| worst.is_some_and(|worst| severity(run.status) < worst));
            [self.bar(others), self.bar(worst)].into_iter().flatten()
        });
        bars.collect()
    }

    fn bar(&self, runs: Vec<LaneRun>) -> Option<Bar> {
        let start = runs.iter().map(|run| run.start).min()?;
        let end = runs.iter().map(|run| self.end_of(run)).max()?;
        let status = runs.iter().map(|run| run.status).max_by_key(|status| severity(*status))?;
        let width = (self.x(end) - self.x(start)).max(MIN_WIDTH);
        // A bar at the right edge stays inside.
        let x = self.x(start).min(WIDTH - width).max(0.0);
        Some(Bar { runs, status, x, width })
    }

    /// The finest division with which the lanes of a page have at most [`MAX_BARS`] bars.
    pub(crate) fn division(&self, lanes: &[&[LaneRun]]) -> Division {
        // The position of a run is computed once, not for each division.
        let lanes: Vec<Vec<Extent>> = lanes.iter().map(|runs| self.extents(runs)).collect();
        let bars_of = |extents: &[Extent]| {
            1 + usize::from(worst(extents).is_some_and(|worst| are_split(extents, worst)))
        };
        let fits = |slots: &u32| {
            let bars = lanes.iter().flat_map(|extents| in_slots(extents, *slots).map(bars_of));
            bars.sum::<usize>() <= MAX_BARS
        };
        let found = SLOTS.into_iter().find(fits);
        Division { slots: found.unwrap_or(SLOTS[SLOTS.len() - 1]), splits: found.is_some() }
    }
}

/// Where a run is in its lane, in units, and how bad it is.
#[derive(Clone, Copy)]
struct Extent {
    start: f64,
    end: f64,
    severity: u32,
}

fn worst(extents: &[Extent]) -> Option<u32> {
    extents.iter().map(|extent| extent.severity).max()
}

/// Whether runs of a slot that are not as bad as the worst ones last much longer.
fn are_split(extents: &[Extent], worst: u32) -> bool {
    let end_of = |is_worst: bool| {
        let some = extents.iter().filter(|extent| (extent.severity == worst) == is_worst);
        some.map(|extent| extent.end).fold(0.0, f64::max)
    };
    end_of(false) > end_of(true) + MUCH_LONGER
}

/// The starts of runs, in units, by the slot in which they are. Runs that started before the window are in the first one.
fn in_slots(extents: &[Extent], slots: u32) -> impl Iterator<Item = &[Extent]> {
    // A non-negative number below 2^32, of which the fraction is cut off.
    let slot = move |start: f64| (start / WIDTH * f64::from(slots)) as u32;
    extents.chunk_by(move |one, other| slot(one.start) == slot(other.start))
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
mod tests;
