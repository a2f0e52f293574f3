//! Holds a record against what is there.

use super::{
    record::Record,
    run_check::check_run,
    stored::Stored,
    summary::Summary,
    violation::{Promise, Violation},
};

/// Whether every promise was kept.
///
/// # Errors
///
/// The [`Violation`]s, run by run; within a run the first is the nearest to a cause. When the history of a run does
/// not hold together, only what can be told without its states is checked.
pub fn check(record: &Record, stored: &Stored) -> Result<Summary, Vec<Violation>> {
    let mut violations = Vec::new();
    let mut changed = 0;
    for creation in &record.runs {
        let Some(run) = stored.runs.get(&creation.id) else {
            let gone = Violation::new(Promise::Kept, creation.id, "it is not there any more");
            violations.push(gone);
            continue;
        };
        let findings = check_run(record, creation, run, &stored.list);
        violations.extend(findings.violations);
        changed += findings.changed;
    }
    if violations.is_empty() {
        Ok(Summary::of(record, stored, changed))
    } else {
        Err(violations)
    }
}
