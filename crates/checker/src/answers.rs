//! Checks each response by itself, and collects the positions that the responses give to their requests.

use std::{fmt::Display, time::Duration};

use super::{
    author::Sent,
    effect::{Effect, effect},
    order::{Call, CallResult},
    record::Attempt,
    states::{Form, States},
    target::{Answer, Seen},
    violation::{Promise, Violation},
};

/// Collects the requests on a run, and the responses that are wrong by themselves.
pub(super) struct Answers<'a> {
    states: &'a States,
    pub(super) calls: Vec<Call<'a>>,
    pub(super) violations: Vec<Violation>,
}

impl<'a> Answers<'a> {
    pub(super) const fn new(states: &'a States) -> Self {
        Self { states, calls: Vec::new(), violations: Vec::new() }
    }

    /// A read between these times.
    pub(super) fn read(
        &mut self,
        name: &'a (dyn Display + Sync),
        (invoked, answered): (Duration, Duration),
        seen: &Seen,
        form: Form,
    ) {
        if let Some(version) = self.shown(name, seen, form) {
            self.calls.push(Call {
                name,
                invoked,
                answered: Some(answered),
                result: CallResult::Saw(version),
            });
        }
    }

    /// A report with any response.
    pub(super) fn report(&mut self, sent: &Sent<'a>) {
        let Some(last) = sent.attempts.last() else {
            return;
        };
        match &last.answer {
            Answer::Done(seen) => self.acknowledged(sent, last, seen),
            Answer::Refused(refusal) => {
                self.made(sent, None);
                self.calls.push(Call {
                    name: sent.operation,
                    invoked: last.invoked,
                    answered: Some(last.answered),
                    result: CallResult::Rejected(sent.report, refusal),
                });
            }
            Answer::Unknown(_) => self.made(sent, None),
        }
    }

    fn acknowledged(&mut self, sent: &Sent<'a>, last: &'a Attempt<Seen>, seen: &Seen) {
        let made = sent.versions.first().copied();
        let shown = self.shown(sent.operation, seen, Form::Whole);
        if made.is_some() {
            self.made(sent, Some(last.answered));
        }
        match (made, shown) {
            (Some(made), Some(shown)) if made == shown => {}
            // An attempt whose response was lost made the change; the last attempt found it made.
            (Some(made), Some(shown)) if made < shown && sent.was_repeated() => {
                self.unchanged(sent, last, shown);
            }
            (Some(made), Some(shown)) => {
                let message = format!(
                    "{} made version {made}, and was answered version {shown}",
                    sent.operation
                );
                self.violate(Promise::RightVersion, message);
            }
            (None, Some(shown)) if !sent.has_marker => self.unchanged(sent, last, shown),
            // A lost change, or a response that shows what is not stored: both were reported already.
            (None, _) | (_, None) => {}
        }
    }

    /// An acknowledgement without a change: this version already had it.
    fn unchanged(&mut self, sent: &Sent<'a>, last: &'a Attempt<Seen>, version: i64) {
        let Some(state) = self.states.of_version(version) else {
            return;
        };
        let effect = effect(sent.report, state, state.modified);
        if effect == Effect::Nothing {
            self.calls.push(Call {
                name: sent.operation,
                invoked: last.invoked,
                answered: Some(last.answered),
                result: CallResult::Saw(version),
            });
        } else {
            let message = format!(
                "{} was acknowledged with version {version} without a change; on that version {effect}",
                sent.operation
            );
            self.violate(Promise::RightAnswer, message);
        }
    }

    /// The change that a report made, from its first attempt on.
    fn made(&mut self, sent: &Sent<'a>, answered: Option<Duration>) {
        let Some(first) = sent.attempts.first() else {
            return;
        };
        for version in &sent.versions {
            self.calls.push(Call {
                name: sent.operation,
                invoked: first.invoked,
                answered,
                result: CallResult::Made(*version),
            });
        }
    }

    fn shown(&mut self, name: &dyn Display, seen: &Seen, form: Form) -> Option<i64> {
        match self.states.shown(seen, form) {
            Ok(version) => Some(version),
            Err(what) => {
                self.violate(Promise::ShownIsCommitted, format!("{name}: {what}"));
                None
            }
        }
    }

    fn violate(&mut self, promise: Promise, message: String) {
        let violation = Violation::new(promise, self.states.run, message);
        self.violations.push(violation);
    }
}
