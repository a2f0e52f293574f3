//! One order of all requests on a run that agrees with time and with every response (linearizability).
//!
//! Version `v` was made at position `2v`; a response that shows the state after it, or was decided on it, has position `2v + 1`.
//! A request that was sent after a response must not have an earlier position than that response. Most responses give their
//! position. A rejection does not: it gets the first position that explains it and is not before the responses that came
//! before its request. These are the lowest positions of all, so if one request has none, no order exists.

use std::{fmt, time::Duration};

use flowruns_domain::id::RunId;

use super::{
    effect::{Effect, effect},
    report::Report,
    states::States,
    target::Refusal,
    violation::{Promise, Violation},
};

/// A request on a run, and what its response says about its position.
pub(super) struct Call<'a> {
    /// The name of the request in messages.
    pub(super) name: &'a (dyn fmt::Display + Sync),
    pub(super) invoked: Duration,
    /// None while it may still happen.
    pub(super) answered: Option<Duration>,
    pub(super) result: CallResult<'a>,
}

#[derive(Clone, Copy)]
pub(super) enum CallResult<'a> {
    /// It made this version.
    Made(i64),
    /// It saw this version.
    Saw(i64),
    /// It was rejected, in any state that explains it.
    Rejected(&'a Report, &'a Refusal),
}

impl CallResult<'_> {
    const fn known(self) -> Option<i64> {
        match self {
            Self::Made(version) => Some(2 * version),
            Self::Saw(version) => Some(2 * version + 1),
            Self::Rejected(..) => None,
        }
    }
}

/// The calls in the order of their requests, with their bounds.
struct Bounds<'a> {
    calls: Vec<Call<'a>>,
    /// The calls that have a response, in the order of the responses.
    by_response: Vec<usize>,
    /// For each call the lowest known position of it and of the calls that were sent after it.
    least_after: Vec<i64>,
}

/// Looks for the order.
pub(super) fn order(states: &States, mut calls: Vec<Call<'_>>) -> Vec<Violation> {
    calls.sort_by_key(|call| call.invoked);
    let bounds = Bounds::new(calls);
    let mut positions: Vec<i64> = Vec::new();
    let mut violations = Vec::new();
    let mut answered = bounds.by_response.iter().peekable();
    // The latest position among the calls that ended before the present one was sent.
    let mut latest: Option<usize> = None;
    for (index, call) in bounds.calls.iter().enumerate() {
        while let Some(other) = answered.next_if(|other| bounds.is_before(**other, call)) {
            if latest.is_none_or(|latest| positions[latest] < positions[*other]) {
                latest = Some(*other);
            }
        }
        let floor = latest.map_or(0, |latest| positions[latest]);
        let position = match call.result.known() {
            Some(position) if position < floor => {
                let before = latest.map(|latest| (&bounds.calls[latest], positions[latest]));
                violations.push(too_old(states.run, call, position, before));
                position
            }
            Some(position) => position,
            None => bounds.explain(states, index, floor).unwrap_or_else(|message| {
                violations.push(Violation::new(Promise::RightAnswer, states.run, message));
                floor
            }),
        };
        positions.push(position);
    }
    violations
}

impl<'a> Bounds<'a> {
    fn new(calls: Vec<Call<'a>>) -> Self {
        let mut by_response: Vec<usize> =
            (0..calls.len()).filter(|index| calls[*index].answered.is_some()).collect();
        by_response.sort_by_key(|index| calls[*index].answered);
        let mut least_after = vec![i64::MAX; calls.len()];
        let mut least = i64::MAX;
        for (index, call) in calls.iter().enumerate().rev() {
            least = least.min(call.result.known().unwrap_or(i64::MAX));
            least_after[index] = least;
        }
        Self { calls, by_response, least_after }
    }

    /// Whether a call ended before another was sent.
    fn is_before(&self, index: usize, other: &Call<'_>) -> bool {
        self.calls[index].answered.is_some_and(|answered| answered < other.invoked)
    }

    /// The first position, not before `floor`, of a state that explains a rejection.
    fn explain(&self, states: &States, index: usize, floor: i64) -> Result<i64, String> {
        let call = &self.calls[index];
        let CallResult::Rejected(report, refusal) = call.result else {
            return Ok(floor);
        };
        let first = (floor / 2).max(1);
        let last = self.last_version(states, call);
        let effect_in = |version| {
            let state = states.of_version(version)?;
            Some(effect(report, state, state.modified))
        };
        let wanted = Effect::Refused(refusal.clone());
        let explains = |version: &i64| effect_in(*version).as_ref() == Some(&wanted);
        if let Some(version) = (first..=last).find(explains) {
            return Ok(2 * version + 1);
        }
        let otherwise = effect_in(first).map_or_else(
            || "which the history does not have".to_owned(),
            |effect| format!("where {effect}"),
        );
        Err(format!(
            "{} was refused with {refusal} (asked {:?}, answered {:?}); the run had versions {first} to {last} meanwhile, \
             the first of them {otherwise}",
            call.name,
            call.invoked,
            call.answered.unwrap_or_default(),
        ))
    }

    /// The last version that the run can have had at the end of this call.
    fn last_version(&self, states: &States, call: &Call<'_>) -> i64 {
        let answered = call.answered.unwrap_or(Duration::MAX);
        let next = self.calls.partition_point(|other| other.invoked <= answered);
        let least = self.least_after.get(next).copied().unwrap_or(i64::MAX);
        // The call that made version v comes after all that saw v - 1.
        states.last_version().min(least.saturating_sub(1) / 2)
    }
}

fn too_old(
    run: RunId,
    call: &Call<'_>,
    position: i64,
    before: Option<(&Call<'_>, i64)>,
) -> Violation {
    let earlier = before.map(|(call, position)| {
        let answered = call.answered.unwrap_or_default();
        format!("{} had been answered version {} at {answered:?}", call.name, position / 2)
    });
    let message = format!(
        "{}, asked at {:?}, has version {}, but {}",
        call.name,
        call.invoked,
        position / 2,
        earlier.unwrap_or_default()
    );
    Violation::new(Promise::RealTimeOrder, run, message)
}
