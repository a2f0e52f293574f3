//! Decisions that a correct store would not make.

use std::time::Duration;

use flowruns_domain::{
    json::JsonValue,
    property,
    rejection::Rejection,
    run::{Decision, PropertyChange, Run, RunState},
    store::DecideRun,
    timestamp::Timestamp,
};

use crate::faulty_store::Fault;

/// The decision of a store with this fault for a report on `run`; `older` is an earlier state of it.
pub(crate) fn faulty_decision(
    fault: Fault,
    run: &Run,
    older: Option<&Run>,
    decide: &DecideRun,
) -> Result<Decision, Rejection> {
    match fault {
        Fault::SkipsTheGuard => decide(older.unwrap_or(run)).map(|made| renumbered(made, run)),
        Fault::LeavesATerminalStatus => reopened(run, decide),
        Fault::TurnsTimeBack => decide(run).map(earlier),
        _ => decide(run),
    }
}

/// A change that was decided on an older version, numbered as if it had been decided on this one.
fn renumbered(decision: Decision, run: &Run) -> Decision {
    match decision {
        Decision::Changed(mut change) => {
            change.run.version = run.version.next();
            change.event.version = run.version.next();
            change.run.modified = change.run.modified.max(run.modified);
            change.event.occurred = change.run.modified;
            Decision::Changed(change)
        }
        Decision::Unchanged => Decision::Unchanged,
    }
}

/// What a report would do if the run had not ended; the history says so.
fn reopened(run: &Run, decide: &DecideRun) -> Result<Decision, Rejection> {
    let mut open = run.clone();
    open.properties.state = RunState::Running;
    let Ok(Decision::Changed(mut change)) = decide(&open) else {
        return decide(run);
    };
    let changes = &mut change.event.changes;
    changes.retain(|change| {
        ![property::STATUS, property::END_DATE_TIME].contains(&change.property.as_str())
    });
    let (before, after) = (run.properties.state, change.run.properties.state);
    let status = |state: RunState| JsonValue::from(state.status().as_str());
    let end = |state: RunState| {
        state.end().map_or(JsonValue::Null, |end| JsonValue::String(end.to_string()))
    };
    let of = |property: &str, before: JsonValue, after: JsonValue| PropertyChange {
        property: property.to_owned(),
        before,
        after,
    };
    changes.push(of(property::STATUS, status(before), status(after)));
    changes.push(of(property::END_DATE_TIME, end(before), end(after)));
    changes.retain(|change| change.before != change.after);
    Ok(Decision::Changed(change))
}

fn earlier(decision: Decision) -> Decision {
    match decision {
        Decision::Changed(mut change) => {
            let hour = Duration::from_secs(3600);
            let moment = Timestamp::new(change.event.occurred.date_time() - hour);
            change.event.occurred = moment.unwrap();
            Decision::Changed(change)
        }
        Decision::Unchanged => Decision::Unchanged,
    }
}
