//! Charts as SVG. The shapes stretch with the page and their strokes do not; all words are HTML beside the SVG.

use std::time::Duration;

use flowruns_domain::{cadence::UsualDuration, run::RunStatus, timestamp::Timestamp};
use maud::{Markup, html};

use super::{
    leaf::grouped,
    scale::{Scale, coordinate},
    status::look,
    time::{clock_time, day, seconds, utc},
};

/// The width of every chart, in its own units.
const WIDTH: f64 = 960.0;
const DURATION_HEIGHT: f64 = 190.0;
const MEMBER_HEIGHT: f64 = 108.0;

/// A run in the chart of durations.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct DurationPoint {
    /// The address of the run.
    pub(crate) href: String,
    /// The status.
    pub(crate) status: RunStatus,
    /// The start.
    pub(crate) start: Timestamp,
    /// From start to end, or to now.
    pub(crate) seconds: f64,
}

/// The durations of runs, the oldest first.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct DurationChart {
    points: Vec<DurationPoint>,
    usual: Option<UsualDuration>,
    scale: Scale,
}

impl DurationChart {
    /// The chart of these runs, the oldest first.
    pub(crate) fn new(points: Vec<DurationPoint>, usual: Option<UsualDuration>) -> Self {
        let longest = points.iter().map(|point| point.seconds).fold(0.0, f64::max);
        // One run that hung for a day would flatten all others, so the scale ends before it.
        let shown = match usual {
            Some(usual) if longest > usual.high.as_secs_f64() * 4.0 => {
                usual.high.as_secs_f64() * 1.5
            }
            _ => longest,
        };
        Self { points, usual, scale: Scale::of_durations(shown) }
    }

    /// The usual durations.
    pub(crate) const fn usual(&self) -> Option<UsualDuration> {
        self.usual
    }

    /// How many runs took longer than the scale shows.
    pub(crate) fn beyond_scale(&self) -> usize {
        self.points.iter().filter(|point| point.seconds > self.scale.top()).count()
    }

    /// The chart with its labels.
    pub(crate) fn markup(&self) -> Markup {
        let starts: Vec<Timestamp> = self.points.iter().map(|point| point.start).collect();
        html! {
            div.chart {
                div.y { @for line in self.scale.lines() { span { (seconds(line)) } } }
                svg viewBox=(format!("0 0 {WIDTH} {DURATION_HEIGHT}")) preserveAspectRatio="none" aria-hidden="true" {
                    (grid(&self.scale, DURATION_HEIGHT))
                    (self.band())
                    @for (index, point) in self.points.iter().enumerate() { (self.point(index, point)) }
                }
                (time_axis(&starts, 7))
            }
        }
    }

    fn band(&self) -> Markup {
        let Some(usual) = self.usual else {
            return html! {};
        };
        let y = |length: Duration| self.scale.y(length.as_secs_f64(), DURATION_HEIGHT);
        let (top, bottom) = (y(usual.high), y(usual.low));
        html! {
            rect.band x="0" width=(WIDTH) y=(coordinate(top)) height=(coordinate(bottom - top)) {}
            path.median d=(format!("M0,{}H{WIDTH}", coordinate(y(usual.median)))) {}
        }
    }

    /// A dot is a line of length 0 whose caps are round or square: it does not stretch with the chart.
    fn point(&self, index: usize, point: &DurationPoint) -> Markup {
        let x = slot(index, self.points.len()) + slot_width(self.points.len()) / 2.0;
        let y = self.scale.y(point.seconds, DURATION_HEIGHT);
        let look = look(point.status);
        let class = format!("dot {}", look.class);
        let title = format!("{}, {} UTC, {}", look.word, utc(point.start), seconds(point.seconds));
        html! {
            a href=(point.href) tabindex="-1" {
                path class=(class) d=(format!("M{},{}h0", coordinate(x), coordinate(y))) {}
                title { (title) }
            }
        }
    }
}

/// A value of a member of statistics in one run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct MemberPoint {
    /// The value; `None` if the run has no such number.
    pub(crate) value: Option<f64>,
    /// Whether the run failed.
    pub(crate) failed: bool,
    /// The start of the run.
    pub(crate) start: Timestamp,
}

