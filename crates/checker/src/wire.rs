//! One representation for all targets: runs as JSON without annotations.

use std::sync::Arc;

use flowruns_domain::{
    json::{JsonObject, JsonValue},
    property,
    run::{Run, RunEvent, RunSummary},
};

use super::target::{Entry, Seen};

/// The properties that every representation of a run has.
struct Head<'a> {
    id: flowruns_domain::id::RunId,
    name: &'a flowruns_domain::display_name::DisplayName,
    start: flowruns_domain::timestamp::Timestamp,
    state: flowruns_domain::run::RunState,
}

impl Head<'_> {
    fn members(&self) -> JsonObject {
        let end = self.state.end();
        let end = end.map_or(JsonValue::Null, |end| JsonValue::String(end.to_string()));
        let members = [
            (property::ID, JsonValue::String(self.id.to_string())),
            (property::DISPLAY_NAME, self.name.as_str().into()),
            (property::START_DATE_TIME, JsonValue::String(self.start.to_string())),
            (property::END_DATE_TIME, end),
            (property::STATUS, self.state.status().as_str().into()),
        ];
        let members = members.map(|(name, value)| (name.to_owned(), value));
        members.into_iter().collect()
    }
}

/// A complete run.
pub(super) fn shown(run: &Run) -> JsonObject {
    let properties = &run.properties;
    let head = Head {
        id: run.key.run,
        name: &properties.display_name,
        start: properties.start,
        state: properties.state,
    };
    let mut members = head.members();
    let error = properties.blocking_error.as_ref();
    let error = error.map_or(JsonValue::Null, |error| JsonValue::Object(error.members().clone()));
    members.insert(property::BLOCKING_ERROR, error);
    let statistics = properties.statistics.members();
    members.insert(property::STATISTICS, JsonValue::Object(statistics));
    members
}

pub(super) fn seen(run: &Run) -> Seen {
    Seen { run: run.key.run, tag: run.tag(), values: Arc::new(shown(run)) }
}

pub(super) fn seen_in_list(row: &RunSummary) -> Seen {
    let head = Head { id: row.id(), name: &row.display_name, start: row.start, state: row.state };
    Seen { run: row.id(), tag: row.tag(), values: Arc::new(head.members()) }
}

pub(super) fn entry(event: &RunEvent) -> Entry {
    Entry {
        version: event.version.number(),
        occurred: event.occurred,
        action: event.action,
        changes: event.changes.clone(),
    }
}
