//! Finds the report that made each entry of the history.

use std::collections::HashMap;

use flowruns_domain::{id::RunId, json::JsonValue, property, run::PropertyChange};

use super::{
    record::{Attempt, Marker, Operation, Record, Request},
    report::Report,
    target::{Answer, Entry, Seen},
    violation::{Promise, Violation},
};

/// A report on a run, and the versions whose entries carry its marker.
pub(super) struct Sent<'a> {
    pub(super) operation: &'a Operation,
    pub(super) report: &'a Report,
    pub(super) has_marker: bool,
    pub(super) attempts: &'a [Attempt<Seen>],
    pub(super) versions: Vec<i64>,
}

impl Sent<'_> {
    pub(super) const fn was_repeated(&self) -> bool {
        self.attempts.len() > 1
    }

    /// The final response.
    pub(super) fn answer(&self) -> Option<&Answer<Seen>> {
        self.attempts.last().map(|attempt| &attempt.answer)
    }

    pub(super) fn is_acknowledged(&self) -> bool {
        matches!(self.answer(), Some(Answer::Done(_)))
    }
}

/// The reports on a run, and by version which of them made the entry.
pub(super) struct Authors<'a> {
    pub(super) sent: Vec<Sent<'a>>,
    pub(super) of_versions: HashMap<i64, usize>,
    /// Entries that no report made, or more than one.
    pub(super) violations: Vec<Violation>,
}

impl<'a> Authors<'a> {
    pub(super) fn new(record: &'a Record, run: RunId, history: &[Entry]) -> Self {
        let mut markers = HashMap::new();
        let mut sent = Vec::new();
        for operation in &record.operations {
            let Request::Patch { run: of, report, marker, attempts } = &operation.request else {
                continue;
            };
            if *of != run {
                continue;
            }
            if let Some(marker) = marker {
                markers.insert(marker.clone(), sent.len());
            }
            sent.push(Sent {
                operation,
                report,
                has_marker: marker.is_some(),
                attempts,
                versions: Vec::new(),
            });
        }
        let mut authors = Self { sent, of_versions: HashMap::new(), violations: Vec::new() };
        for entry in history.iter().skip(1) {
            authors.find(run, entry, &markers);
        }
        authors
    }

    fn find(&mut self, run: RunId, entry: &Entry, markers: &HashMap<Marker, usize>) {
        let made_by = |change| markers.get(&marker(change)?).copied();
        let mut authors = entry.changes.iter().filter_map(made_by);
        match (authors.next(), authors.next()) {
            (Some(author), None) => {
                self.of_versions.insert(entry.version, author);
                self.sent[author].versions.push(entry.version);
            }
            (first, _) => {
                let version = entry.version;
                let why = match first {
                    None => "carries the marker of no report",
                    Some(_) => "carries the markers of several reports",
                };
                let names = entry.changes.iter().map(|change| change.property.as_str());
                let names: Vec<_> = names.collect();
                let message =
                    format!("version {version}, which changes {}, {why}", names.join(", "));
                let violation = Violation::new(Promise::KnownAuthor, run, message);
                self.violations.push(violation);
            }
        }
    }
}

/// The marker that a change sets, if it looks like one.
fn marker(change: &PropertyChange) -> Option<Marker> {
    let member = change.property.strip_prefix(property::STATISTICS)?;
    let member = member.strip_prefix('/')?.to_owned();
    let JsonValue::Number(_) = &change.after else {
        return None;
    };
    let number = serde_json::to_string(&change.after).ok()?.parse().ok()?;
    Some(Marker { member, number })
}
