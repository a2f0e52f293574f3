//! The filters of the runs: links, and a form for exact times.

use flowruns_domain::timestamp::Timestamp;
use maud::{Markup, html};

use crate::{
    address::{RunsAddress, Span, Statuses, Window},
    links::{Links, RUNS},
    view::{
        icon::icon,
        status::{IN_ORDER, look},
    },
};

/// Everything that can be chosen. Each link keeps what is chosen already.
pub(super) fn filters(address: &RunsAddress, links: &Links) -> Markup {
    let is_filtered = address.with_window(address.window) != RunsAddress::default();
    html! {
        div.filters {
            div.field { span { "Status" } (statuses(address, links)) }
            div.field { span { "Start" } (spans(address, links)) }
            (exact_times(address, links))
            @if is_filtered { a.btn.quiet href=(links.to(RUNS)) { "Clear" } }
        }
    }
}

fn statuses(address: &RunsAddress, links: &Links) -> Markup {
    let any = address.with_statuses(Statuses::default());
    html! {
        nav.chips aria-label="Status" {
            a.chip href=(links.to(&any)) aria-current=[current(address.statuses.is_all())] { "Any" }
            @for status in IN_ORDER {
                @let look = look(status);
                @let toggled = address.with_statuses(address.statuses.toggled(status));
                a.chip href=(links.to(&toggled)) aria-current=[current(address.statuses.names(status))] {
                    (icon(look.icon)) (look.word)
                }
            }
        }
    }
}

fn spans(address: &RunsAddress, links: &Links) -> Markup {
    let all = address.with_window(Window::All);
    html! {
        span.seg role="group" aria-label="Start" {
            a href=(links.to(&all)) aria-current=[current(address.window == Window::All)] { "Any" }
            @for span in Span::OFFERED {
                @let window = Window::Since(span);
                a href=(links.to(address.with_window(window))) aria-current=[current(address.window == window)] {
                    (span.words())
                }
            }
        }
    }
}

/// Times are entered in UTC, because the server does not know the zone of the person.
fn exact_times(address: &RunsAddress, links: &Links) -> Markup {
    let (from, to) = match address.window {
        Window::Between { from, to } => (from, to),
        Window::All | Window::Since(_) => (None, None),
    };
    let is_open = from.is_some() || to.is_some();
    html! {
        details.exact open[is_open] {
            summary { "Exact times" }
            form.row action=(links.to(RUNS)) {
                @if !address.statuses.is_all() {
                    input type="hidden" name="status" value=(address.statuses);
                }
                div.field {
                    label for="from" { "From (UTC)" }
                    input #from type="datetime-local" name="from" step="1" value=[from.map(field)];
                }
                div.field {
                    label for="to" { "To (UTC)" }
                    input #to type="datetime-local" name="to" step="1" value=[to.map(field)];
                }
                button.main { "Show" }
            }
        }
    }
}

/// A time as a field of a form holds it: to the second, without an offset.
fn field(time: Timestamp) -> String {
    time.date_time().format("%Y-%m-%dT%H:%M:%S").to_string()
}

fn current(is_current: bool) -> Option<&'static str> {
    is_current.then_some("true")
}
