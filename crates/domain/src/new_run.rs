//! The creation of a run.

use crate::{
    display_name::DisplayName,
    error_object::PublicErrorPatch,
    event::{Action, Origin, RunEvent, Version},
    id::RunKey,
    json::JsonObject,
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
        let mut faults = patch.contradictions();
        faults.extend(self.state().err());
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
            faults.push(Fault::end_before_start(end, start));
        }
        let blocking_error = self
            .blocking_error
            .as_ref()
            .map_or(Ok(None), |error| error.merged_into(None));
        let statistics = Statistics::default().merged(&self.statistics);
        match (self.state(), blocking_error, statistics) {
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
                Err(faults)
            }
        }
    }

    /// Whether `recorded`, the first entry of a run's history, is this creation, so that a repetition is harmless.
    /// A start that is not said may be any.
    pub fn is_recorded_by(&self, recorded: &RunEvent, origin: &Origin) -> bool {
        let recorded_start = recorded
            .changes
            .iter()
            .find(|change| change.property == property::START_DATE_TIME);
        let recorded_start = recorded_start.and_then(|change| match &change.after {
            crate::json::JsonValue::String(text) => text.parse().ok(),
            _ => None,
        });
        let same_start = Self {
            start: self.start.or(recorded_start),
            ..self.clone()
        };
        same_start
            .create(recorded.key, origin)
            .is_ok_and(|change| change.event.changes == recorded.changes)
    }

    fn state(&self) -> Result<RunState, Fault> {
        match (self.status, self.end) {
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
