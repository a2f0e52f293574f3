//! The states of a run by version, and their comparison with what responses show.

use std::collections::HashMap;

use flowruns_domain::{id::RunId, json::JsonValue, property, run::Run, version::EntityTag};

use super::{replay::text, target::Seen, wire};

/// The properties that every representation of a run has.
const OF_LISTS: [&str; 5] = [
    property::ID,
    property::DISPLAY_NAME,
    property::START_DATE_TIME,
    property::END_DATE_TIME,
    property::STATUS,
];
/// The other properties of a complete run.
const OF_RUNS: [&str; 2] = [property::BLOCKING_ERROR, property::STATISTICS];

/// What shows a state.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Form {
    Whole,
    InList,
}

/// The states of a run by version, from 1.
pub(super) struct States {
    pub(super) run: RunId,
    states: Vec<Run>,
    versions: HashMap<EntityTag, i64>,
}

impl States {
    pub(super) fn new(run: RunId, states: Vec<Run>) -> Self {
        let versions = states.iter().map(|state| (state.tag(), state.version.number()));
        let versions = versions.collect();
        Self { run, states, versions }
    }

    pub(super) fn of_version(&self, version: i64) -> Option<&Run> {
        let index = usize::try_from(version.checked_sub(1)?).ok()?;
        self.states.get(index)
    }

    pub(super) fn all(&self) -> &[Run] {
        &self.states
    }

    pub(super) fn last_version(&self) -> i64 {
        self.states.last().map_or(0, |state| state.version.number())
    }

    /// The version that a response shows; or a description of what was not committed.
    pub(super) fn shown(&self, seen: &Seen, form: Form) -> Result<i64, String> {
        let version = self.versions.get(&seen.tag).copied();
        let state = version.and_then(|version| self.of_version(version));
        let (Some(version), Some(state)) = (version, state) else {
            let (tag, last) = (seen.tag.as_str(), self.last_version());
            return Err(format!(
                "it shows the tag {tag}, which none of the versions 1 to {last} has"
            ));
        };
        match difference(seen, state, form) {
            None => Ok(version),
            Some((name, found, committed)) => Err(format!(
                "it shows version {version} with {name} {found}; the history says {committed}"
            )),
        }
    }
}

/// The first property that differs, as it is shown and as the state has it.
fn difference(seen: &Seen, state: &Run, form: Form) -> Option<(&'static str, String, String)> {
    let expected = wire::shown(state);
    let more = match form {
        Form::Whole => &OF_RUNS[..],
        Form::InList => &[],
    };
    let shown = |value: Option<&JsonValue>| value.map_or_else(|| "absent".to_owned(), text);
    OF_LISTS
        .iter()
        .chain(more)
        .map(|name| (*name, seen.values.get(name), expected.get(name)))
        .find(|(_, found, committed)| found != committed)
        .map(|(name, found, committed)| (name, shown(found), shown(committed)))
}
