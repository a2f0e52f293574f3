//! The first part of the page of a run: facts, what failed since when, what is different, and the error.

use std::time::Duration;

use flowruns_domain::cadence::UsualDuration;
use maud::{Markup, html};

use super::{
    OUTCOME,
    view::{RunView, SeenBefore},
};
use crate::{
    links::Links,
    pages::streak::{FailureStreak, RunReference},
    view::{
        icon::{Icon, icon},
        leaf,
        statistics::{Change, MemberRow},
        status::{badge, look},
        time::{between, rough_length, seconds, ticking_ago, ticking_duration, time},
    },
};

/// How many differences are named before the table.
const HIGHLIGHTS: usize = 5;

impl RunView {
    /// What changes when the run ends: the facts and what they mean.
    pub(super) fn outcome_fragment(&self, links: &Links) -> Markup {
        html! {
            div.stack #(OUTCOME) {
                section.panel aria-label="Facts" {
                    dl.facts { (self.facts()) }
                    (self.progress())
                }
                @if let Some(reason) = &self.stale {
                    div.note.warn { (icon(Icon::Stale)) span { b { "This run may be stale." } " " (reason) } }
                }
                @if let Some(streak) = &self.failing { (self.failure_note(streak, links)) }
                @if let Some(error) = &self.error { (error.markup(self.seen.map(seen_before).as_ref())) }
            }
        }
    }

    fn facts(&self) -> Markup {
        let run = &self.run;
        let reporter = self.history.last().filter(|_| self.address.history.is_none());
        html! {
            div { dt { "Outcome" } dd { (look(run.status).meaning) } }
            div { dt { "Start" } dd { (time(run.start)) " " span.small.dim { (ticking_ago(run.start, self.now)) } } }
            @if let Some(end) = run.end { div { dt { "End" } dd { (time(end)) } } }
            div {
                dt { @if self.is_running() { "Running for" } @else { "Duration" } }
                dd {
                    @if self.is_running() { (ticking_duration(run.start, self.now)) } @else { (seconds(self.seconds())) }
                    " " span.small.dim { (self.compared_duration()) }
                }
            }
            @if self.is_running() { div { dt { "Last report" } dd { (ticking_ago(run.modified, self.now)) } } }
            @if let Some(event) = reporter { div { dt { "Reported by" } dd { bdi { (event.actor) } } } }
            div { dt { "Version" } dd { (run.version) } }
            div { dt { "Run id" } dd.mono.small { (self.key.run) } }
        }
    }

    /// How the duration compares to the usual one.
    fn compared_duration(&self) -> String {
        match self.usual {
            Some(usual) if self.is_running() => {
                format!("usually {}", seconds(usual.median.as_secs_f64()))
            }
            Some(usual) => compared(self.seconds(), usual),
            None => String::new(),
        }
    }

    /// A bar, if the statistics name what is done and the total, as `progress/done` and `progress/total`.
    fn progress(&self) -> Markup {
        let number = |name: &str| {
            let path = leaf::LeafPath::new(vec!["progress".to_owned(), name.to_owned()]);
            leaf::value_at(&self.run.statistics, &path).and_then(leaf::number)
        };
        let (Some(done), Some(total), true) = (number("done"), number("total"), self.is_running())
        else {
            return Markup::default();
        };
        if !(total > 0.0 && (0.0..=total).contains(&done)) {
            return Markup::default();
        }
        let part = done / total;
        let shown = |number: f64| leaf::grouped(&number.to_string());
        html! {
            div.facts {
                div {
                    span.k { "Progress" }
                    span {
                        (shown(done)) " of " (shown(total))
                        @if let Some(left) = self.left(part) { " · about " (rough_length(left)) " left at the last report" }
                    }
                    svg.progress viewBox="0 0 100 8" preserveAspectRatio="none" role="img" aria-label=(format!("{:.0} percent", part * 100.0)) {
                        rect width="100" height="8" rx="1" {}
                        rect width=(format!("{:.1}", part * 100.0)) height="8" rx="1" {}
                    }
                }
            }
        }
    }

    /// How much time was left when a part of the work was reported, at the speed until then; `None` while the part is small. It
    /// does not depend on the current time, with which it would grow until the next report.
    fn left(&self, part: f64) -> Option<Duration> {
        let elapsed = between(self.run.start, self.run.modified).as_seconds_f64();
        let left = Duration::try_from_secs_f64(elapsed * (1.0 - part) / part);
        left.ok().filter(|_| part > 0.02)
    }

    /// Since when the flow fails, the last good run, and what differs from it.
    fn failure_note(&self, streak: &FailureStreak, links: &Links) -> Markup {
        let highlights = self.comparison.highlights(HIGHLIGHTS);
        html! {
            section.note.bad.tall aria-label="Since when, and what is different" {
                p {
                    (icon(Icon::Failed))
                    " " (failures(streak))
                    " " (self.last_good(streak, links))
                    @if let Some(next) = self.next.as_ref() { " " (self.afterwards(next, links)) }
                }
                @if let (Some(other), false) = (&self.compared_with, highlights.is_empty()) {
                    p { b { "Different from " (self.other_name(other)) ":" } }
                    ul.plain {
                        @for row in highlights { li { (highlight(row)) } }
                    }
                }
            }
        }
    }

    fn last_good(&self, streak: &FailureStreak, links: &Links) -> Markup {
        let Some(good) = &streak.last_good else {
            return html! { "No run that completed is among the ones before it." };
        };
        html! {
            "The last good run started " (time(good.start)) " (" (ticking_ago(good.start, self.now)) "): "
            a href=(links.run(self.key.flow_key().run(good.id))) { bdi { (good.name) } }
            ", " (look(good.status).word) "."
        }
    }

    fn afterwards(&self, next: &RunReference, links: &Links) -> Markup {
        html! {
            "The run after it: " a href=(links.run(self.key.flow_key().run(next.id))) { (badge(next.status)) }
        }
    }

    /// The run that is compared, in words.
    pub(super) fn other_name(&self, other: &RunReference) -> &'static str {
        use super::read::Choice;
        match (self.choice, other.is_success()) {
            (Choice::Completed, true) => "the last good run",
            (Choice::Before, _) => "the run before",
            (Choice::Completed | Choice::Run(_), _) => "the other run",
        }
    }
}

