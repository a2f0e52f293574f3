//! The page of a flow: whether it works, since when it does not, and its runs.

mod charts;
mod marks;
mod members;
mod notice;
mod read;
mod runs_table;
mod view;

use flowruns_http::auth::Permission;
use maud::{Markup, html};

use self::view::FlowView;
use crate::{
    address::FlowAddress,
    context::{PageContext, Representation},
    links::{self, Links},
    page::{Area, Fragment, Fragments, Page, View},
    problem::Problem,
    request::PageRequest,
    view::{
        choose,
        icon::{Icon, icon},
    },
};

/// The part of a page for each listed run and each point of a chart, in bytes.
const ROW_BYTES: usize = 600;
const POINT_BYTES: usize = 300;
/// The ids of the fragments.
const CRUMB: &str = "flow-crumb";
const NAME: &str = "flow-name";
const STATE: &str = "flow-state";
const NOTICE: &str = "flow-notice";
const DURATIONS: &str = "flow-durations";
const MEMBERS: &str = "flow-members";
const RUNS: &str = "flow-runs";

pub(crate) async fn get(request: PageRequest) -> Result<Page, Problem> {
    let key = request.flow_key()?;
    let address = FlowAddress::parse(key.flow, request.query())?;
    let reading = read::read(request.store(), key, &address).await?;
    let may_end = request.visitor.may(Permission::WriteRuns);
    Ok(Page::new(FlowView::new(reading, (address, request.now), may_end)))
}

/// The address of a run without the run: to the list on the page of the flow.
pub(crate) async fn get_runs(request: PageRequest) -> Result<Page, Problem> {
    let address = FlowAddress::parse(request.flow_key()?.flow, request.query())?;
    Ok(match request.page.representation {
        Representation::Html => Page::redirect(format!("{address}#{RUNS}")),
        Representation::Json => Page::redirect(address.json()),
    })
}

impl View for FlowView {
    fn title(&self) -> String {
        self.flow.name.clone()
    }

    fn area(&self) -> Option<Area> {
        Some(Area::Flows)
    }

    fn body(&self, page: &PageContext, fragments: &Fragments) -> Markup {
        let links = &page.links;
        html! {
            nav.crumb aria-label="Breadcrumb" {
                a href=(links.to(links::OVERVIEW)) { "Flows" }
                span aria-hidden="true" { "/" }
                (fragments.get(CRUMB))
            }
            div.head {
                div.title {
                    (fragments.get(NAME))
                    (fragments.get(STATE))
                }
                div.row {
                    button type="button" data-copy="link" { "Copy link" }
                    a.btn href=(links.to(self.address.json())) { "JSON" }
                    a.btn href=(links.to(links::REPORT)) { "Report a run" }
                }
            }
            (fragments.get(NOTICE))
            (fragments.get(DURATIONS))
            (fragments.get(MEMBERS))
            (fragments.get(RUNS))
            @if self.may_end { (choose::end_form(page)) }
        }
    }

    fn fragments(&self, links: &Links) -> Fragments {
        let fragments = [
            Fragment::new(
                CRUMB,
                html! { span #(CRUMB) aria-current="page" { bdi { (self.flow.name) } } },
            ),
            Fragment::new(NAME, html! { h1 #(NAME) { bdi { (self.flow.name) } } }),
            Fragment::new(STATE, self.state_fragment()),
            Fragment::new(NOTICE, self.notice_fragment(links)),
            Fragment::new(DURATIONS, self.durations_fragment(links)),
            Fragment::new(MEMBERS, self.members_fragment(links)),
            Fragment::new(RUNS, self.runs_fragment(links)),
        ];
        fragments.into_iter().collect()
    }

    fn is_live(&self) -> bool {
        true
    }

    fn estimated_bytes(&self) -> usize {
        16 * 1024 + self.runs.len() * ROW_BYTES + self.newest.len() * POINT_BYTES
    }
}

impl FlowView {
    /// Readiness, habits and marks.
    fn state_fragment(&self) -> Markup {
        html! {
            p.row #(STATE) {
                span.badge.none { (self.flow.readiness) }
                span.dim { (self.flow.data_domain) }
                @if let Some(cadence) = &self.cadence { span.dim { (cadence) } }
                span.mono.dim { (self.flow.id) }
                @for mark in &self.marks {
                    span class=(format!("mark {}", mark.class())) { (icon(mark.icon())) (mark.reason) }
                }
            }
        }
    }
}

impl marks::Mark {
    const fn icon(&self) -> Icon {
        match self.kind {
            marks::MarkKind::Late => Icon::Late,
            marks::MarkKind::Stale => Icon::Stale,
        }
    }

    const fn class(&self) -> &'static str {
        match self.kind {
            marks::MarkKind::Late => "late",
            marks::MarkKind::Stale => "stale",
        }
    }
}
