//! What every page has around its content: header with navigation and search, switches, footer, keys.

use flowruns_http::RequestError;
use maud::{DOCTYPE, Markup, html};

use crate::{
    address::Query,
    context::{PageContext, Session},
    links,
    live::{LivePage, StreamParameters, ViewKey, can_be_watched},
    page::{Area, View},
    preferences::{Theme, Zone},
    request::FORM_TOKEN,
    view::icon::logo,
};

/// The id of the last element of every page: what its scripts tell readers of the screen.
const END: &str = "say";

/// What the frame of a page shows.
pub(crate) struct Frame<'a> {
    pub(crate) title: &'a str,
    pub(crate) area: Option<Area>,
    /// The parameters of the stream that keeps the page current.
    pub(crate) stream: Option<StreamParameters>,
    pub(crate) version: &'static str,
}

/// A view as a page.
pub(crate) fn page(
    view: &dyn View,
    page: &PageContext,
    version: &'static str,
    key: &ViewKey,
) -> Markup {
    let title = view.title();
    let fragments = view.fragments(&page.links);
    let body = view.body(page, &fragments);
    let session = page.session().filter(|_| view.is_live() && can_be_watched(&page.address));
    let stream = session.map(|session| {
        let rendered = LivePage::of(view, fragments);
        key.parameters(&session.visitor, &page.address, &rendered)
    });
    let frame = Frame { title: &title, area: view.area(), stream, version };
    document(&frame, page, &body)
}

/// A page with this content.
pub(crate) fn document(frame: &Frame<'_>, page: &PageContext, body: &Markup) -> Markup {
    let preferences = page.preferences;
    html! {
        (DOCTYPE)
        html lang="en" data-theme=(preferences.theme.name()) data-zone=(preferences.zone.name()) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width,initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (window_title(frame.title)) }
                link rel="icon" href="data:,";
                link rel="stylesheet" href=(page.links.style_sheet());
                // Not shown before its end has arrived: rows that follow would widen the columns of a table.
                link rel="expect" href={ "#" (END) } blocking="render";
                script src=(page.links.script()) defer {}
            }
            body {
                a.skip href="#main" { "Skip to the content" }
                (header(frame, page))
                main #main tabindex="-1" { (body) }
                (footer(page, frame.version))
                p #(END).sr role="status" {}
                @if page.session().is_some() { (keys()) }
            }
        }
    }
}

fn header(frame: &Frame<'_>, page: &PageContext) -> Markup {
    let links = &page.links;
    html! {
        header.bar {
            div.bar-in {
                a.brand #to-overview href=(links.to(links::OVERVIEW)) { (logo()) "flowruns" }
                @if let Some(session) = page.session() {
                    (navigation(frame.area, page))
                    span.grow {}
                    (search(page))
                    @if let Some(stream) = &frame.stream { (live(stream, page)) }
                    (zones(page))
                    (visitor(session, page))
                } @else {
                    span.grow {}
                    (zones(page))
                }
            }
        }
    }
}

fn navigation(current: Option<Area>, page: &PageContext) -> Markup {
    let entries = [
        (Area::Flows, "Flows", links::OVERVIEW, "nav-flows"),
        (Area::Runs, "Runs", links::RUNS, "to-runs"),
        (Area::Timeline, "Timeline", links::TIMELINE, "to-timeline"),
        (Area::Report, "Report", links::REPORT, "nav-report"),
    ];
    html! {
        nav.nav aria-label="Pages" {
            @for (area, label, address, id) in entries {
                a id=(id) href=(page.links.to(address)) aria-current=[(current == Some(area)).then_some("page")] {
                    (label)
                }
            }
        }
    }
}

fn search(page: &PageContext) -> Markup {
    html! {
        form.jump role="search" action=(page.links.to(links::GO)) {
            label.sr for="jump" { "Go to a flow by its name, or to a run or flow by its id" }
            input #jump name="q" placeholder="Flow name, or any id" autocomplete="off" maxlength="256";
            kbd aria-hidden="true" { "/" }
        }
    }
}

/// The title of a window, from the title of its page.
pub(crate) fn window_title(title: &str) -> String {
    format!("{title} · flowruns")
}