/// The values of one member of statistics as bars, the oldest first.
pub(crate) fn member_chart(points: &[MemberPoint]) -> Markup {
    let values: Vec<f64> = points.iter().filter_map(|point| point.value).collect();
    let scale = Scale::of_numbers(&values);
    let starts: Vec<Timestamp> = points.iter().map(|point| point.start).collect();
    html! {
        div.chart.low {
            div.y { @for line in scale.lines() { span { (short_number(line)) } } }
            svg viewBox=(format!("0 0 {WIDTH} {MEMBER_HEIGHT}")) preserveAspectRatio="none" aria-hidden="true" {
                (grid(&scale, MEMBER_HEIGHT))
                path.f-vol d=(bars(points, &scale, false)) {}
                path.f-fail d=(bars(points, &scale, true)) {}
            }
            (time_axis(&starts, 3))
        }
    }
}

/// The bars of the runs that failed, or of all others, as one path: much shorter than an element for each bar.
fn bars(points: &[MemberPoint], scale: &Scale, failed: bool) -> String {
    let width = slot_width(points.len());
    let (bar, gap) = (coordinate(width * 0.8), width * 0.1);
    let zero = scale.y(0.0, MEMBER_HEIGHT);
    let mut path = String::new();
    for (index, point) in points.iter().enumerate().filter(|(_, point)| point.failed == failed) {
        let Some(value) = point.value else { continue };
        let x = coordinate(slot(index, points.len()) + gap);
        let y = scale.y(value, MEMBER_HEIGHT);
        // A zero is a line, so that it differs from a run without the member.
        let end = if (zero - y).abs() < 0.8 { zero - 0.8 } else { y };
        path.push_str(&format!(
            "M{x} {}V{}h{bar}V{}z",
            coordinate(zero),
            coordinate(end),
            coordinate(zero)
        ));
    }
    path
}

/// Where the part of a chart that belongs to a run begins. Few runs do not fill the chart.
fn slot(index: usize, count: usize) -> f64 {
    index as f64 * slot_width(count)
}

fn slot_width(count: usize) -> f64 {
    WIDTH / count.max(1) as f64
}

fn grid(scale: &Scale, height: f64) -> Markup {
    let lines = scale
        .lines()
        .into_iter()
        .map(|line| format!("M0,{}H{WIDTH}", coordinate(scale.y(line, height))));
    html! { path.grid d=(lines.collect::<String>()) {} }
}

/// Up to `most` of the times, the first and the last among them: days, or the time of day when all are within two days.
fn time_axis(times: &[Timestamp], most: usize) -> Markup {
    let (Some(first), Some(last)) = (times.first(), times.last()) else {
        return html! { div.x {} };
    };
    let is_short = last.date_time().signed_duration_since(first.date_time()).num_hours().abs() < 48;
    let shown = most.min(times.len());
    let at = |label: usize| times[label * (times.len() - 1) / (shown - 1).max(1)];
    html! {
        div.x {
            @for label in 0..shown {
                @if is_short { (clock_time(at(label))) } @else { (day(at(label))) }
            }
        }
    }
}

/// A number on an axis: `2.5 M` rather than `2,500,000`.
pub(crate) fn short_number(number: f64) -> String {
    const UNITS: [(f64, &str); 4] = [(1e12, " T"), (1e9, " G"), (1e6, " M"), (1e4, " k")];
    let size = number.abs();
    if size >= 1e15 || (size > 0.0 && size < 1e-4) {
        return format!("{number:e}");
    }
    let unit = UNITS.into_iter().find(|(least, _)| size >= *least);
    match unit {
        Some((1e4, name)) => grouped(&(number / 1e3).to_string()) + name,
        Some((least, name)) => grouped(&(number / least).to_string()) + name,
        None => grouped(&number.to_string()),
    }
}

/// A line through the numbers, the oldest first, with a dot at the last one; empty for fewer than three.
pub(crate) fn number_spark(numbers: &[f64], last: RunStatus) -> Markup {
    let (Some(latest), true) = (numbers.last(), numbers.len() >= 3) else {
        return html! {};
    };
    let least = numbers.iter().copied().fold(f64::INFINITY, f64::min);
    let most = numbers.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let range = if most > least { most / 2.0 - least / 2.0 } else { 1.0 };
    let y = |number: f64| coordinate(22.0 - (number / 2.0 - least / 2.0) / range * 18.0);
    let x = |index: usize| coordinate(index as f64 * 100.0 / (numbers.len() - 1) as f64);
    let line = numbers.iter().enumerate().map(|(index, number)| {
        let command = if index == 0 { 'M' } else { 'L' };
        format!("{command}{},{}", x(index), y(*number))
    });
    html! {
        svg.spark viewBox="0 0 100 26" preserveAspectRatio="none" aria-hidden="true" {
            path d=(line.collect::<String>()) {}
            path class=(format!("dot {}", look(last).class)) d=(format!("M100,{}h0", y(*latest))) {}
        }
    }
}
