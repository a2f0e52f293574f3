//! The page that says what became of each run.

use std::collections::HashMap;

use flowruns_domain::{
    id::{FlowId, RunKey},
    timestamp::Timestamp,
};
use maud::{Markup, html};
use serde::{Serialize, Serializer};

use super::{
    chosen::StoredChoice,
    confirm::runs,
    outcome::{EndOutcome, ReportedBy},
    running,
};
use crate::{
    context::PageContext,
    links::Links,
    page::{Area, Fragments, View},
    view::{
        icon::{Icon, icon},
        status::{StatusLook, look},
        time::{ago, time},
    },
};

/// The page.
#[derive(Debug)]
pub(super) struct Ended {
    runs: Vec<((RunKey, StoredChoice), EndOutcome)>,
    names: HashMap<FlowId, String>,
    /// The person.
    actor: String,
    now: Timestamp,
}

impl Ended {
    pub(super) fn new(
        runs: Vec<((RunKey, StoredChoice), EndOutcome)>,
        names: HashMap<FlowId, String>,
        (actor, now): (String, Timestamp),
    ) -> Self {
        Self { runs, names, actor, now }
    }

    fn count_ended(&self) -> usize {
        self.runs.iter().filter(|(_, outcome)| *outcome == EndOutcome::Ended).count()
    }

    fn row(
        &self,
        key: RunKey,
        choice: &StoredChoice,
        outcome: &EndOutcome,
        links: &Links,
    ) -> Markup {
        let name = self.names.get(&key.flow).map_or("deleted flow", String::as_str);
        html! {
            tr {
                td.full {
                    span.two {
                        a.name href=(links.run(key)) { bdi { (name) } }
                        span.why {
                            @match &choice.stored {
                                Some(run) => bdi { (run.display_name) },
                                None => span.mono { (key.run) },
                            }
                        }
                    }
                }
                td.full { span.outcome { (icon(picture(outcome))) span { (self.sentence(outcome)) } } }
            }
        }
    }

    fn sentence(&self, outcome: &EndOutcome) -> Markup {
        html! {
            @match outcome {
                EndOutcome::Ended => "Ended as failed.",
                EndOutcome::AlreadyEnded { status, by } => {
                    @let StatusLook { word, .. } = look(*status);
                    "Had already ended: " (word) (self.by(by.as_ref())) ". Nothing was changed."
                }
                EndOutcome::Changed { version, by } => {
                    "Still running: it was reported on in the meantime" (self.by(by.as_ref()))
                    " and has version " (version) " now. Nothing was changed."
                }
                EndOutcome::Gone => "Does not exist any more.",
                EndOutcome::Rejected(message) => { "Rejected: " bdi { (message) } },
                EndOutcome::Unknown => {
                    "The database did not respond, so the run may have ended or not. Look at it, or send the form again: "
                    "that never ends a run twice."
                }
            }
        }
    }

    fn by(&self, by: Option<&ReportedBy>) -> Markup {
        html! {
            @if let Some(ReportedBy { actor, at }) = by {
                ", by "
                @if *actor == self.actor { "you" } @else { bdi { (actor) } }
                ", " (time(*at)) " (" (ago(*at, self.now)) ")"
            }
        }
    }
}

const fn picture(outcome: &EndOutcome) -> Icon {
    match outcome {
        EndOutcome::Ended => Icon::Completed,
        EndOutcome::AlreadyEnded { .. } | EndOutcome::Gone => Icon::Warning,
        EndOutcome::Changed { .. } => Icon::Running,
        EndOutcome::Rejected(_) | EndOutcome::Unknown => Icon::Error,
    }
}

impl View for Ended {
    fn title(&self) -> String {
        "Ended runs".to_owned()
    }

    fn area(&self) -> Option<Area> {
        Some(Area::Runs)
    }

    fn body(&self, page: &PageContext, _fragments: &Fragments) -> Markup {
        let links = &page.links;
        let (ended, all) = (self.count_ended(), self.runs.len());
        html! {
            div.head {
                div.title {
                    h1 {
                        @if ended == all { (runs(ended)) " ended as failed" } @else {
                            (ended) " of " (runs(all)) " ended as failed"
                        }
                    }
                }
            }
            section.panel aria-label="Outcomes" {
                table.cards {
                    caption.sr { "What became of each run" }
                    thead { tr { th { "Flow, run" } th { "Outcome" } } }
                    tbody {
                        @for ((key, choice), outcome) in &self.runs { (self.row(*key, choice, outcome, links)) }
                    }
                }
                footer { a.btn.main href=(links.to(running())) { "Runs in progress" } }
            }
        }
    }
}

/// The outcome of a run as JSON.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct OutcomeObject<'a> {
    flow: String,
    id: String,
    outcome: &'static str,
    status: Option<&'static str>,
    by: Option<&'a str>,
}

impl Serialize for Ended {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let objects = self.runs.iter().map(|((key, _), outcome)| {
            let (outcome, status, by) = match outcome {
                EndOutcome::Ended => ("ended", Some("failed"), None),
                EndOutcome::AlreadyEnded { status, by } => {
                    ("alreadyEnded", Some(status.as_str()), by.as_ref())
                }
                EndOutcome::Changed { by, .. } => ("changed", Some("running"), by.as_ref()),
                EndOutcome::Gone => ("gone", None, None),
                EndOutcome::Rejected(_) => ("rejected", None, None),
                EndOutcome::Unknown => ("unknown", None, None),
            };
            let by = by.map(|by| by.actor.as_str());
            OutcomeObject {
                flow: key.flow.to_string(),
                id: key.run.to_string(),
                outcome,
                status,
                by,
            }
        });
        serializer.collect_seq(objects)
    }
}
