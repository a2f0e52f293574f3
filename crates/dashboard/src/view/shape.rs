//! The shapes of runs in strips and in the legend. Each status has a shape of its own: taller is worse.

use flowruns_domain::run::{Outcome, RunStatus};
use maud::{Markup, Render, html};

/// A rounded rectangle from the middle to the bottom.
macro_rules! half {
    () => {
        "m0 13q0-1 1-1h4q1 0 1 1v10q0 1-1 1h-4q-1 0-1-1z"
    };
}

/// The outline of a status, as commands of a path relative to the upper left corner of 6 by 24 units.
const fn outline(status: RunStatus) -> &'static str {
    match status {
        RunStatus::Ended(Outcome::Completed) => half!(),
        RunStatus::Ended(Outcome::CompletedWithWarnings) => {
            concat!(half!(), "m0-6a3 3 0 0 1 6 0a3 3 0 0 1-6 0z")
        }
        RunStatus::Ended(Outcome::CompletedWithErrors) => {
            "m0 3q0-1 1-1h4q1 0 1 1v6q0 1-1 1h-4q-1 0-1-1zm0 11q0-1 1-1h4q1 0 1 1v9q0 1-1 1h-4q-1 0-1-1z"
        }
        RunStatus::Ended(Outcome::Failed) => "m0 1q0-1 1-1h4q1 0 1 1v22q0 1-1 1h-4q-1 0-1-1z",
        RunStatus::Running => "m.8 13.8q0-1 1-1h2.4q1 0 1 1v8.4q0 1-1 1h-2.4q-1 0-1-1z",
    }
}

/// The class of its fill, or of its stroke.
const fn class(status: RunStatus) -> &'static str {
    match status {
        RunStatus::Ended(Outcome::Completed) => "f-ok",
        RunStatus::Ended(Outcome::CompletedWithWarnings) => "f-warn",
        RunStatus::Ended(Outcome::CompletedWithErrors) => "f-err",
        RunStatus::Ended(Outcome::Failed) => "f-fail",
        RunStatus::Running => "s-run",
    }
}

/// The shapes of all runs of a status, by their left edges, as one path: an element for each shape would take a slow processor
/// longer to lay out than the rest of a page.
pub(crate) fn shapes(status: RunStatus, edges: impl Iterator<Item = usize> + Clone) -> Markup {
    shape(class(status), outline(status), edges)
}

/// Placeholders for missing runs.
pub(crate) fn absent(edges: impl Iterator<Item = usize> + Clone) -> Markup {
    shape("f-none", "m1 22h4v2h-4z", edges)
}

fn shape(class: &str, outline: &str, edges: impl Iterator<Item = usize> + Clone) -> Markup {
    let is_empty = edges.clone().next().is_none();
    html! {
        @if !is_empty { path class=(class) d=(Outlines { outline, edges }) {} }
    }
}

/// The commands of a path with one outline at each edge. None of their characters needs an escape.
struct Outlines<'a, I> {
    outline: &'a str,
    edges: I,
}

impl<I: Iterator<Item = usize> + Clone> Render for Outlines<'_, I> {
    fn render_to(&self, out: &mut String) {
        for x in self.edges.clone() {
            out.push('M');
            x.render_to(out);
            out.push_str(" 0");
            out.push_str(self.outline);
        }
    }
}
