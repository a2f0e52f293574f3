//! The creation of a run.

use crate::{
    display_name::DisplayName,
    id::RunKey,
    json::value::{JsonObject, JsonValue},
    patch::{Field, Nullable},
    property,
    run::{
        decision::{RunChange, event_of},
        diff::changes_between,
        entity::Run,
        event::{Action, PropertyChange, ReportOrigin, RunEvent},
        patch::{RunPatch, contradictions},
        properties::RunProperties,
        public_error::{PublicError, PublicErrorPatch},
        state::RunState,
        statistics::Statistics,
        status::{RunStatus, Urgency},
    },
    timestamp::Timestamp,
    version::Version,
    violation::{Rule, RuleViolation, Violations},
};

/// A creation, and which of its properties the client sent. When a creation is repeated, only the sent properties are compared.
#[derive(Clone, Debug, PartialEq)]
pub struct RunCreation {
    /// The run to create, with defaults for properties that were not sent.
    pub new: NewRun,
    /// The properties that were sent.
    pub named: RunPatch,
}

/// All properties count as sent.
impl From<NewRun> for RunCreation {
    fn from(new: NewRun) -> Self {
        let NewRun { display_name, start, end, status, blocking_error, statistics } = new.clone();
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

impl RunCreation {
    /// The sent properties that differ from `first`, the first entry of a run's history. If none differs, the creation is the
    /// same. Members of statistics and of blockingError are compared one by one.
    pub fn differing(&self, first: &RunEvent) -> Vec<&'static str> {
        let RunPatch { display_name, start, end, status, blocking_error, statistics } = &self.named;
        let recorded = |property: &str| {
            let mut changes = first.changes.iter();
            changes.find(|change| change.property == property).map(|change| &change.after)
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
    Statistics::from_stored(&members.collect())
}

/// The properties of a run to create.
#[derive(Clone, Debug, PartialEq)]
pub struct NewRun {
    /// The display name.
    pub display_name: DisplayName,
    /// When it started; by default the time of the creation.
    pub start: Option<Timestamp>,
    /// When it ended, for a run that is created in a terminal status.
    pub end: Option<Timestamp>,
    /// The status.
    pub status: RunStatus,
    /// A critical failure.
    pub blocking_error: Option<PublicErrorPatch>,
    /// The statistics. Members that are null are dropped.
    pub statistics: JsonObject,
}

impl NewRun {
    /// The urgency, which is that of the status.
    pub const fn urgency(&self) -> Urgency {
        self.status.urgency()
    }

    /// The created run and its first history entry.
    ///
    /// # Errors
    ///
    /// The [`RuleViolation`]s of the creation, at least one.
    pub fn create(
        &self,
        key: RunKey,
        origin: &ReportOrigin,
    ) -> Result<RunChange, Vec<RuleViolation>> {
        let Self { display_name, start, end, status, blocking_error, statistics } = self;
        let mut violations = Violations::default();
        let state = violations.collect(created_state(*status, *end));
        violations.extend(contradictions(*start, *end, Some(*status), blocking_error.as_ref()));
        if let (None, Some(end)) = (start, end)
            && *end < origin.received
        {
            violations.push_with(|| RuleViolation::end_before_default_start(*end, origin.received));
        }
        let blocking_error = violations.collect(match blocking_error {
            Some(error) => error.merged_into(None),
            None => Ok(None),
        });
        let statistics = violations.collect(Statistics::default().merged_with_changes(statistics));
        let (Some(state), Some(blocking_error), Some((statistics, member_changes)), true) =
            (state, blocking_error, statistics, violations.is_empty())
        else {
            let mut violations = violations.into_vec();
            property::sort_violations(&mut violations, &property::OF_RUN);
            return Err(violations);
        };
        let properties = RunProperties {
            display_name: display_name.clone(),
            start: start.unwrap_or(origin.received),
            state,
            blocking_error,
            statistics,
        };
        Ok(created(key, properties, member_changes, origin))
    }
}

impl RunPatch {
    /// The violations of a creation with these properties, when the properties in `unreadable` were sent but could not be read.
    pub fn creation_violations(&self, unreadable: &[&str]) -> Vec<RuleViolation> {
        let state_is_known = ![property::STATUS, property::END_DATE_TIME]
            .iter()
            .any(|name| unreadable.contains(name));
        let mut violations = Vec::new();
        if state_is_known {
            let status = self.status.value().copied().unwrap_or(RunStatus::Running);
            violations.extend(created_state(status, self.end.value().copied()).err());
        }
        violations.extend(self.contradictions());
        if let Some(error) = self.blocking_error.value() {
            violations.extend(error.merged_into(None).err());
        }
        if let Some(statistics) = self.statistics.value() {
            violations.extend(Statistics::default().merged(statistics).err());
        }
        violations
    }
}

fn created_state(status: RunStatus, end: Option<Timestamp>) -> Result<RunState, RuleViolation> {
    match (status, end) {
        (RunStatus::Running, None) => Ok(RunState::Running),
        (RunStatus::Running, Some(_)) => Err(RuleViolation::new(
            Rule::EndDateTimeWithoutEnd,
            property::END_DATE_TIME,
            "a run that is running has no endDateTime; leave it out, or create the run with a terminal status",
        )),
        (RunStatus::Ended(outcome), Some(at)) => Ok(RunState::Ended { outcome, at }),
        (RunStatus::Ended(_), None) => Err(RuleViolation::new(
            Rule::EndDateTimeRequired,
            property::END_DATE_TIME,
            "a run that is created already ended needs its endDateTime",
        )),
    }
}

fn created(
    key: RunKey,
    properties: RunProperties,
    member_changes: Vec<PropertyChange>,
    origin: &ReportOrigin,
) -> RunChange {
    let changes = changes_between(None, &properties, member_changes);
    let (created, modified) = (origin.received, origin.received);
    let run = Run { key, version: Version::FIRST, created, modified, properties };
    let event = event_of(&run, Action::Created, changes, origin);
    RunChange { run, event }
}
