//! Compares the reports on one run with its history and its row.

use std::time::Duration;

use flowruns_domain::{
    id::RunId,
    run::{Run, RunStatus},
};

use super::{
    answers::Answers,
    author::{Authors, Sent},
    effect::{Effect, effect},
    listing,
    order::order,
    record::{Record, Request},
    replay::replay,
    report::Creation,
    states::{Form, States},
    stored::StoredRun,
    target::{Answer, Listing},
    violation::{Promise, Violation},
};
use flowruns_testing::fixtures;

/// How messages name what was read after the load.
const LIST_AFTERWARDS: &str = "the list after the load";
const ROW_AFTERWARDS: &str = "the row after the load";

/// The result for a run.
pub(super) struct Findings {
    pub(super) violations: Vec<Violation>,
    /// Reports that were acknowledged and are stored.
    pub(super) changed: u64,
}

/// Compares the record with one run.
pub(super) fn check_run(
    record: &Record,
    creation: &Creation,
    stored: &StoredRun,
    list: &Listing,
) -> Findings {
    let run = creation.id;
    let Authors { sent, of_versions, mut violations } = Authors::new(record, run, &stored.history);
    violations.extend(sent.iter().filter_map(|sent| presence(run, sent)));
    let replayed = replay(record.flow, run, &stored.history);
    let states = States::new(run, replayed.states);
    violations.extend(left_terminal(&states));
    if let Some(reason) = replayed.broken {
        violations.push(Violation::new(Promise::UnbrokenHistory, run, reason));
    } else {
        violations.extend(wrong_creation(creation, &states));
        let made = states.all().windows(2).zip(2..);
        violations.extend(made.filter_map(|(pair, version)| {
            let author = &sent[*of_versions.get(&version)?];
            wrong_effect(author, &pair[0], &pair[1])
        }));
        violations.extend(wrong_row(stored, &states));
        violations.extend(wrong_answers(record, &sent, stored, list, &states));
    }
    let kept = |sent: &&Sent<'_>| sent.is_acknowledged() && !sent.versions.is_empty();
    Findings { changed: sent.iter().filter(kept).count() as u64, violations }
}

/// Whether a report is stored as often as its responses say.
fn presence(run: RunId, sent: &Sent<'_>) -> Option<Violation> {
    let (name, versions) = (sent.operation, &sent.versions);
    let violation = |promise, message| Some(Violation::new(promise, run, message));
    match sent.answer()? {
        _ if versions.len() > 1 => {
            let message = format!("{name} made the versions {versions:?}");
            violation(Promise::Once, message)
        }
        Answer::Done(seen) if sent.has_marker && versions.is_empty() => {
            let message = format!(
                "{name} was acknowledged with the tag {}, and no entry of the history is of it",
                seen.tag.as_str()
            );
            violation(Promise::Kept, message)
        }
        Answer::Refused(refusal) if !sent.was_repeated() && !versions.is_empty() => {
            let message =
                format!("{name} was refused with {refusal}, and made the versions {versions:?}");
            violation(Promise::RefusedChangesNothing, message)
        }
        Answer::Done(_) | Answer::Refused(_) | Answer::Unknown(_) => None,
    }
}

fn left_terminal(states: &States) -> Option<Violation> {
    let status = |run: &Run| run.properties.state.status();
    let left = |pair: &&[Run]| {
        status(&pair[0]) != RunStatus::Running && status(&pair[0]) != status(&pair[1])
    };
    let pair = states.all().windows(2).find(left)?;
    let message = format!(
        "it was {} in version {} and is {} in version {}",
        status(&pair[0]),
        pair[0].version,
        status(&pair[1]),
        pair[1].version
    );
    Some(Violation::new(Promise::TerminalIsFinal, states.run, message))
}

fn wrong_creation(creation: &Creation, states: &States) -> Option<Violation> {
    let first = states.all().first()?;
    let created = creation.new.create(first.key, &fixtures::origin_at(first.created));
    let is_right = created.is_ok_and(|change| change.run.properties == first.properties);
    let message = "version 1 is not the run that was created";
    (!is_right).then(|| Violation::new(Promise::RightEffect, states.run, message))
}

/// Applies the report again, to the state that it was applied to.
fn wrong_effect(author: &Sent<'_>, before: &Run, after: &Run) -> Option<Violation> {
    // Only an end that was not sent depends on the time, and that one is in the history.
    let now = after.properties.state.end().unwrap_or(after.modified);
    let effect = effect(author.report, before, now);
    let stored = Effect::Changes(Box::new(after.properties.clone()));
    if effect == stored {
        return None;
    }
    let instead = match effect {
        Effect::Changes(_) => "another change than the stored one".to_owned(),
        Effect::Nothing => "nothing".to_owned(),
        Effect::Refused(refusal) => format!("a rejection with {refusal}"),
    };
    let message = format!(
        "version {} was made by {}, whose effect on version {} is {instead}",
        after.version, author.operation, before.version
    );
    Some(Violation::new(Promise::RightEffect, after.key.run, message))
}

fn wrong_row(stored: &StoredRun, states: &States) -> Option<Violation> {
    let last = states.last_version();
    let message = match states.shown(&stored.row, Form::Whole) {
        Ok(version) if version == last => return None,
        Ok(version) => format!("it is version {version}; the history ends with version {last}"),
        Err(what) => what,
    };
    Some(Violation::new(Promise::RowIsHistory, states.run, message))
}

/// Checks every response by itself, and all of them in one order.
fn wrong_answers<'a>(
    record: &'a Record,
    sent: &[Sent<'a>],
    stored: &'a StoredRun,
    list: &'a Listing,
    states: &'a States,
) -> Vec<Violation> {
    let mut answers = Answers::new(states);
    for sent in sent {
        answers.report(sent);
    }
    gets(record, states, &mut answers);
    let mut violations = listing::listings(record, states, &mut answers);
    let afterwards = (record.lasted, Duration::MAX);
    listing::one(list, &LIST_AFTERWARDS, afterwards, states, &mut answers);
    violations.extend(listing::miscounted(list, &LIST_AFTERWARDS, states));
    // A response that shows what is not stored was reported already.
    if states.shown(&stored.row, Form::Whole).is_ok() {
        answers.read(&ROW_AFTERWARDS, afterwards, &stored.row, Form::Whole);
    }
    violations.append(&mut answers.violations);
    violations.extend(order(states, answers.calls));
    violations
}

fn gets<'a>(record: &'a Record, states: &States, answers: &mut Answers<'a>) {
    for operation in &record.operations {
        if let Request::Get { run, attempt } = &operation.request
            && *run == states.run
            && let Answer::Done(seen) = &attempt.answer
        {
            let times = (attempt.invoked, attempt.answered);
            answers.read(operation, times, seen, Form::Whole);
        }
    }
}
