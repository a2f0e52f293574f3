//! The timeline: `/ui/timeline`. A lane for each flow, with its runs as bars on an axis of time.

mod draw;
mod read;

use flowruns_domain::{
    dashboard::{MissingReason, RunWindow},
    timestamp::Timestamp,
};
use maud::{Markup, html};
use serde::{Serialize, Serializer};

use self::read::{Lane, Lanes, read_lanes};
use super::runs::views;
use crate::{
    address::{Hours, Query, TimelineAddress},
    context::PageContext,
    links::{self, Links},
    page::{Area, Fragment, Fragments, Page, View},
    problem::Problem,
    request::PageRequest,
    view::{
        lane::{Axis, MAX_BARS},
        status,
        time::time,
    },
};

/// The id of the lanes.
const LANES: &str = "lanes";

/// The lanes of a page.
#[derive(Debug)]
pub(crate) struct Timeline {
    address: TimelineAddress,
    now: Timestamp,
    axis: Axis,
    lanes: Lanes,
}

/// The timeline.
///
/// # Errors
///
/// 400 for unknown parameters, 503 when the store is unavailable.
pub(crate) async fn get(request: PageRequest) -> Result<Page, Problem> {
    let address = TimelineAddress::parse(request.query())?;
    let axis = address.axis(request.now);
    let lanes = read_lanes(request.store(), request.tenant(), (&address, axis)).await?;
    Ok(Page::new(Timeline { address, now: request.now, axis, lanes }))
}

impl View for Timeline {
    fn title(&self) -> String {
        "Timeline".to_owned()
    }

    fn area(&self) -> Option<Area> {
        Some(Area::Timeline)
    }

    fn body(&self, page: &PageContext, fragments: &Fragments) -> Markup {
        let links = &page.links;
        html! {
            div.head {
                div.title {
                    h1 { "Timeline" }
                    p.dim { (self.sentence()) }
                }
                div.row {
                    (views(links, Area::Timeline))
                    (self.lengths(links))
                    (self.neighbours(links))
                    button type="button" data-copy="link" { "Copy link" }
                    a.btn href=(links.to(self.address.at(links::TIMELINE_JSON))) { "JSON" }
                }
            }
            section.panel aria-label="Lanes" {
                (fragments.get(LANES))
                footer {
                    (status::legend())
                    span.grow {}
                    @if self.address.after.is_some() {
                        a.btn href=(links.to(self.address.after(None))) { "First flows" }
                    }
                    @if let Some(after) = &self.lanes.next {
                        a.btn href=(links.to(self.address.after(Some(after.clone())))) { "More flows" }
                    }
                }
            }
        }
    }

    fn fragments(&self, links: &Links) -> Fragments {
        [Fragment::new(LANES, self.lanes(links))].into_iter().collect()
    }

    /// A window in the past hardly changes.
    fn is_live(&self) -> bool {
        self.address.to.is_none()
    }

    fn estimated_bytes(&self) -> usize {
        // A bar has about 200 bytes, and there are at most as many as runs.
        let runs: usize = self.lanes.lanes.iter().map(|lane| lane.runs.len()).sum();
        16 * 1024 + 200 * runs.min(MAX_BARS)
    }
}

impl Timeline {
    fn sentence(&self) -> Markup {
        html! {
            "From " (time(self.axis.from)) " to " (time(self.axis.to)) ". Higher is worse"
            @if self.axis.now_x().is_some() { "; the line is now" }
            "."
            @if self.axis.now > self.axis.to {
                " A run that lasted longer than the window is shown if it is one of the last " (RunWindow::MAX_EARLIER)
                " of its flow that started before the window."
            }
        }
    }

    fn lengths(&self, links: &Links) -> Markup {
        html! {
            span.seg role="group" aria-label="Length" {
                @for hours in Hours::ALL {
                    @let is_current = hours == self.address.hours;
                    a href=(links.to(self.address.with_hours(hours))) aria-current=[is_current.then_some("true")] {
                        (hours.words())
                    }
                }
            }
        }
    }

    fn neighbours(&self, links: &Links) -> Markup {
        let neighbour = |address: Option<TimelineAddress>, rel: &str, label: &str| {
            html! {
                @match address {
                    Some(address) => a.btn rel=(rel) href=(links.to(address)) { (label) },
                    None => span.btn aria-disabled="true" { (label) },
                }
            }
        };
        html! {
            (neighbour(self.address.earlier(self.now), "prev", "‹ Earlier"))
            (neighbour(self.address.later(self.now), "next", "Later ›"))
        }
    }

