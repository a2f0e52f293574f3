//! The runs of all flows: `/ui/runs`, and the same as CSV: `/ui/runs.csv`.

mod csv;
mod export;
mod filters;
mod read;
mod table;

use flowruns_domain::{query::PageSize, timestamp::Timestamp};
use flowruns_http::auth::Permission;
use maud::{Markup, html};
use serde::Serialize;

pub(crate) use self::{export::get as get_csv, read::flow_names};
use self::{
    read::{ListedRun, RunsPage, read_page},
    table::RunLine,
};
use crate::{
    address::{Query, RunsAddress},
    context::PageContext,
    links::{self, Links, RUNS, RUNS_CSV},
    page::{Area, Fragment, Fragments, Page, View},
    problem::Problem,
    request::PageRequest,
    view::choose,
};

/// How many runs a page has.
const PAGE_RUNS: u16 = 50;
/// The id of the rows.
const ROWS: &str = "rows";

/// The list.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Runs {
    runs: Vec<RunLine>,
    /// The next page as JSON, below the prefix.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
    #[serde(skip)]
    address: RunsAddress,
    #[serde(skip)]
    older: Option<RunsAddress>,
    /// Whether the visitor may end runs.
    #[serde(skip)]
    may_end: bool,
}

/// The page of the runs.
///
/// # Errors
///
/// 400 for unknown parameters, 503 when the store is unavailable.
pub(crate) async fn get(request: PageRequest) -> Result<Page, Problem> {
    let address = RunsAddress::parse(request.query())?;
    let environment = &request.dashboard.options.environment;
    let size = PageSize::new(PAGE_RUNS).unwrap_or_default();
    let found = read_page(environment, request.tenant(), (&address, request.now), size).await?;
    let may_end = request.visitor.may(Permission::WriteRuns);
    Ok(Page::new(Runs::new(found, (address, request.now), may_end)))
}

impl Runs {
    fn new(found: RunsPage, (address, now): (RunsAddress, Timestamp), may_end: bool) -> Self {
        let older = found.next.map(|next| address.after(Some(next)));
        Self {
            runs: found.runs.into_iter().map(|run| RunLine::new(run, now)).collect(),
            next: older.as_ref().map(|older| older.at(links::RUNS_JSON).to_string()),
            address,
            older,
            may_end,
        }
    }
}

impl View for Runs {
    fn title(&self) -> String {
        "Runs".to_owned()
    }

    fn area(&self) -> Option<Area> {
        Some(Area::Runs)
    }

    fn body(&self, page: &PageContext, fragments: &Fragments) -> Markup {
        let links = &page.links;
        html! {
            div.head {
                div.title {
                    h1 { "Runs" }
                    p.dim { "Of all flows, the latest start first." }
                }
                div.row {
                    (views(links, Area::Runs))
                    button type="button" data-copy="link" { "Copy link" }
                    a.btn href=(links.to(self.address.at(links::RUNS_JSON))) { "JSON" }
                    a.btn href=(links.to(self.address.after(None).at(RUNS_CSV)))
                        title=(format!("The runs of this filter, at most {}", export::MAX_ROWS)) { "CSV" }
                }
            }
            section.panel aria-label="Runs" {
                header { (filters::filters(&self.address, links)) }
                div.wide-scroll {
                    table.cards.runs {
                        caption.sr { "Runs, the latest start first" }
                        (table::head(self.may_end))
                        (fragments.get(ROWS))
                    }
                }
                @if self.runs.is_empty() { (self.nothing(links)) }
                (self.footer(links))
            }
            @if self.may_end { (choose::end_form(page)) }
        }
    }

    fn fragments(&self, links: &Links) -> Fragments {
        [Fragment::new(ROWS, self.rows(links))].into_iter().collect()
    }

    fn is_live(&self) -> bool {
        true
    }

    fn estimated_bytes(&self) -> usize {
        8 * 1024 + self.runs.len() * 1024
    }
}

impl Runs {
    /// One part of the page, so that a new run is sent as a change and not as another page.
    fn rows(&self, links: &Links) -> Markup {
        html! {
            tbody id=(ROWS) { @for run in &self.runs { (run.row(links, self.may_end)) } }
        }
    }

    fn nothing(&self, links: &Links) -> Markup {
        html! {
            div.body {
                @if let Some(older) = &self.older {
                    p { "No run matches among those that were looked at for this page. "
                        a href=(links.to(older)) { "Look at older runs" } }
                } @else if self.address == RunsAddress::default() {
                    p { "No runs yet. " a href=(links.to(links::REPORT)) { "Report the first one" } }
                } @else {
                    p { "No run matches. " a href=(links.to(RUNS)) { "Show all runs" } }
                }
            }
        }
    }

    fn footer(&self, links: &Links) -> Markup {
        let count = self.runs.len();
        html! {
            footer {
                span { (count) @if count == 1 { " run" } @else { " runs" } " on this page" }
                span.grow {}
                @if self.address.after.is_some() {
                    a.btn href=(links.to(self.address.after(None))) { "Latest" }
                }
                @if let Some(older) = &self.older {
                    a.btn rel="next" href=(links.to(older)) { "Older" }
                }
            }
        }
    }
}

/// The switch between the list and the timeline.
pub(crate) fn views(links: &Links, current: Area) -> Markup {
    let views = [(Area::Runs, "List", RUNS), (Area::Timeline, "Timeline", links::TIMELINE)];
    html! {
        span.seg role="group" aria-label="View" {
            @for (area, label, path) in views {
                a href=(links.to(Query::new(path))) aria-current=[(area == current).then_some("true")] { (label) }
            }
        }
    }
}
