//! Checks the rows that lists have for one run.

use std::time::Duration;

use super::{
    answers::Answers,
    record::{Record, Request},
    states::{Form, States},
    target::{Answer, Listing},
    violation::{Promise, Violation},
};

/// Takes in the rows that lists had for the run, and reports those that skip or repeat it while it did not move.
pub(super) fn listings<'a>(
    record: &'a Record,
    states: &States,
    answers: &mut Answers<'a>,
) -> Vec<Violation> {
    let mut violations = Vec::new();
    for operation in &record.operations {
        if let Request::List(attempt) = &operation.request
            && let Answer::Done(list) = &attempt.answer
        {
            let times = (attempt.invoked, attempt.answered);
            one(list, operation, times, states, answers);
            violations.extend(miscounted(list, operation, states));
        }
    }
    violations
}

/// Takes in the rows of one list.
pub(super) fn one<'a>(
    list: &Listing,
    name: &'a (dyn std::fmt::Display + Sync),
    times: (Duration, Duration),
    states: &States,
    answers: &mut Answers<'a>,
) {
    for row in list.rows.iter().filter(|row| row.run == states.run) {
        answers.read(name, times, row, Form::InList);
    }
}

/// A list that does not have the run once, although the run never moved in it.
pub(super) fn miscounted(
    list: &Listing,
    name: &dyn std::fmt::Display,
    states: &States,
) -> Option<Violation> {
    let mut starts = states.all().iter().map(|state| state.properties.start);
    let first = starts.next();
    let stood_still = starts.all(|start| Some(start) == first);
    let count = list.rows.iter().filter(|row| row.run == states.run).count();
    let is_wrong = stood_still && (count > 1 || count == 0 && list.complete);
    is_wrong.then(|| {
        let message =
            format!("{name} has it {count} times, although its startDateTime never changed");
        Violation::new(Promise::ListedOnce, states.run, message)
    })
}
