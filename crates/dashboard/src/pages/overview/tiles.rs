//! The tiles of the overview: what is going on in the whole tenant.

use flowruns_domain::dashboard::Tally;
use maud::{Markup, html};
use serde::Serialize;

use super::{TILES, shown};
use crate::{
    address::{OverviewAddress, Query, Show},
    links::{Links, RUNS},
    view::icon::{Icon, icon},
};

/// What is going on in the tenant.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Tiles {
    pub(super) running: TileCount,
    /// Started in the last 24 hours.
    pub(super) failed: TileCount,
    /// Started in the last 24 hours.
    pub(super) with_errors: TileCount,
    pub(super) late: MarkedFlows,
    pub(super) stale: MarkedFlows,
}

/// How many runs there are, and in how many flows.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TileCount {
    pub(super) runs: usize,
    /// Whether there are more runs, which were not counted.
    pub(super) has_more: bool,
    flows: usize,
    /// The name of the flow, if it is one.
    flow_name: Option<String>,
}

/// In how many flows something stands out.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct MarkedFlows {
    pub(super) flows: usize,
    /// The name of the flow, if it is one.
    pub(super) flow_name: Option<String>,
    /// Whether only the flows of the page were looked at.
    pub(super) is_of_page: bool,
}

impl TileCount {
    /// A tally; `name` finds the name of a flow, if it was read.
    pub(super) fn new(
        tally: &Tally,
        name: impl Fn(flowruns_domain::id::FlowId) -> Option<String>,
    ) -> Self {
        let flow_name = match tally.flows.as_slice() {
            [one] => name(one.flow),
            _ => None,
        };
        Self { runs: tally.runs(), has_more: tally.has_more, flows: tally.flows.len(), flow_name }
    }

    fn number(&self) -> String {
        let more = if self.has_more { "+" } else { "" };
        format!("{}{more}", shown(self.runs))
    }

    fn place(&self) -> Markup {
        html! {
            @match (self.flows, &self.flow_name) {
                (0, _) => "none",
                (flows, _) if self.has_more => { "in at least " (shown(flows)) (plural(flows, " flow", " flows")) }
                (_, Some(name)) => bdi { (name) },
                (1, None) => "in 1 flow",
                (flows, None) => { "in " (shown(flows)) " flows" }
            }
        }
    }
}

impl MarkedFlows {
    /// None on one page does not mean that there are none.
    fn number(&self) -> String {
        match (self.flows, self.is_of_page) {
            (0, true) => "–".to_owned(),
            (flows, _) => shown(flows),
        }
    }

    fn place(&self) -> Markup {
        html! {
            @if let Some(name) = &self.flow_name { bdi { (name) } }
            @else if self.is_of_page { "known for each page of flows" }
            @else if self.flows == 0 { "none" }
            @else { "longer than usual" }
        }
    }
}

/// The tiles.
pub(super) fn tiles(tiles: &Tiles, links: &Links) -> Markup {
    let runs = |status: &str, since: Option<&str>| {
        links.to(Query::new(RUNS).with("status", Some(status)).with("since", since))
    };
    let flows = |show| links.to(OverviewAddress::showing(show));
    let Tiles { running, failed, with_errors, late, stale } = tiles;
    let (late_label, stale_label) = (
        plural(late.flows, "flow is late", "flows are late"),
        plural(stale.flows, "flow may be stale", "flows may be stale"),
    );
    html! {
        section.tiles #(TILES) aria-label="Now" {
            (tile((Icon::Running, running.runs), &running.number(), ("running now", running.place()), &runs("running", None)))
            (tile((Icon::Failed, failed.runs), &failed.number(), ("failed, last 24 h", failed.place()), &runs("failed", Some("24h"))))
            (tile((Icon::Error, with_errors.runs), &with_errors.number(), ("with errors, last 24 h", with_errors.place()), &runs("completedWithErrors", Some("24h"))))
            (tile((Icon::Late, late.flows), &late.number(), (late_label, late.place()), &flows(Show::Late)))
            (tile((Icon::Stale, stale.flows), &stale.number(), (stale_label, stale.place()), &flows(Show::Stale)))
        }
    }
}

const fn plural(number: usize, one: &'static str, several: &'static str) -> &'static str {
    if number == 1 { one } else { several }
}

fn tile(
    (picture, count): (Icon, usize),
    number: &str,
    (label, place): (&str, Markup),
    address: &str,
) -> Markup {
    html! {
        a.tile.zero[count == 0].wide[picture == Icon::Stale] href=(address) {
            b { (number) }
            (icon(picture))
            span.label { (label) }
            span.sub { (place) }
        }
    }
}
