//! The strip of the last runs of a flow: one cell a run, the oldest left.

use flowruns_domain::{
    dashboard::RunsPerFlow,
    id::{FlowKey, RunId},
    run::RunStatus,
    timestamp::Timestamp,
};
use maud::{Markup, Render, html};
use serde::Serialize;
use uuid::Uuid;

use super::{
    shape::{absent, shapes},
    status::{IN_ORDER, counts, look},
    time::{between, push_rough, utc_minute},
};
use crate::{
    json,
    links::{Links, runs_path},
};

/// How many cells a strip has.
pub(crate) const CELLS: usize = RunsPerFlow::MAX.get() as usize;
/// The width of a cell with the space after it, in units of the picture.
const STEP: usize = 8;

/// One run of a strip.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Cell {
    #[serde(serialize_with = "json::text")]
    pub(crate) run: RunId,
    #[serde(serialize_with = "json::status")]
    pub(crate) status: RunStatus,
    #[serde(serialize_with = "json::text")]
    pub(crate) start: Timestamp,
    /// `None` for a run in progress.
    #[serde(serialize_with = "json::optional_text")]
    pub(crate) end: Option<Timestamp>,
}

/// A strip of at most [`CELLS`] runs, the oldest first. Its links are for the mouse: a reader and the keyboard get one sentence,
/// and the page of the flow has each run.
pub(crate) fn strip(flow: FlowKey, cells: &[Cell], links: &Links) -> Markup {
    let cells = &cells[cells.len().saturating_sub(CELLS)..];
    let missing = CELLS - cells.len();
    let edges = (missing..CELLS).map(|at| at * STEP);
    let runs = html! { (links.to(runs_path(flow.flow))) };
    html! {
        svg.strip viewBox="0 0 400 24" preserveAspectRatio="none" aria-hidden="true" {
            @for (x, cell) in edges.clone().zip(cells) {
                a href={ (runs) (IdText(cell.run.uuid())) } tabindex="-1" {
                    rect x=(x) {}
                    title { (Description(cell)) }
                }
            }
            (absent((0..missing).map(|at| at * STEP)))
            @for status in IN_ORDER {
                (shapes(status, edges.clone().zip(cells).filter(|(_, cell)| cell.status == status).map(|(x, _)| x)))
            }
        }
        span.sr { (summary(cells)) }
    }
}

/// The words of one run. How long a run is in progress is not among them, so that a strip changes only when a run does. A page
/// has a thousand of them, so they are not to the second, and are written without a text of their own. None of their characters
/// needs an escape.
struct Description<'a>(&'a Cell);

impl Render for Description<'_> {
    fn render_to(&self, out: &mut String) {
        let Self(cell) = self;
        out.push_str(look(cell.status).word);
        out.push_str(if cell.end.is_some() { ", " } else { " since " });
        out.extend(utc_minute(cell.start));
        out.push_str(" UTC");
        if let Some(end) = cell.end {
            out.push_str(", ");
            push_rough(out, between(cell.start, end).num_seconds());
        }
    }
}

/// An id as text, written without the machinery of formats.
struct IdText(Uuid);

impl Render for IdText {
    fn render_to(&self, out: &mut String) {
        out.push_str(self.0.hyphenated().encode_lower(&mut Uuid::encode_buffer()));
    }
}

/// The strip as a sentence.
fn summary(cells: &[Cell]) -> String {
    match cells {
        [] => "No runs yet.".to_owned(),
        [one] => format!("One run: {}.", look(one.status).word),
        cells => {
            format!("Last {} runs: {}.", cells.len(), counts(cells.iter().map(|cell| cell.status)))
        }
    }
}

#[cfg(test)]
mod tests {
    use flowruns_domain::run::Outcome;
    use flowruns_testing::fixtures::{fresh_flow, fresh_tenant, run_key, time};

    use super::*;

    fn cells(flow: FlowKey, count: u64) -> Vec<Cell> {
        let cell = |number| Cell {
            run: run_key(flow, number).run,
            status: RunStatus::Ended(Outcome::Failed),
            start: time("2026-03-01T08:30:00Z"),
            end: Some(time("2026-03-01T08:35:03Z")),
        };
        (1..=count).map(cell).collect()
    }

    #[test]
    fn a_strip_has_a_cell_for_each_of_the_last_runs() {
        let flow = fresh_flow(fresh_tenant()).key;
        for (count, links, sentence) in [
            (0, 0, "No runs yet."),
            (1, 1, "One run: failed."),
            (3, 3, "Last 3 runs: 3 failed."),
            (60, 50, "Last 50 runs: 50 failed."),
        ] {
            let html = strip(flow, &cells(flow, count), &Links::default()).into_string();
            assert_eq!(html.matches("<a href=\"/ui/flows/").count(), links);
            assert_eq!(html.matches("M").count(), CELLS, "a shape for each cell: {html}");
            assert_eq!(html.matches("class=\"f-fail\"").count(), usize::from(links > 0));
            assert!(html.contains(sentence), "{html}");
        }
        let html = strip(flow, &cells(flow, 1), &Links::new("/team")).into_string();
        assert!(html.contains("<a href=\"/team/ui/flows/"), "{html}");
        assert!(html.contains("failed, 2026-03-01 08:30 UTC, 5 min"), "{html}");
    }
}
