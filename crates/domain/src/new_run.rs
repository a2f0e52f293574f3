//! The creation of a run.

use crate::{
    display_name::DisplayName,
    error_object::{PublicError, PublicErrorPatch},
    event::{Action, Origin, RunEvent, Version},
    id::RunKey,
    json::{JsonObject, JsonValue},
    patch::{Field, Nullable, RunPatch},
    property,
    rejection::{Fault, Rule},
    run::{Change, Run, RunProperties, event_of},
    run_change::changes_between,
    state::RunState,
    statistics::Statistics,
    status::RunStatus,
    store::Urgency,
    timestamp::Timestamp,
};

/// A creation, and what of it the client named. What it left out agrees with any run when the creation is repeated.
#[derive(Clone, Debug, PartialEq)]
pub struct Creation {
    /// The run to create, with the defaults for what was left out.
    pub new: NewRun,
    /// What was named.
    pub named: RunPatch,
}

/// Everything counts as named.
impl From<NewRun> for Creation {
    fn from(new: NewRun) -> Self {
        let NewRun {
            display_name,
            start,
            end,
            status,
            blocking_error,
            statistics,
        } = new.clone();
        let named = RunPatch {
            display_name: Field::Value(display_name),
            start: start.map_or(Field::Absent, Field::Value),
            end: end.map_or(Nullable::Null, Nullable::Value),
            status: Field::Value(status),
            blocking_error: blocking_error.map_or(Nullable::Null, Nullable::Value),
            statistics: Field::Value(statistics),
        };
        Self { new, named }
    }
}

impl Creation {
    /// The named properties that differ from the creation that `first`, the first entry of a run's history, records: if
    /// there are none, it is the same creation again. Members of statistics and of blockingError are compared one by one.
    pub fn differing(&self, first: &RunEvent) -> Vec<&'static str> {
        let RunPatch {
            display_name,
            start,
            end,
            status,
            blocking_error,
            statistics,
        } = &self.named;
        let recorded = |property: &str| {
            let mut changes = first.changes.iter();
            changes
                .find(|change| change.property == property)
                .map(|change| &change.after)
        };
        let is_text = |property, text: &str| recorded(property) == Some(&text.into());
        let is_time = |property, time: Timestamp| {
            recorded(property) == Some(&time.to_string().as_str().into())
        };
        let same_end = match end {
            Nullable::Absent => true,
            Nullable::Null => recorded(property::END_DATE_TIME).is_none(),
            Nullable::Value(end) => is_time(property::END_DATE_TIME, *end),
        };
        let error = match recorded(property::BLOCKING_ERROR) {
            Some(JsonValue::Object(members)) => Some(PublicError::from_stored(members.clone())),
            _ => None,
        };
        let same_error = match blocking_error {
            Nullable::Absent => true,
            Nullable::Null => error.is_none(),
            Nullable::Value(patch) => patch.merged_into(error.as_ref()) == Ok(error),
        };
        let same_statistics = statistics.value().is_none_or(|patch| {
            let stored = recorded_statistics(first);
            stored.merged(patch).as_ref() == Ok(&stored)
        });
        let name = display_name.value();
        let same_name = name.is_none_or(|name| is_text(property::DISPLAY_NAME, name.as_str()));
        let start = start.value();
        let same_start = start.is_none_or(|start| is_time(property::START_DATE_TIME, *start));
        let status = status.value();
        let same_status = status.is_none_or(|status| is_text(property::STATUS, status.as_str()));
        let compared = [
            (property::DISPLAY_NAME, same_name),
            (property::START_DATE_TIME, same_start),
            (property::END_DATE_TIME, same_end),
            (property::STATUS, same_status),
            (property::BLOCKING_ERROR, same_error),
            (property::STATISTICS, same_statistics),
        ];
        let differing = compared.into_iter().filter(|(_, is_same)| !is_same);
        differing.map(|(name, _)| name).collect()
    }
}

fn recorded_statistics(first: &RunEvent) -> Statistics {
    let members = first.changes.iter().filter_map(|change| {
        let name = change.property.strip_prefix(property::STATISTICS)?;
        Some((name.strip_prefix('/')?.to_owned(), change.after.clone()))
    });
    Statistics::from_stored(members.collect())
}

/// What a client says about a run that it creates.
#[derive(Clone, Debug, PartialEq)]
pub struct NewRun {
    /// The name.
    pub display_name: DisplayName,
    /// When it started; now, unless it is said.
    pub start: Option<Timestamp>,
    /// When it ended, for a run that is created already ended.
    pub end: Option<Timestamp>,
    /// Where it stands.
    pub status: RunStatus,
    /// A critical failure.
    pub blocking_error: Option<PublicErrorPatch>,
    /// What the flow counted; nulls in it are dropped.
    pub statistics: JsonObject,
}

