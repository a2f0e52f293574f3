//! What is wrong with the newest runs of a flow, before anything else.

use maud::{Markup, html};

use super::{
    NOTICE,
    view::{ErrorExcerpt, FlowView},
};
use crate::{
    address::{Against, RunPageAddress},
    links::Links,
    pages::streak::{FailureStreak, RunReference},
    view::{
        icon::{Icon, icon},
        leaf,
        status::look,
        time::{ticking_ago, time},
    },
};

impl FlowView {
    /// The notice; an empty element if the newest run that ended did its work.
    pub(super) fn notice_fragment(&self, links: &Links) -> Markup {
        html! {
            div.stack #(NOTICE) {
                @match (&self.failing, &self.with_errors) {
                    (Some(streak), _) => (self.failed(streak, links)),
                    (None, Some(run)) => (self.errors(run, links)),
                    (None, None) => {}
                }
            }
        }
    }

    fn failed(&self, streak: &FailureStreak, links: &Links) -> Markup {
        let newest = RunPageAddress::new(self.key.flow, streak.newest.id);
        html! {
            section.note.bad.tall aria-label="The newest runs failed" {
                p {
                    (icon(Icon::Failed)) " "
                    b { (how_many(streak)) }
                    ", since " (time(streak.first.start)) " (" (ticking_ago(streak.first.start, self.now)) "). "
                    (self.last_good(streak, links))
                }
                @if let Some(error) = &self.error { (excerpt(error)) }
                p.row {
                    a.btn.main href=(links.to(newest)) { "Open the newest failure" }
                    @if streak.last_good.is_some() {
                        a.btn href=(links.to(newest.with_against(Against::Completed).with_only_differences(true))) {
                            "What differs from the last good run"
                        }
                    }
                }
            }
        }
    }

    fn last_good(&self, streak: &FailureStreak, links: &Links) -> Markup {
        let Some(good) = &streak.last_good else {
            return html! { "No run before that completed." };
        };
        html! {
            "The last good run: "
            a href=(links.run(self.key.run(good.id))) { bdi { (good.name) } }
            ", " (time(good.start)) " (" (ticking_ago(good.start, self.now)) "), " (look(good.status).word) "."
        }
    }

    fn errors(&self, run: &RunReference, links: &Links) -> Markup {
        html! {
            div.note.warn {
                (icon(Icon::Error))
                span {
                    b { "The newest run completed with errors" }
                    ", " (time(run.start)) ": records were dropped."
                }
                a href=(links.run(self.key.run(run.id))) { "Open it" }
            }
        }
    }
}

fn how_many(streak: &FailureStreak) -> String {
    match (streak.failures, streak.may_be_longer) {
        (1, _) => "The newest run failed".to_owned(),
        (failures, false) => format!("The newest {failures} runs failed"),
        (failures, true) => format!("At least the newest {failures} runs failed"),
    }
}

/// The code and the beginning of the message of an error.
pub(super) fn excerpt(error: &ErrorExcerpt) -> Markup {
    html! {
        p.why {
            @if let Some(code) = &error.code { code { bdi { (leaf::cut(code)) } } " " }
            @if let Some(message) = &error.message { bdi { (message) } }
        }
    }
}
