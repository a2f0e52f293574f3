//! The effect of a report on a state, by the rules of the domain.

use std::fmt;

use flowruns_domain::{
    rejection::Rejection,
    run::{Decision, Run, RunProperties},
    timestamp::Timestamp,
};

use super::{
    report::Report,
    store_target::{invalid, refusal},
    target::Refusal,
};
use flowruns_testing::fixtures;

/// The effect of a report.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Effect {
    /// The run gets this state.
    Changes(Box<RunProperties>),
    /// Nothing changes.
    Nothing,
    /// It is rejected.
    Refused(Refusal),
}

/// What a report that is received at `now` does to a run.
pub(super) fn effect(report: &Report, run: &Run, now: Timestamp) -> Effect {
    let patch = match &report.meaning {
        Ok(patch) => patch,
        Err(rule) => return Effect::Refused(invalid(*rule)),
    };
    // As the service does it: faults of the body alone come before faults that depend on the state.
    let faults = patch.contradictions();
    if !faults.is_empty() {
        return Effect::Refused(refusal(&Rejection::Invalid(faults)));
    }
    match run.decide(patch, &report.if_match, &fixtures::origin_at(now)) {
        Ok(Decision::Changed(change)) => Effect::Changes(Box::new(change.run.properties)),
        Ok(Decision::Unchanged) => Effect::Nothing,
        Err(rejected) => Effect::Refused(refusal(&rejected)),
    }
}

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Changes(_) => f.write_str("it would change the run"),
            Self::Nothing => f.write_str("it would change nothing"),
            Self::Refused(refusal) => write!(f, "it would be refused with {refusal}"),
        }
    }
}
