//! The page of a run: what happened, since when, and how it differs from the last good run.

mod error;
mod error_text;
mod facts;
mod history;
mod history_list;
mod read;
mod statistics_table;
mod view;

use flowruns_http::auth::Permission;
use maud::{Markup, html};

use self::view::RunView;
use crate::{
    address::{ChosenRun, RunPageAddress},
    context::PageContext,
    links::{self, Links, flow_path},
    page::{Area, Fragment, Fragments, Page, View},
    problem::Problem,
    request::{FORM_TOKEN, PageRequest},
    view::{
        json::JsonText,
        leaf::grouped,
        status::{big_badge, look},
    },
};

/// The ids of the fragments.
const CRUMB: &str = "run-crumb";
const STATUS: &str = "run-status";
const NAME: &str = "run-name";
const OUTCOME: &str = "run-outcome";
const STATISTICS: &str = "run-statistics";
const HISTORY: &str = "run-history";

/// The part of a page for each row of statistics and each entry, in bytes.
const ROW_BYTES: usize = 400;

pub(crate) async fn get(request: PageRequest) -> Result<Page, Problem> {
    let key = request.run_key()?;
    let address = RunPageAddress::parse(key.flow, key.run, request.query())?;
    let reading = read::read(request.store(), key, &address).await?;
    Ok(Page::new(RunView::build(reading, address, request.now).await))
}

impl View for RunView {
    fn title(&self) -> String {
        format!("{}: {}", look(self.run.status).word, self.run.name)
    }

    fn area(&self) -> Option<Area> {
        Some(Area::Flows)
    }

    fn body(&self, page: &PageContext, fragments: &Fragments) -> Markup {
        html! {
            (fragments.get(CRUMB))
            div.head {
                div.title {
                    div.row { (fragments.get(STATUS)) (fragments.get(NAME)) }
                }
                (self.actions(page))
            }
            (fragments.get(OUTCOME))
            div.cols {
                (fragments.get(STATISTICS))
                (fragments.get(HISTORY))
            }
            (self.document(page))
        }
    }

    fn fragments(&self, links: &Links) -> Fragments {
        let fragments = [
            Fragment::new(CRUMB, self.breadcrumb(links)),
            Fragment::new(STATUS, self.status_fragment()),
            Fragment::new(NAME, html! { h1 #(NAME) { bdi { (self.run.name) } } }),
            Fragment::new(OUTCOME, self.outcome_fragment(links)),
            Fragment::new(STATISTICS, self.statistics_fragment(links)),
            Fragment::new(HISTORY, self.history_fragment(links)),
        ];
        fragments.into_iter().collect()
    }

    fn is_live(&self) -> bool {
        true
    }

    fn estimated_bytes(&self) -> usize {
        let rows = self.comparison.rows.len() + self.items.len();
        16 * 1024 + rows * ROW_BYTES
    }
}

impl RunView {
    fn breadcrumb(&self, links: &Links) -> Markup {
        html! {
            nav.crumb #(CRUMB) aria-label="Breadcrumb" {
                a href=(links.to(links::OVERVIEW)) { "Flows" }
                span aria-hidden="true" { "/" }
                a href=(links.to(flow_path(self.flow.id))) { bdi { (self.flow.name) } }
                span aria-hidden="true" { "/" }
                span aria-current="page" { bdi { (self.run.name) } }
            }
        }
    }

    /// The status, which may change while the page is open.
    fn status_fragment(&self) -> Markup {
        html! { span #(STATUS) { (big_badge(self.run.status)) } }
    }

    fn actions(&self, page: &PageContext) -> Markup {
        let neighbour = |run: &Option<crate::pages::streak::RunReference>| {
            run.as_ref().map(|run| page.links.run(self.key.flow_key().run(run.id)))
        };
        html! {
            div.row {
                (step(neighbour(&self.previous), "prev", "‹ Before", "The run before; key ["))
                (step(neighbour(&self.next), "next", "After ›", "The run after; key ]"))
                button type="button" data-copy="link" { "Copy link" }
                button type="button" data-copy="#curl" { "Copy as curl" }
                @if self.is_running() && page.may(Permission::WriteRuns) { (self.end_form(page)) }
            }
        }
    }

    /// The form that ends a stale run. The page that it leads to asks for confirmation.
    fn end_form(&self, page: &PageContext) -> Markup {
        let token = page.session().map_or("", |session| session.form_token.as_str());
        let chosen = ChosenRun::new(self.key, self.run.version);
        html! {
            form method="post" action=(page.links.to(links::END)) {
                input type="hidden" name=(FORM_TOKEN) value=(token);
                input type="hidden" name="run" value=(chosen);
                button.danger { "End as failed…" }
            }
        }
    }

    /// The whole run as JSON, folded, and the command that reads it.
    fn document(&self, page: &PageContext) -> Markup {
        let JsonText { text, cut_from } = JsonText::new(&self.run);
        let json = page.links.to(self.address.json());
        html! {
            details.panel.jsonbox {
                summary { "JSON" }
                div.body {
                    p.row {
                        a href=(json) { "All data of this page as JSON" }
                        @if let Some(length) = cut_from {
                            span.dim {
                                "The run has " (grouped(&length.to_string())) " bytes of JSON; here are the first "
                                (grouped(&text.len().to_string())) "."
                            }
                        }
                    }
                    div.copy {
                        @if cut_from.is_none() { button type="button" data-copy="#json" { "Copy" } }
                        pre.wrap #json tabindex="0" aria-label="The run as JSON" { (text) }
                    }
                }
            }
            pre #curl hidden { (self.curl(page)) }
        }
    }

    fn curl(&self, page: &PageContext) -> String {
        format!(
            "curl '{}/industryData/incomingFlows/{}/runs/{}' \\\n  -H \"Authorization: Bearer $FLOWRUNS_TOKEN\"",
            page.origin, self.key.flow, self.key.run
        )
    }
}

/// A link to a neighbour, or its place.
fn step(href: Option<String>, rel: &'static str, label: &str, title: &str) -> Markup {
    html! {
        @match href {
            Some(href) => a.btn rel=(rel) href=(href) title=(title) { (label) },
            None => span.btn aria-disabled="true" { (label) },
        }
    }
}
