//! Check boxes that choose runs to end, and the form that sends them. A page has the check boxes anywhere, and the form once:
//! HTML relates them by the id of the form, so that no form holds a table or another form.

use maud::{Markup, html};

use crate::{address::ChosenRun, context::PageContext, links, request::FORM_TOKEN};

/// The id of the form.
const FORM: &str = "end-form";

/// The check box of a run. `run` tells people who do not see the row which run it is, such as `this run of Rosters`.
pub(crate) fn check_box(chosen: ChosenRun, run: &str) -> Markup {
    html! {
        input type="checkbox" name="run" value=(chosen) form=(FORM) aria-label={ "Choose " (run) };
    }
}

/// The check box that chooses all runs of the page. It works with the script only, which shows it in the place
/// that the style sheet keeps for it.
pub(crate) fn all() -> Markup {
    html! {
        input #all type="checkbox" hidden aria-label="Choose all that are running";
    }
}

/// The form of the check boxes, which the style sheet shows while the page has some: with a page that is live, they come and
/// go. Nothing without a session.
pub(crate) fn end_form(page: &PageContext) -> Markup {
    html! {
        @if let Some(session) = page.session() {
            form #(FORM) .end-form method="post" action=(page.links.to(links::END)) {
                input type="hidden" name=(FORM_TOKEN) value=(session.form_token);
                span #chosen-count { "Choose runs that are stale, to end them." }
                span.grow {}
                button.danger { "End as failed…" }
            }
        }
    }
}
