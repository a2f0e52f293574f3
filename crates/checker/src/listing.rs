//! Checks the rows that lists have for one run.

use std::time::Duration;

use super::{
    record::{Record, Request},
    responses::Responses,
    states::{Form, States},
    target::{Listing, TargetResponse},
    violation::{Guarantee, Violation},
};

/// Collects the rows that lists had for the run, and reports lists that skip or repeat it while its position did not change.
pub(super) fn listings<'a>(
    record: &'a Record,
    states: &States,
    responses: &mut Responses<'a>,
) -> Vec<Violation> {
    let mut violations = Vec::new();
    for operation in &record.operations {
        if let Request::List(attempt) = &operation.request
            && let TargetResponse::Done(list) = &attempt.response
        {
            let times = (attempt.invoked, attempt.responded);
            one(list, operation, times, states, responses);
            violations.extend(miscounted(list, operation, states));
        }
    }
    violations
}

/// Collects the rows of one list.
pub(super) fn one<'a>(
    list: &Listing,
    name: &'a (dyn std::fmt::Display + Sync),
    times: (Duration, Duration),
    states: &States,
    responses: &mut Responses<'a>,
) {
    for row in list.rows.iter().filter(|row| row.run == states.run) {
        responses.read(name, times, row, Form::InList);
    }
}

/// A list that does not have the run exactly once, although its position never changed.
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
        Violation::new(Guarantee::ListedOnce, states.run, message)
    })
}