impl NewRun {
    /// The faults that can be told without the server's clock or the store.
    pub fn contradictions(&self) -> Vec<Fault> {
        let patch = RunPatch {
            start: self.start.map_or(Field::Absent, Field::Value),
            end: self.end.map_or(Nullable::Absent, Nullable::Value),
            status: Field::Value(self.status),
            blocking_error: self
                .blocking_error
                .clone()
                .map_or(Nullable::Absent, Nullable::Value),
            ..RunPatch::default()
        };
        let mut faults = patch.contradictions_of_creation();
        property::sort_faults(&mut faults, &property::OF_RUN);
        faults
    }

    /// Whether it tells of an end too, as a back-fill does.
    pub const fn urgency(&self) -> Urgency {
        self.status.urgency()
    }

    /// The run that this creates.
    ///
    /// # Errors
    ///
    /// The [`Fault`]s of the creation; never an empty list.
    pub fn create(&self, key: RunKey, origin: &Origin) -> Result<Change, Vec<Fault>> {
        let mut faults = self.contradictions();
        let start = self.start.unwrap_or(origin.received);
        if let Some(end) = self.end
            && self.start.is_none()
            && end < start
        {
            faults.push(Fault::end_before_default_start(end, start));
        }
        let blocking_error = self
            .blocking_error
            .as_ref()
            .map_or(Ok(None), |error| error.merged_into(None));
        let statistics = Statistics::default().merged(&self.statistics);
        let state = created_state(self.status, self.end);
        match (state, blocking_error, statistics) {
            (Ok(state), Ok(blocking_error), Ok(statistics)) if faults.is_empty() => {
                let display_name = self.display_name.clone();
                let properties = RunProperties {
                    display_name,
                    start,
                    state,
                    blocking_error,
                    statistics,
                };
                Ok(created(key, properties, origin))
            }
            (_, blocking_error, statistics) => {
                faults.extend(blocking_error.err());
                faults.extend(statistics.err());
                property::sort_faults(&mut faults, &property::OF_RUN);
                Err(faults)
            }
        }
    }
}

impl RunPatch {
    /// The faults of a creation from what this names, without sizes and the server's clock.
    fn contradictions_of_creation(&self) -> Vec<Fault> {
        let status = self.status.value().copied().unwrap_or(RunStatus::Running);
        let state = created_state(status, self.end.value().copied());
        let mut faults = Vec::from_iter(state.err());
        faults.extend(self.contradictions());
        faults
    }

    /// The faults of a creation from what this names, as far as they can be told when the properties in
    /// `unreadable` were sent but could not be read.
    pub fn creation_faults(&self, unreadable: &[&str]) -> Vec<Fault> {
        let state_is_known = ![property::STATUS, property::END_DATE_TIME]
            .iter()
            .any(|name| unreadable.contains(name));
        let mut faults = match state_is_known {
            true => self.contradictions_of_creation(),
            false => self.contradictions(),
        };
        if let Some(error) = self.blocking_error.value() {
            faults.extend(error.merged_into(None).err());
        }
        if let Some(statistics) = self.statistics.value() {
            faults.extend(Statistics::default().merged(statistics).err());
        }
        faults
    }
}

fn created_state(status: RunStatus, end: Option<Timestamp>) -> Result<RunState, Fault> {
    match (status, end) {
        (RunStatus::Running, None) => Ok(RunState::Running),
        (RunStatus::Running, Some(_)) => Err(Fault::new(
            Rule::EndDateTimeWithoutEnd,
            property::END_DATE_TIME,
            "a run that is running has no endDateTime; leave it out, or create the run with a terminal status",
        )),
        (RunStatus::Ended(outcome), Some(at)) => Ok(RunState::Ended { outcome, at }),
        (RunStatus::Ended(_), None) => Err(Fault::new(
            Rule::EndDateTimeRequired,
            property::END_DATE_TIME,
            "a run that is created already ended needs its endDateTime",
        )),
    }
}

fn created(key: RunKey, properties: RunProperties, origin: &Origin) -> Change {
    let changes = changes_between(None, &properties);
    let (created, modified) = (origin.received, origin.received);
    let run = Run {
        key,
        version: Version::FIRST,
        created,
        modified,
        properties,
    };
    let event = event_of(&run, Action::Created, changes, origin);
    Change { run, event }
}