/// The state of the stream of events, which a script opens and shows.
fn live(stream: &StreamParameters, page: &PageContext) -> Markup {
    let address = Query::new(links::STREAM).with("view", Some(&stream.view));
    html! {
        span.live data-stream=(page.links.to(address)) data-rev=(stream.rev) data-state="off" hidden {
            i {}
            span { "connecting" }
        }
    }
}

/// A form of buttons that keep a preference, which a script sends without leaving the page.
fn switch(page: &PageContext, (label, name): (&str, &str), choices: &[Choice]) -> Markup {
    html! {
        form.switches method="post" action=(page.links.to(links::PREFERENCES)) {
            input type="hidden" name="next" value=(page.address);
            span.seg role="group" aria-label=(label) {
                @for choice in choices {
                    button name=(name) value=(choice.value) aria-pressed=(choice.is_current) { (choice.label) }
                }
            }
        }
    }
}

/// A button of a switch.
struct Choice {
    value: &'static str,
    label: &'static str,
    is_current: bool,
}

fn zones(page: &PageContext) -> Markup {
    let current = page.preferences.zone;
    let choices = Zone::ALL.map(|zone| Choice {
        value: zone.name(),
        label: zone.label(),
        is_current: zone == current,
    });
    switch(page, ("Times in", "zone"), &choices)
}

fn themes(page: &PageContext) -> Markup {
    let current = page.preferences.theme;
    let choices = Theme::ALL.map(|theme| Choice {
        value: theme.name(),
        label: theme.label(),
        is_current: theme == current,
    });
    switch(page, ("Theme", "theme"), &choices)
}

fn visitor(session: &Session, page: &PageContext) -> Markup {
    let person = &session.visitor;
    html! {
        details.menu {
            summary aria-label={ "Signed in as " (person.name) } { bdi.who { (person.name) } }
            div.menu-box {
                dl {
                    dt { "Signed in as" } dd { bdi { (person.actor) } }
                    dt { "Tenant" } dd.mono { (person.tenant) }
                    dt { "Permission" } dd.mono { (person.permission) }
                }
                form method="post" action=(page.links.to(links::SIGN_OUT)) {
                    input type="hidden" name=(FORM_TOKEN) value=(session.form_token);
                    button { "Sign out" }
                }
            }
        }
    }
}

fn footer(page: &PageContext, version: &'static str) -> Markup {
    html! {
        footer.foot {
            (themes(page))
            span { "Times in " b data-zone-name { "UTC" } }
            @if page.session().is_some() {
                span.keys-hint { "Press " kbd { "?" } " for keys" }
                a href=(page.links.to("/docs")) { "API" }
            }
            span.grow {}
            span { "flowruns " (version) }
        }
    }
}

/// The dialog that explains the keys. The same keys are in the script.
fn keys() -> Markup {
    html! {
        dialog #keys aria-labelledby="keys-title" {
            h2 #keys-title { "Keys" }
            dl.keys {
                dt { kbd { "/" } } dd { "search" }
                dt { kbd { "j" } " " kbd { "k" } } dd { "next, previous row; " kbd { "Enter" } " opens it" }
                dt { kbd { "[" } " " kbd { "]" } } dd { "the page or run before, after" }
                dt { kbd { "o" } " " kbd { "r" } " " kbd { "t" } } dd { "flows, runs, timeline" }
                dt { kbd { "z" } } dd { "UTC or local time" }
                dt { kbd { "c" } } dd { "copy the link of this page" }
                dt { kbd { "?" } } dd { "these keys" }
            }
            form method="dialog" { button.main { "Close" } }
        }
    }
}

/// The request id that a person tells the operators, with the path but without the query: that of the sign-in has codes.
pub(crate) fn request_line(
    error: &RequestError,
    request: uuid::Uuid,
    page: &PageContext,
) -> Markup {
    let path = page.address.split('?').next().unwrap_or_default();
    html! {
        p.small.dim.mono.break-anywhere {
            (path) " · " (error.status.as_u16()) " " (error.code) " · request " (request)
        }
    }
}
