//! What a report does to a state, by the domain's own rules.

use std::fmt;

use flowruns_domain::{Decision, PatchRejected, Run, RunProperties, Timestamp};

use super::{
    report::Report,
    store_target::{invalid, refusal},
    target::Refusal,
};
use flowruns_testing::fixtures;

/// What a report comes to.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Effect {
    /// The run becomes this.
    Changes(Box<RunProperties>),
    /// Nothing changes.
    Nothing,
    /// It is refused.
    Refused(Refusal),
}

/// What a report that is received at `now` does to a run.
pub(super) fn effect(report: &Report, run: &Run, now: Timestamp) -> Effect {
    let patch = match &report.meaning {
        Ok(patch) => patch,
        Err(rule) => return Effect::Refused(invalid(*rule)),
    };
    // As the service does it: what no state heals is found before one is looked at.
    let faults = patch.contradictions();
    if !faults.is_empty() {
        return Effect::Refused(refusal(&PatchRejected::Invalid(faults)));
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
