//! The overview: all flows, each with its last runs.

mod marks;
mod read;
mod row;
mod tiles;

use flowruns_domain::{dashboard::Tally, timestamp::Timestamp};
use flowruns_http::auth::Permission;
use maud::{Markup, html};
use serde::Serialize;

pub(crate) use self::marks::MarksCache;
use self::{
    marks::FlowMarks,
    row::FlowRow,
    tiles::{Tiles, tiles},
};
use crate::{
    address::{FlowPosition, OverviewAddress, Show},
    context::PageContext,
    json::text,
    links::{Links, REPORT},
    page::{Area, Fragment, Fragments, Page, View},
    problem::Problem,
    request::PageRequest,
    view::{
        choose,
        icon::{Icon, icon},
        status::legend,
        time::count,
    },
};

/// The id of the tiles.
const TILES: &str = "tiles";
/// The size of a row with a full strip, in bytes.
const ROW_BYTES: usize = 10 * 1024;

/// The flows of a page, and what is going on in the tenant.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Overview {
    #[serde(serialize_with = "text")]
    now: Timestamp,
    /// How many flows the tenant has; `null` if they are more than [`read::MAX_FLOWS`].
    total: Option<usize>,
    tiles: Tiles,
    flows: Vec<FlowRow>,
    /// The next page as JSON, below the prefix.
    #[serde(rename = "next")]
    next_json: Option<String>,
    #[serde(skip)]
    next: Option<OverviewAddress>,
    #[serde(skip)]
    address: OverviewAddress,
    /// How many flows each choice shows, if all flows were looked at.
    #[serde(skip)]
    choices: Option<FlowMarks>,
    /// Whether the visitor may end runs.
    #[serde(skip)]
    may_end: bool,
}

pub(crate) async fn get(request: PageRequest) -> Result<Page, Problem> {
    let address = OverviewAddress::parse(request.query())?;
    let may_end = request.visitor.may(Permission::WriteRuns);
    let overview = read::overview(&request, address).await?;
    Ok(Page::new(Overview { may_end, ..overview }))
}

impl Overview {
    fn new(
        (address, now): (OverviewAddress, Timestamp),
        (total, choices): (Option<usize>, Option<FlowMarks>),
        tiles: Tiles,
        (flows, next): (Vec<FlowRow>, Option<FlowPosition>),
    ) -> Self {
        let next = next.map(|after| OverviewAddress { after: Some(after), ..address.clone() });
        let next_json = next.as_ref().map(|next| next.json().to_string());
        Self { now, total, tiles, flows, next_json, next, address, choices, may_end: false }
    }

    /// Whether stale runs are listed and the visitor may end them.
    fn has_choices(&self) -> bool {
        self.may_end && self.address.show == Some(Show::Stale)
    }

    fn header(&self, links: &Links) -> Markup {
        let choice = |show: Option<Show>| {
            let address = OverviewAddress { show, after: None, ..self.address.clone() };
            let is_current = self.address.show == show;
            (links.to(address), is_current.then_some("true"))
        };
        let all = choice(None);
        html! {
            header {
                h2 #flows-title { "Flows" }
                nav.chips aria-label="Which flows" {
                    a.chip href=(all.0) aria-current=[all.1] { "All" (number(self.total)) }
                    @for show in Show::ALL {
                        @let (href, current) = choice(Some(show));
                        a.chip href=(href) aria-current=[current] {
                            (icon(picture(show))) (label(show))
                            (number(self.choices.map(|marks| marks.count(show))))
                        }
                    }
                }
                span.grow {}
                (self.search(links))
            }
        }
    }

    fn search(&self, links: &Links) -> Markup {
        html! {
            form.row action=(links.to(OverviewAddress::default())) {
                @if let Some(show) = self.address.show { input type="hidden" name="show" value=(show); }
                label.sr for="name" { "Name begins with" }
                input #name name="name" value=[self.address.name.as_ref()] placeholder="Name begins with…" maxlength="256" autocomplete="off";
                button { "Show" }
            }
        }
    }

    fn table(&self, fragments: &Fragments) -> Markup {
        html! {
            table.cards.flows {
                caption.sr { "Flows by name, each with its last 50 runs" }
                thead {
                    tr {
                        th scope="col" { "Flow" }
                        th scope="col" { "Last 50 runs" }
                        th scope="col" { "Last outcome" }
                        th scope="col" { "Running" }
                        th.num scope="col" { "Success" }
                        th scope="col" { "Duration, median" }
                    }
                }
                tbody #flows { @for row in &self.flows { (fragments.get(&row.id())) } }
            }
        }
    }

