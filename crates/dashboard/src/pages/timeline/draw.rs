//! Draws lanes as SVG. The pictures stretch with the page, so that their words stand in HTML beside them, and lines and dots
//! keep their width.

use chrono::{Duration, SubsecRound as _};
use flowruns_domain::{
    run::{Outcome, RunStatus},
    timestamp::Timestamp,
};
use maud::{Markup, Render, html};

use super::{Lane, Timeline};
use crate::{
    address::Query,
    links::{Links, flow_path},
    view::{
        lane::{Bar, Division, HEIGHT, LaneRun, WIDTH, height, severity},
        status::{counts, look},
        time::{between, clock_time, day, duration, utc},
    },
};

/// The bottom of the bars.
const BASE: u32 = 31;
/// The height of the lower part of a bar in two parts, and of the space above it.
const LOWER: u32 = 10;
const GAP: u32 = 3;

/// A number of units with one digit after the point, if it is not 0.
struct Units(f64);

impl Render for Units {
    fn render_to(&self, buffer: &mut String) {
        let text = format!("{:.1}", self.0);
        buffer.push_str(text.strip_suffix(".0").unwrap_or(&text));
    }
}

/// The labels of the axis, each with its day if the window has more than one.
pub(super) fn axis(labels: &[Timestamp], has_days: bool) -> Markup {
    html! {
        div.lab.top { span.small.dim { "Flow" } }
        div.axis.days[has_days] {
            @for label in labels { span { @if has_days { (day(*label)) " " } (clock_time(*label)) } }
        }
    }
}

/// The runs of a flow. Its links are for the mouse: the keyboard and readers have the sentence beside it, and the page of the
/// flow.
pub(super) fn lane(
    lane: &Lane,
    timeline: &Timeline,
    (division, ticks): (Division, &str),
    links: &Links,
) -> Markup {
    let axis = timeline.axis;
    let mut bars = axis.bars(&lane.runs, division);
    // Of bars that overlap, the worst is on top.
    bars.sort_by_key(|bar| severity(bar.status));
    html! {
        div.lane {
            svg viewBox={ "0 0 " (Units(WIDTH)) " " (HEIGHT) } preserveAspectRatio="none" aria-hidden="true" {
                @if let Some(missing) = lane.missing {
                    rect.unknown width=(Units(axis.x(missing.complete_from))) height=(HEIGHT) {}
                }
                path.tick d=(ticks) {}
                @for bar in &bars {
                    a href=(links.to(target(lane, bar))) tabindex="-1" {
                        (shape(bar))
                        title { (described(bar)) }
                    }
                }
                @if let Some(x) = axis.now_x() { path.now d=(vertical(x)) {} }
            }
        }
    }
}

/// A line at each label of the axis.
pub(super) fn ticks(timeline: &Timeline) -> String {
    let labels = timeline.address.labels(timeline.now);
    labels.into_iter().map(|label| vertical(timeline.axis.x(label))).collect()
}

fn vertical(x: f64) -> String {
    format!("M{},0V{HEIGHT}", Units(x).render().into_string())
}

/// A bar by its status: the same shapes as in strips.
fn shape(bar: &Bar) -> Markup {
    let class = look(bar.status).class;
    let height = height(bar.status);
    let lower = part(bar, class, BASE - LOWER, LOWER);
    match bar.status {
        RunStatus::Ended(Outcome::CompletedWithWarnings) => {
            let middle = Units(bar.x + bar.width / 2.0);
            html! {
                (lower)
                // A line of no length with round ends is a dot, however the picture stretches.
                path class={ "dot " (class) } d={ "M" (middle) "," (BASE - height + GAP) "h0" } {}
            }
        }
        RunStatus::Ended(Outcome::CompletedWithErrors) => html! {
            (lower)
            (part(bar, class, BASE - height, height - LOWER - GAP))
        },
        RunStatus::Running | RunStatus::Ended(Outcome::Completed | Outcome::Failed) => {
            part(bar, class, BASE - height, height)
        }
    }
}

/// A rectangle of the width of a bar.
fn part(bar: &Bar, class: &str, y: u32, height: u32) -> Markup {
    html! {
        rect class={ "bar-" (class) } x=(Units(bar.x)) y=(y) width=(Units(bar.width)) height=(height) {}
    }
}

/// The page of the run, or that of the flow with the runs of the bar.
fn target(lane: &Lane, bar: &Bar) -> Query {
    let flow = flow_path(lane.key.flow);
    match (bar.runs.as_slice(), bar.runs.first(), bar.runs.last()) {
        ([one], ..) => Query::new(format!("{flow}/runs/{}", one.id)),
        (_, Some(first), Some(last)) => Query::new(flow)
            .with("from", second_of(first, Duration::zero()))
            .with("to", second_of(last, Duration::seconds(1))),
        _ => Query::new(flow),
    }
}

/// The second in which a run started, or one near it.
fn second_of(run: &LaneRun, offset: Duration) -> Option<Timestamp> {
    Timestamp::new(run.start.date_time().trunc_subsecs(0) + offset).ok()
}

fn described(bar: &Bar) -> String {
    let (Some(first), Some(last)) = (bar.runs.first(), bar.runs.last()) else {
        return String::new();
    };
    if bar.runs.len() == 1 {
        let (word, start) = (look(first.status).word, utc(first.start));
        return match first.end {
            Some(end) => format!("{word}, {start} UTC, {}", duration(between(first.start, end))),
            None => format!("{word} since {start} UTC"),
        };
    }
    let counts = counts(bar.runs.iter().map(|run| run.status));
    format!("{} runs, {} to {} UTC: {counts}", bar.runs.len(), utc(first.start), utc(last.start))
}
