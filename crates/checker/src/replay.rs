//! Computes the states of a run from its history.

use std::collections::BTreeMap;

use flowruns_domain::{
    display_name::DisplayName,
    id::{FlowId, FlowKey, RunId, RunKey, TenantId},
    json::{JsonObject, JsonValue},
    property,
    run::{Action, PublicError, Run, RunProperties, RunState, RunStatus, Statistics, run_tag},
    timestamp::Timestamp,
    version::{EntityTag, Version},
};

use super::target::Entry;

/// The properties of a run by name, as its history gives them, without nulls.
type Values = BTreeMap<String, JsonValue>;

/// The states of a run; the state of version 1 comes first.
pub(super) struct Replay {
    pub(super) states: Vec<Run>,
    /// Why the history cannot be applied beyond these states.
    pub(super) broken: Option<String>,
}

/// The key of a run. Tags do not depend on the tenant, which a client does not know.
fn key(flow: FlowId, run: RunId) -> Option<RunKey> {
    let tenant = TenantId::new(flow.uuid()).ok()?;
    Some(FlowKey { tenant, flow }.run(run))
}

/// The tag of a version.
pub(super) fn tag(flow: FlowId, run: RunId, version: i64) -> Option<EntityTag> {
    Some(run_tag(key(flow, run)?, Version::new(version)?))
}

/// Applies a history up to its first contradiction.
pub(super) fn replay(flow: FlowId, run: RunId, history: &[Entry]) -> Replay {
    let mut values = Values::new();
    let mut states: Vec<Run> = Vec::new();
    for entry in history {
        let next = follow(states.last(), entry, &mut values)
            .and_then(|()| state(flow, run, states.first(), entry, &values));
        match next {
            Ok(next) => states.push(next),
            Err(reason) => {
                let broken = Some(format!("version {}: {reason}", entry.version));
                return Replay { states, broken };
            }
        }
    }
    let broken = states.is_empty().then(|| "it is empty".to_owned());
    Replay { states, broken }
}

/// Checks that an entry continues the state before it, and applies it.
fn follow(former: Option<&Run>, entry: &Entry, values: &mut Values) -> Result<(), String> {
    let expected = former.map_or(1, |run| run.version.number() + 1);
    if entry.version != expected {
        return Err(format!("version {expected} should come here"));
    }
    let action = former.map_or(Action::Created, |_| Action::Updated);
    if entry.action != action {
        let (found, expected) = (entry.action.as_str(), action.as_str());
        return Err(format!("its action is {found}, not {expected}"));
    }
    if let Some(former) = former
        && entry.occurred < former.modified
    {
        let (earlier, later) = (entry.occurred, former.modified);
        return Err(format!("it occurred at {earlier}, the one before it at {later}"));
    }
    if entry.changes.is_empty() {
        return Err("it changes nothing".to_owned());
    }
    for change in &entry.changes {
        let property = &change.property;
        let before = values.remove(property).unwrap_or(JsonValue::Null);
        if change.before != before {
            return Err(format!(
                "{property} was {} before it, says the entry; the entries before it say {}",
                text(&change.before),
                text(&before)
            ));
        }
        if change.before == change.after {
            return Err(format!("{property} is named, but does not change"));
        }
        if change.after != JsonValue::Null {
            values.insert(property.clone(), change.after.clone());
        }
    }
    Ok(())
}

fn state(
    flow: FlowId,
    run: RunId,
    first: Option<&Run>,
    entry: &Entry,
    values: &Values,
) -> Result<Run, String> {
    let key = key(flow, run).ok_or("the flow has no id")?;
    let version = Version::new(entry.version).ok_or("it is no version")?;
    Ok(Run {
        key,
        version,
        created: first.map_or(entry.occurred, |run| run.created),
        modified: entry.occurred,
        properties: properties(values)?,
    })
}

fn properties(values: &Values) -> Result<RunProperties, String> {
    let name = required(values, property::DISPLAY_NAME)?;
    let start = required(values, property::START_DATE_TIME)?;
    let status = required(values, property::STATUS)?;
    let status = RunStatus::from_name(status).ok_or(format!("{status} is no status"))?;
    let end = match values.get(property::END_DATE_TIME) {
        None => None,
        Some(_) => Some(time(required(values, property::END_DATE_TIME)?)?),
    };
    let blocking_error = match values.get(property::BLOCKING_ERROR) {
        None => None,
        Some(JsonValue::Object(error)) => Some(PublicError::from_stored(error.clone())),
        Some(other) => return Err(format!("blockingError is {}", text(other))),
    };
    Ok(RunProperties {
        display_name: DisplayName::new(name).map_err(|error| error.to_string())?,
        start: time(start)?,
        state: run_state(status, end)?,
        blocking_error,
        statistics: Statistics::from_stored(&statistics(values)),
    })
}

fn required<'a>(values: &'a Values, name: &str) -> Result<&'a str, String> {
    match values.get(name) {
        Some(JsonValue::String(value)) => Ok(value),
        other => Err(format!("{name} is {other:?}")),
    }
}

fn time(value: &str) -> Result<Timestamp, String> {
    value.parse().map_err(|_| format!("{value} is no time"))
}

fn run_state(status: RunStatus, end: Option<Timestamp>) -> Result<RunState, String> {
    match (status, end) {
        (RunStatus::Running, None) => Ok(RunState::Running),
        (RunStatus::Ended(outcome), Some(at)) => Ok(RunState::Ended { outcome, at }),
        (RunStatus::Running, Some(at)) => {
            Err(format!("it leads to a running run that ended at {at}"))
        }
        (RunStatus::Ended(_), None) => Err(format!("it leads to a {status} run without an end")),
    }
}

fn statistics(values: &Values) -> JsonObject {
    let prefix = format!("{}/", property::STATISTICS);
    let members = values.iter().filter_map(|(name, value)| {
        let member = name.strip_prefix(&prefix)?;
        Some((member.to_owned(), value.clone()))
    });
    members.collect()
}

/// A value as messages show it.
pub(super) fn text(value: &JsonValue) -> String {
    const SHOWN: usize = 120;
    let text = serde_json::to_string(value).unwrap_or_default();
    let cut: String = text.chars().take(SHOWN).collect();
    if cut.len() < text.len() { format!("{cut}…") } else { text }
}