    fn footer(&self, links: &Links) -> Markup {
        let is_first = self.address.after.is_none();
        let first = OverviewAddress { after: None, ..self.address.clone() };
        html! {
            footer {
                (legend())
                span.grow {}
                @if self.is_of_counted_runs() {
                    span { "only flows of the newest " (shown(usize::from(Tally::LIMIT))) " such runs" }
                }
                span { (self.extent()) }
                @if !is_first { a.btn rel="prev" href=(links.to(first)) { "First page" } }
                @if let Some(next) = &self.next { a.btn rel="next" href=(links.to(next)) { "Next page" } }
            }
        }
    }

    /// Whether the flows are chosen by runs of which not all were counted.
    fn is_of_counted_runs(&self) -> bool {
        let Tiles { running, failed, with_errors, .. } = &self.tiles;
        match (self.address.show, self.total) {
            (Some(Show::Running), _) => running.has_more,
            (Some(Show::Attention), None) => failed.has_more || with_errors.has_more,
            _ => false,
        }
    }

    /// How many flows there are.
    fn extent(&self) -> String {
        match self.total {
            Some(1) => "1 flow".to_owned(),
            Some(total) => format!("{} flows", shown(total)),
            None => format!(
                "more than {} flows; which are late or stale is known for those of this page",
                read::MAX_FLOWS
            ),
        }
    }

    fn nothing(&self, links: &Links) -> Markup {
        let show_all = html! { a href=(links.to(OverviewAddress::default())) { "Show all flows" } };
        html! {
            div.nothing {
                @if self.next.is_some() {
                    p { "None of the flows of this page; the next page may have some. " (show_all) }
                } @else if let (Some(name), None) = (&self.address.name, self.address.show) {
                    p { "No flow has a name that begins with " bdi { b { (name) } } ". " (show_all) }
                } @else if self.address.show.is_some() || self.address.after.is_some() {
                    p { "No flow matches. " (show_all) }
                } @else {
                    p { "There are no flows yet. " a href=(links.to(REPORT)) { "Report the first run" } }
                }
            }
        }
    }
}

impl View for Overview {
    fn title(&self) -> String {
        match self.tiles.failed.runs {
            0 => "Flows".to_owned(),
            failed => format!("{} failed · Flows", shown(failed)),
        }
    }

    fn area(&self) -> Option<Area> {
        Some(Area::Flows)
    }

    fn body(&self, page: &PageContext, fragments: &Fragments) -> Markup {
        let links = &page.links;
        html! {
            h1.sr { "Flows" }
            (fragments.get(TILES))
            section.panel aria-labelledby="flows-title" {
                (self.header(links))
                @if self.flows.is_empty() { (self.nothing(links)) } @else { (self.table(fragments)) }
                (self.footer(links))
            }
            @if self.has_choices() { (choose::end_form(page)) }
        }
    }

    fn fragments(&self, links: &Links) -> Fragments {
        let rows = self.flows.iter();
        let rows = rows
            .map(|row| Fragment::new(row.id(), row.markup(links, self.now, self.has_choices())));
        std::iter::once(Fragment::new(TILES, tiles(&self.tiles, links))).chain(rows).collect()
    }

    fn announcement(&self) -> String {
        let Tiles { failed, with_errors, .. } = &self.tiles;
        let (failed, with_errors) = (shown(failed.runs), shown(with_errors.runs));
        format!("In the last 24 hours: {failed} failed, {with_errors} completed with errors.")
    }

    fn is_live(&self) -> bool {
        true
    }

    fn estimated_bytes(&self) -> usize {
        self.flows.len() * ROW_BYTES
    }
}

const fn label(show: Show) -> &'static str {
    match show {
        Show::Attention => "Needs attention",
        Show::Running => "Running",
        Show::Late => "Late",
        Show::Stale => "Stale",
    }
}

const fn picture(show: Show) -> Icon {
    match show {
        Show::Attention => Icon::Failed,
        Show::Running => Icon::Running,
        Show::Late => Icon::Late,
        Show::Stale => Icon::Stale,
    }
}

fn number(number: Option<usize>) -> Markup {
    html! { @if let Some(number) = number { " " span.n { (shown(number)) } } }
}

fn shown(number: usize) -> String {
    count(i64::try_from(number).unwrap_or(i64::MAX))
}
