//! Compares a record with what is stored.

use super::{
    record::Record,
    run_check::check_run,
    stored::Stored,
    summary::Summary,
    violation::{Guarantee, Violation},
};

/// Checks that every guarantee was kept.
///
/// # Errors
///
/// The [`Violation`]s, run by run; within a run the first is the nearest to a cause. When the history of a run has
/// gaps or contradictions, only what does not need its states is checked.
pub fn check(record: &Record, stored: &Stored) -> Result<Summary, Vec<Violation>> {
    let mut violations = Vec::new();
    let mut changed = 0;
    for creation in &record.runs {
        let Some(run) = stored.runs.get(&creation.id) else {
            let gone = Violation::new(Guarantee::Kept, creation.id, "it no longer exists");
            violations.push(gone);
            continue;
        };
        let findings = check_run(record, creation, run, &stored.list);
        violations.extend(findings.violations);
        changed += findings.changed;
    }
    if violations.is_empty() { Ok(Summary::of(record, stored, changed)) } else { Err(violations) }
}