    fn lanes(&self, links: &Links) -> Markup {
        let runs: Vec<_> = self.lanes.lanes.iter().map(|lane| lane.runs.as_slice()).collect();
        let (division, ticks) = (self.axis.division(&runs), draw::ticks(self));
        html! {
            div id=(LANES) {
                @for (reason, from) in self.lanes.missing() { (missing(reason, from)) }
                @if self.lanes.lanes.is_empty() { (self.nothing(links)) } @else {
                    div.lanes {
                        (draw::axis(&self.address.labels(self.now), self.address.hours != Hours::Six))
                        @for lane in &self.lanes.lanes {
                            (label(lane, links))
                            (draw::lane(lane, self, (division, &ticks), links))
                        }
                    }
                }
            }
        }
    }

    fn nothing(&self, links: &Links) -> Markup {
        html! {
            div.body {
                @if self.address.after.is_some() {
                    p { "No more flows. " a href=(links.to(self.address.after(None))) { "Show the first ones" } }
                } @else {
                    p { "No flows yet. " a href=(links.to(links::REPORT)) { "Report the first run" } }
                }
            }
        }
    }
}

fn label(lane: &Lane, links: &Links) -> Markup {
    let counts = status::counts(lane.runs.iter().map(|run| run.status));
    html! {
        div.lab.two {
            a.name href=(links.to(Query::new(links::flow_path(lane.key.flow)))) { bdi { (lane.name) } }
            span.small.dim { @if counts.is_empty() { "no runs" } @else { (counts) } }
        }
    }
}

/// A sentence about the runs that were not read.
fn missing(reason: MissingReason, from: Timestamp) -> Markup {
    let (runs, earlier) = (RunWindow::MAX_RUNS, RunWindow::MAX_EARLIER);
    html! {
        p.body role="note" {
            @match reason {
                MissingReason::Started => {
                    "Of some flows more than " (runs) " runs started in this window: of those that started before "
                    (time(from)) " some are not shown. Choose a shorter or an earlier window."
                }
                MissingReason::Ended => {
                    "Of some flows more than " (runs) " runs ended in this window: of those that started before "
                    (time(from)) " some are not shown. Choose a shorter window."
                }
                MissingReason::Running => {
                    "Of some flows more than " (earlier) " runs are in progress that started before " (time(from))
                    ": the first ones are not shown."
                }
            }
        }
    }
}

/// The timeline as JSON.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TimelineObject<'a> {
    from: String,
    to: String,
    /// The latest `completeFrom` of the flows.
    complete_from: Option<String>,
    flows: Vec<LaneObject<'a>>,
    next: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LaneObject<'a> {
    id: String,
    display_name: &'a str,
    /// All runs that started at this time or later are among the runs; `null` if no runs are missing.
    complete_from: Option<String>,
    runs: Vec<RunObject>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RunObject {
    id: String,
    status: &'static str,
    start_date_time: String,
    end_date_time: Option<String>,
}

impl Serialize for Timeline {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let next = self.lanes.next.clone();
        let next = next.map(|next| self.address.after(Some(next)).at(links::TIMELINE_JSON));
        let missing = self.lanes.missing();
        let latest = missing.values().max();
        let object = TimelineObject {
            from: self.axis.from.to_string(),
            to: self.axis.to.to_string(),
            complete_from: latest.map(ToString::to_string),
            flows: self.lanes.lanes.iter().map(lane_object).collect(),
            next: next.map(|next| next.to_string()),
        };
        object.serialize(serializer)
    }
}

fn lane_object(lane: &Lane) -> LaneObject<'_> {
    let runs = lane.runs.iter().map(|run| RunObject {
        id: run.id.to_string(),
        status: run.status.as_str(),
        start_date_time: run.start.to_string(),
        end_date_time: run.end.map(|end| end.to_string()),
    });
    LaneObject {
        id: lane.key.flow.to_string(),
        display_name: &lane.name,
        complete_from: lane.missing.map(|missing| missing.complete_from.to_string()),
        runs: runs.collect(),
    }
}