/// `Failed 3 times in a row, since …`.
fn failures(streak: &FailureStreak) -> Markup {
    html! {
        @match (streak.failures, streak.may_be_longer) {
            (1, false) => b { "The first failure" },
            (1, true) => b { "Failed" },
            (failures, false) => b { "Failed " (failures) " times in a row" },
            (failures, true) => b { "Failed at least " (failures) " times in a row" },
        }
        @if streak.failures > 1 { ", since " (time(streak.first.start)) }
        "."
    }
}

fn seen_before(seen: SeenBefore) -> Markup {
    html! {
        span.small {
            @match seen.runs {
                0 => { "This code is new: none of the " (seen.of) " runs before has it." },
                runs => { "The same code in " (runs) " of the " (seen.of) " runs before." },
            }
        }
    }
}

/// A difference in a line: `records/read 30,000 instead of 49,102 (−38.9 %)`.
fn highlight(row: &MemberRow) -> Markup {
    html! {
        a.mono href=(format!("#{}", row.anchor)) { bdi { (leaf::cut(&row.path)) } }
        " "
        @match (&row.this, &row.other) {
            (Some(this), Some(other)) => {
                b { bdi { (leaf::shown(this)) } } " instead of " bdi { (leaf::shown(other)) }
            }
            (Some(this), None) => { b { bdi { (leaf::shown(this)) } } ", which the other run does not have" }
            (None, Some(other)) => { b { "is missing" } "; it was " bdi { (leaf::shown(other)) } }
            (None, None) => {}
        }
        @if let Change::Number { percent: Some(percent), .. } = row.change {
            span.dim { " (" (percent_in_words(percent)) ")" }
        }
        @if row.is_unusual() { " " span.unusual { "unusual" } }
    }
}

/// `+12 %`, `−38.9 %`; with a decimal below 100.
pub(super) fn percent_in_words(percent: f64) -> String {
    let sign = if percent < 0.0 { '−' } else { '+' };
    let size = percent.abs();
    match size {
        0.0..0.1 => format!("{sign}0.1 % or less"),
        0.1..100.0 => format!("{sign}{size:.1} %"),
        100.0..10_000.0 => format!("{sign}{} %", leaf::grouped(&format!("{size:.0}"))),
        _ => format!("{sign}more than 10,000 %"),
    }
}

/// How a duration compares to the usual one.
pub(crate) fn compared(length: f64, usual: UsualDuration) -> String {
    let usual = usual.median.as_secs_f64();
    let median = seconds(usual);
    if usual <= 0.0 {
        return format!("usually {median}");
    }
    let ratio = length / usual;
    match ratio {
        0.95..1.05 => format!("as usual ({median})"),
        0.0..0.5 => format!("{:.0} % of the usual {median}", ratio * 100.0),
        0.5..0.95 => format!("{:.0} % shorter than the usual {median}", (1.0 - ratio) * 100.0),
        1.05..3.0 => format!("{:.0} % longer than the usual {median}", (ratio - 1.0) * 100.0),
        _ => format!("{ratio:.1} times the usual {median}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usual(seconds: u64) -> UsualDuration {
        let median = Duration::from_secs(seconds);
        UsualDuration { median, low: median, high: median, ninetieth: median }
    }

    #[test]
    fn a_duration_is_compared_in_words() {
        let usual = usual(2000);
        for (length, expected) in [
            (700.0, "35 % of the usual 33 min 20 s"),
            (1500.0, "25 % shorter than the usual 33 min 20 s"),
            (2010.0, "as usual (33 min 20 s)"),
            (2500.0, "25 % longer than the usual 33 min 20 s"),
            (9000.0, "4.5 times the usual 33 min 20 s"),
        ] {
            assert_eq!(compared(length, usual), expected);
        }
        assert_eq!(compared(3.0, super::tests::usual(0)), "usually 0 s");
    }

    #[test]
    fn a_percentage_has_as_many_digits_as_it_needs() {
        for (percent, expected) in [
            (-38.92, "−38.9 %"),
            (0.01, "+0.1 % or less"),
            (1234.5, "+1,234 %"),
            (1e9, "+more than 10,000 %"),
        ] {
            assert_eq!(percent_in_words(percent), expected);
        }
    }
}
