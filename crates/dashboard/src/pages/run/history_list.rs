//! The history of a run as a list.

use flowruns_domain::{run::RunStatus, version::Version};
use maud::{Markup, html};

use super::{
    HISTORY,
    history::{Changes, Entry, HistoryItem, Progress},
    view::RunView,
};
use crate::{
    address::HistoryPart,
    links::Links,
    view::{
        icon::{Icon, icon},
        leaf,
        status::look,
        time::{clock_time, time},
    },
};

impl RunView {
    pub(super) fn history_fragment(&self, links: &Links) -> Markup {
        html! {
            section.panel #(HISTORY) aria-labelledby="h-t" {
                header {
                    h2 #h-t { "History" }
                    span.small.dim { "who changed what, oldest first" }
                    span.grow {}
                    (self.part_of_history())
                }
                (self.older(links))
                @if self.items.is_empty() {
                    p.body.dim { "No entries of this part of the history are stored." }
                }
                ol.hist { @for item in &self.items { (list_item(item)) } }
                (self.newer(links))
            }
        }
    }

    fn versions(&self) -> Option<(i64, i64)> {
        Some((self.history.first()?.version, self.history.last()?.version))
    }

    fn part_of_history(&self) -> Markup {
        html! {
            @match self.versions() {
                Some((first, last)) if first > 1 || last < self.run.version.number() => {
                    span.small.dim {
                        "versions " (leaf::grouped(&first.to_string())) " to " (leaf::grouped(&last.to_string()))
                        " of " (leaf::grouped(&self.run.version.to_string()))
                    }
                }
                _ => {}
            }
        }
    }

    fn older(&self, links: &Links) -> Markup {
        let older = self.versions().and_then(|(first, _)| Version::new(first - 1));
        html! {
            @if let Some(older) = older {
                p.body {
                    a.btn rel="nofollow" href=(self.part(HistoryPart::UpTo(older), links)) { "Older entries" }
                    " "
                    a.btn href=(self.part(HistoryPart::From(Version::FIRST), links)) { "From the beginning" }
                }
            }
        }
    }

    fn newer(&self, links: &Links) -> Markup {
        let last = self.versions().map(|(_, last)| last);
        let newer = last.and_then(|last| Version::new(last + 1));
        html! {
            @if self.address.history.is_some() && last != Some(self.run.version.number()) {
                p.body {
                    @if let Some(newer) = newer {
                        a.btn href=(self.part(HistoryPart::From(newer), links)) { "Newer entries" }
                        " "
                    }
                    a.btn href=(links.to(self.address.with_history(None))) { "Newest entries" }
                }
            }
        }
    }

    fn part(&self, part: HistoryPart, links: &Links) -> String {
        links.to(self.address.with_history(Some(part)))
    }
}

fn list_item(item: &HistoryItem) -> Markup {
    match item {
        HistoryItem::Entry(entry) => entry_item(entry),
        HistoryItem::Progress(progress) => progress_item(progress),
    }
}

fn entry_item(entry: &Entry) -> Markup {
    let picture = match entry.status {
        Some(status) => icon(look(status).icon),
        None => icon(Icon::Running),
    };
    html! {
        li id=(format!("v{}", entry.version)) {
            (picture)
            div.when {
                b { (entry.title) }
                span.small.dim { (time(entry.occurred)) }
                a.small href=(format!("#v{}", entry.version)) { "version " (entry.version) }
            }
            p.small.dim {
                bdi { (entry.actor) } " · request " span.mono { (short(&entry.request.to_string())) }
            }
            (changes(&entry.changes))
        }
    }
}

/// The first part of an id, enough to find it in a log.
fn short(id: &str) -> &str {
    id.split('-').next().unwrap_or(id)
}

fn progress_item(progress: &Progress) -> Markup {
    let (Some((first, from)), Some((last, to))) =
        (progress.reports.first(), progress.reports.last())
    else {
        return Markup::default();
    };
    html! {
        li {
            (icon(look(RunStatus::Running).icon))
            details {
                summary {
                    b { (progress.reports.len()) " progress reports" } " "
                    span.small.dim {
                        "versions " (first) " to " (last) ", " (clock_time(*from)) " to " (clock_time(*to))
                    }
                }
                p.small.dim { bdi { (progress.actor) } }
                p.small {
                    @for (version, occurred) in &progress.reports {
                        span id=(format!("v{version}")) { "version " (version) " " (clock_time(*occurred)) } " "
                    }
                }
                (changes(&progress.changes))
            }
        }
    }
}

fn changes(changes: &Changes) -> Markup {
    html! {
        @if !changes.leaves.is_empty() {
            dl.diff {
                @for change in &changes.leaves {
                    dt { bdi { (change.path) } }
                    dd {
                        @if let Some(before) = &change.before { del { bdi { (before) } } " " }
                        @if let Some(after) = &change.after { ins { bdi { (after) } } }
                    }
                }
            }
        }
        @if changes.left_out > 0 {
            p.small.dim { (leaf::grouped(&changes.left_out.to_string())) " more changes are in the JSON of this page." }
        }
    }
}
