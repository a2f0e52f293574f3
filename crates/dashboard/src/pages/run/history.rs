//! The history of a run as people read it: leaf by leaf, and reports of progress folded.

use flowruns_domain::{
    json::JsonValue,
    property,
    run::{Action, PropertyChange, RunEvent, RunStatus},
    timestamp::Timestamp,
    version::Version,
};
use uuid::Uuid;

use super::error_text;
use crate::view::{
    leaf::{self, LeafPair, LeafPath},
    status::look,
};

/// How many changed leaves an entry shows.
const MAX_CHANGES: usize = 20;
/// How many changed leaves a page shows.
const MAX_CHANGES_OF_PAGE: usize = 150;

/// An entry, or several that are folded.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum HistoryItem {
    /// One entry.
    Entry(Entry),
    /// Several reports in a row of one caller that changed nothing but statistics.
    Progress(Progress),
}

/// One entry.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Entry {
    pub(super) version: Version,
    pub(super) occurred: Timestamp,
    pub(super) actor: String,
    pub(super) request: Uuid,
    /// What happened, in a word or two.
    pub(super) title: String,
    /// The status that it set.
    pub(super) status: Option<RunStatus>,
    pub(super) changes: Changes,
}

/// Several reports of progress, the oldest first.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Progress {
    /// The versions and times.
    pub(super) reports: Vec<(Version, Timestamp)>,
    pub(super) actor: String,
    /// What they changed together.
    pub(super) changes: Changes,
}

/// What changed, leaf by leaf.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Changes {
    pub(super) leaves: Vec<LeafChange>,
    /// How many changed leaves are not among them.
    pub(super) left_out: usize,
}

/// A leaf before and after.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct LeafChange {
    pub(super) path: String,
    pub(super) before: Option<String>,
    pub(super) after: Option<String>,
}

/// The items of entries, the oldest first.
pub(super) fn items(events: &[RunEvent]) -> Vec<HistoryItem> {
    let is_same_progress = |one: &RunEvent, next: &RunEvent| {
        is_progress(one) && is_progress(next) && one.actor == next.actor
    };
    let mut left = MAX_CHANGES_OF_PAGE;
    let items = events.chunk_by(is_same_progress).filter_map(|group| {
        let changes = changes(group, left.min(MAX_CHANGES));
        left -= changes.leaves.len();
        match group {
            [] => None,
            [event] => Some(HistoryItem::Entry(entry(event, changes))),
            [event, ..] => Some(HistoryItem::Progress(Progress {
                reports: group.iter().map(|event| (event.version, event.occurred)).collect(),
                actor: event.actor.clone(),
                changes,
            })),
        }
    });
    items.collect()
}

/// Whether an entry changed nothing but statistics.
fn is_progress(event: &RunEvent) -> bool {
    let is_member = |change: &PropertyChange| member_name(&change.property).is_some();
    event.action == Action::Updated && event.changes.iter().all(is_member)
}

/// The name of a top-level member of statistics.
fn member_name(property: &str) -> Option<&str> {
    property.strip_prefix(property::STATISTICS)?.strip_prefix('/')
}

fn entry(event: &RunEvent, changes: Changes) -> Entry {
    let status = status_after(event);
    Entry {
        version: event.version,
        occurred: event.occurred,
        actor: event.actor.clone(),
        request: event.request,
        title: title(event, status),
        status,
        changes,
    }
}

fn title(event: &RunEvent, status: Option<RunStatus>) -> String {
    let only_name = event.changes.iter().all(|change| change.property == property::DISPLAY_NAME);
    match (event.action, status) {
        (Action::Created, Some(ended @ RunStatus::Ended(_))) => {
            format!("Created, already ended: {}", look(ended).word)
        }
        (Action::Created, _) => "Created".to_owned(),
        (Action::Deleted, _) => "Deleted".to_owned(),
        (Action::Updated, Some(status)) => format!("Ended: {}", look(status).word),
        (Action::Updated, None) if is_progress(event) => "Progress".to_owned(),
        (Action::Updated, None) if only_name => "Renamed".to_owned(),
        (Action::Updated, None) => "Changed".to_owned(),
    }
}

fn status_after(event: &RunEvent) -> Option<RunStatus> {
    let mut changes = event.changes.iter();
    let change = changes.find(|change| change.property == property::STATUS)?;
    match &change.after {
        JsonValue::String(name) => RunStatus::from_name(name),
        _ => None,
    }
}

impl Changes {
    /// Adds a change, or counts it if there are `most` already.
    fn push(&mut self, most: usize, change: impl FnOnce() -> LeafChange) {
        match self.leaves.len() < most {
            true => self.leaves.push(change()),
            false => self.left_out += 1,
        }
    }
}

impl LeafChange {
    fn new(pair: &LeafPair<'_>) -> Self {
        let path = leaf::cut(&pair.path.shown());
        if error_text::is_details(&pair.path) {
            let (before, after) = error_text::details_change(pair.first, pair.second);
            return Self { path, before, after };
        }
        Self { path, before: pair.first.map(leaf::shown), after: pair.second.map(leaf::shown) }
    }
}

/// What entries in a row changed together.
fn changes(events: &[RunEvent], most: usize) -> Changes {
    let mut changes = Changes::default();
    for (property, before, after) in net_changes(events) {
        if property == property::BLOCKING_ERROR
            && let Some((before, after)) = error_text::whole_error(before, after)
        {
            changes.push(most, || LeafChange { path: property.to_owned(), before, after });
            continue;
        }
        let path = LeafPath::new(vec![property.to_owned()]);
        let pairs = leaf::pairs(Some(before), Some(after), &path);
        for pair in pairs.iter().filter(|pair| !pair.is_same()) {
            changes.push(most, || LeafChange::new(pair));
        }
    }
    changes
}

/// Each changed property with its value before the first entry and after the last one, in the order of the first change.
fn net_changes(events: &[RunEvent]) -> Vec<(&str, &JsonValue, &JsonValue)> {
    let mut net: Vec<(&str, &JsonValue, &JsonValue)> = Vec::new();
    let mut positions = std::collections::HashMap::new();
    for PropertyChange { property, before, after } in events.iter().flat_map(|event| &event.changes)
    {
        let position = *positions.entry(property.as_str()).or_insert(net.len());
        match net.get_mut(position) {
            Some(known) => known.2 = after,
            None => net.push((property, before, after)),
        }
    }
    net
}

#[cfg(test)]
mod tests;
