//! The page that shows what will be ended, and asks for the reason.

use std::collections::HashMap;

use flowruns_domain::{
    id::FlowId,
    run::{RunStatus, RunSummary},
    timestamp::Timestamp,
};
use maud::{Markup, html};
use serde::Serialize;

use super::{
    CONFIRMED, STEP,
    chosen::StoredChoice,
    reason::{InvalidReason, Reason},
    running,
};
use crate::{
    address::ChosenRun,
    context::PageContext,
    links::{END, Links},
    page::{Area, Fragments, View},
    request::FORM_TOKEN,
    view::{
        status::badge,
        time::{between, duration, time},
    },
};

/// The page.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Confirmation {
    /// How many runs are in progress.
    running: usize,
    #[serde(skip)]
    choices: Vec<StoredChoice>,
    #[serde(skip)]
    names: HashMap<FlowId, String>,
    #[serde(skip)]
    now: Timestamp,
    /// What was written, and what is wrong with it.
    #[serde(skip)]
    invalid: Option<(String, InvalidReason)>,
}

impl Confirmation {
    pub(super) fn new(
        choices: Vec<StoredChoice>,
        names: HashMap<FlowId, String>,
        now: Timestamp,
    ) -> Self {
        let running = choices.iter().filter(|choice| choice.in_progress().is_some()).count();
        Self { running, choices, names, now, invalid: None }
    }

    /// The same page after a reason that is not valid.
    pub(super) fn with_invalid_reason(self, sent: String, invalid: InvalidReason) -> Self {
        Self { invalid: Some((sent, invalid)), ..self }
    }

    fn form(&self, page: &PageContext) -> Markup {
        let sent = self.invalid.as_ref().map_or("", |(sent, _)| sent);
        html! {
            form.body.end-form method="post" action=(page.links.to(END)) {
                @if let Some(session) = page.session() {
                    input type="hidden" name=(FORM_TOKEN) value=(session.form_token);
                }
                input type="hidden" name=(STEP) value=(CONFIRMED);
                @for run in self.choices.iter().filter_map(StoredChoice::in_progress) {
                    input type="hidden" name="run" value=(ChosenRun::new(run.key, run.version));
                }
                div.field {
                    label for="reason" { "Reason" }
                    textarea #reason name="reason" rows="3" required autofocus maxlength=(Reason::MAX_CHARS)
                        aria-describedby="reason-note" aria-invalid=[self.invalid.as_ref().map(|_| "true")] { (sent) }
                    @match &self.invalid {
                        Some((_, invalid)) => p #reason-note.small.bad role="alert" { (invalid) },
                        None => p #reason-note.small.dim { "It becomes the message of each run's error, with your name in the history." },
                    }
                }
                div.row {
                    button.danger { "End " (runs(self.running)) " as failed" }
                    a.btn href=(page.links.to(running())) { "Cancel" }
                }
            }
        }
    }

    fn row(&self, choice: &StoredChoice, links: &Links) -> Markup {
        let key = choice.chosen;
        let name = self.names.get(&key.flow).map_or("deleted flow", String::as_str);
        html! {
            tr {
                td.full {
                    span.two {
                        @match &choice.stored {
                            Some(run) => {
                                a.name href=(links.run(run.key)) { bdi { (name) } }
                                span.why { bdi { (run.display_name) } }
                            }
                            None => {
                                span.name { bdi { (name) } }
                                span.why.mono { (key.run) }
                            }
                        }
                    }
                }
                td { @if let Some(run) = &choice.stored { (badge(run.state.status())) } }
                td.nowrap data-l="Start" { @if let Some(run) = &choice.stored { (time(run.start)) } }
                td { (self.note(choice)) }
            }
        }
    }

    /// What will happen to the run.
    fn note(&self, choice: &StoredChoice) -> Markup {
        html! {
            @match &choice.stored {
                None => "Does not exist any more, and is left out.",
                Some(run) => @match (run.state.end(), run.version == choice.chosen.version) {
                    (Some(_), _) => "Has ended meanwhile, and is left out.",
                    (None, true) => { "Running for " (duration(between(run.start, self.now))) "." },
                    (None, false) => strong { "It has been reported on since you chose it, so it may not be stale." },
                },
            }
        }
    }
}

impl StoredChoice {
    /// The run, if it is still in progress.
    pub(super) fn in_progress(&self) -> Option<&RunSummary> {
        let is_running = |run: &&RunSummary| run.state.status() == RunStatus::Running;
        self.stored.as_ref().filter(is_running)
    }
}

impl View for Confirmation {
    fn title(&self) -> String {
        "End runs".to_owned()
    }

    fn area(&self) -> Option<Area> {
        Some(Area::Runs)
    }

    fn body(&self, page: &PageContext, _fragments: &Fragments) -> Markup {
        let links = &page.links;
        html! {
            div.head {
                div.title {
                    @match self.running {
                        0 => h1 { "Nothing to end" },
                        running => h1 { "End " (runs(running)) " as failed?" },
                    }
                    p.dim {
                        "An end is final: later reports of another status are rejected. A run that is reported on before you \
                         confirm is left as it is."
                    }
                }
            }
            section.panel aria-label="Chosen runs" {
                div.wide-scroll {
                    table.cards {
                        caption.sr { "Chosen runs" }
                        thead { tr { th { "Flow, run" } th { "Status" } th { "Start" } th { "Note" } } }
                        tbody { @for choice in &self.choices { (self.row(choice, links)) } }
                    }
                }
                @if self.running > 0 { (self.form(page)) } @else {
                    footer { a.btn.main href=(links.to(running())) { "Runs in progress" } }
                }
            }
        }
    }
}

/// A number of runs.
pub(super) fn runs(count: usize) -> String {
    match count {
        1 => "1 run".to_owned(),
        count => format!("{count} runs"),
    }
}
