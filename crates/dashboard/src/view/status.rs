//! How a status is shown: by shape, word and colour. The one place that maps a status to its words.

use flowruns_domain::run::{Outcome, RunStatus};
use maud::{Markup, html};

use super::{
    icon::{Icon, icon},
    shape::shapes,
};

/// How a status is shown.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct StatusLook {
    pub(crate) icon: Icon,
    /// As a person says it.
    pub(crate) word: &'static str,
    /// What it means, as a sentence.
    pub(crate) meaning: &'static str,
    /// The class of its colour.
    pub(crate) class: &'static str,
}

/// How a status is shown.
pub(crate) const fn look(status: RunStatus) -> StatusLook {
    match status {
        RunStatus::Running => StatusLook {
            icon: Icon::Running,
            word: "running",
            meaning: "The run is in progress.",
            class: "run",
        },
        RunStatus::Ended(Outcome::Completed) => StatusLook {
            icon: Icon::Completed,
            word: "completed",
            meaning: "Everything was imported.",
            class: "ok",
        },
        RunStatus::Ended(Outcome::CompletedWithWarnings) => StatusLook {
            icon: Icon::Warning,
            word: "completed with warnings",
            meaning: "Optional values were dropped; their records were imported.",
            class: "warn",
        },
        RunStatus::Ended(Outcome::CompletedWithErrors) => StatusLook {
            icon: Icon::Error,
            word: "completed with errors",
            meaning: "Records were dropped; the others were imported.",
            class: "err",
        },
        RunStatus::Ended(Outcome::Failed) => StatusLook {
            icon: Icon::Failed,
            word: "failed",
            meaning: "The run could not be completed.",
            class: "fail",
        },
    }
}

/// The statuses in the order of legends and filters: the best first, then a run in progress.
pub(crate) const IN_ORDER: [RunStatus; 5] = [
    RunStatus::Ended(Outcome::Completed),
    RunStatus::Ended(Outcome::CompletedWithWarnings),
    RunStatus::Ended(Outcome::CompletedWithErrors),
    RunStatus::Ended(Outcome::Failed),
    RunStatus::Running,
];

/// A status with its icon and word.
pub(crate) fn badge(status: RunStatus) -> Markup {
    let StatusLook { icon: picture, word, meaning, class } = look(status);
    html! {
        span class={ "badge " (class) } title=(meaning) { (icon(picture)) (word) }
    }
}

/// The status of a page about one run.
pub(crate) fn big_badge(status: RunStatus) -> Markup {
    let StatusLook { icon: picture, word, meaning, class } = look(status);
    html! {
        span class={ "badge big " (class) } title=(meaning) { (icon(picture)) (word) }
    }
}

/// How many runs of each status, as a sentence for readers: `48 completed, 2 failed`.
pub(crate) fn counts(statuses: impl Iterator<Item = RunStatus>) -> String {
    let mut counted = IN_ORDER.map(|status| (status, 0_usize));
    for status in statuses {
        let same = counted.iter_mut().find(|(one, _)| *one == status);
        if let Some((_, count)) = same {
            *count += 1;
        }
    }
    let present = counted.into_iter().filter(|(_, count)| *count > 0);
    let words: Vec<_> =
        present.map(|(status, count)| format!("{count} {}", look(status).word)).collect();
    words.join(", ")
}

/// The shapes of strips and what they mean.
pub(crate) fn legend() -> Markup {
    html! {
        p.legend {
            span { "Oldest left. Taller is worse:" }
            @for status in IN_ORDER {
                span {
                    svg viewBox="0 0 6 24" aria-hidden="true" { (shapes(status, std::iter::once(0))) }
                    (look(status).word)
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_has_a_look_of_its_own() {
        for (at, one) in IN_ORDER.into_iter().enumerate() {
            for other in &IN_ORDER[at + 1..] {
                let (one, other) = (look(one), look(*other));
                assert_ne!(one.icon, other.icon);
                assert_ne!(one.word, other.word);
                assert_ne!(one.class, other.class);
            }
        }
        assert_eq!(IN_ORDER.len(), RunStatus::ALL.len());
    }

    #[test]
    fn runs_are_counted_by_status() {
        let statuses = [RunStatus::Running, IN_ORDER[0], IN_ORDER[0], IN_ORDER[3]];
        assert_eq!(counts(statuses.into_iter()), "2 completed, 1 failed, 1 running");
        assert_eq!(counts([].into_iter()), "");
    }
}
