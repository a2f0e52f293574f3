//! The result of a load.

use std::{collections::BTreeMap, fmt, time::Duration};

use super::{
    record::{Record, Request},
    stored::Stored,
    target::TargetResponse,
};

/// Counts of a load without violations. The rate is for information; it says little about a service.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Summary {
    /// Reports; one that was sent again counts once.
    pub reports: u64,
    /// Reports that were acknowledged and changed the run.
    pub changed: u64,
    /// Reports that were acknowledged and changed nothing, or nothing more.
    pub unchanged: u64,
    /// Rejected reports by status and code.
    pub rejected: BTreeMap<String, u64>,
    /// Reports whose outcome stayed unknown.
    pub unknown: u64,
    /// Attempts that were repetitions.
    pub repeated: u64,
    /// Reads of a run with a response.
    pub gets: u64,
    /// Reads of the list with a response.
    pub lists: u64,
    /// Versions of all runs in the end.
    pub versions: u64,
    /// Runs.
    pub runs: u64,
    /// How long it took.
    pub lasted: Duration,
}

impl Summary {
    pub(super) fn of(record: &Record, stored: &Stored, changed: u64) -> Self {
        let mut summary = Self {
            changed,
            runs: record.runs.len() as u64,
            lasted: record.lasted,
            ..Self::default()
        };
        for operation in &record.operations {
            summary.count(&operation.request);
        }
        summary.unchanged = summary.unchanged.saturating_sub(changed);
        let versions = stored.runs.values().map(|run| run.history.len() as u64);
        summary.versions = versions.sum();
        summary
    }

    /// Counts every acknowledged report as one that changed nothing.
    fn count(&mut self, request: &Request) {
        match request {
            Request::Get { attempt, .. } => {
                self.gets += u64::from(matches!(attempt.response, TargetResponse::Done(_)));
            }
            Request::List(attempt) => {
                self.lists += u64::from(matches!(attempt.response, TargetResponse::Done(_)));
            }
            Request::Patch { attempts, .. } => {
                self.reports += 1;
                self.repeated += attempts.len().saturating_sub(1) as u64;
                match attempts.last().map(|attempt| &attempt.response) {
                    Some(TargetResponse::Done(_)) => self.unchanged += 1,
                    Some(TargetResponse::Rejected(rejection)) => {
                        *self.rejected.entry(rejection.to_string()).or_default() += 1;
                    }
                    Some(TargetResponse::Unknown(_)) | None => self.unknown += 1,
                }
            }
        }
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.lasted.as_secs_f64();
        let rate = self.reports as f64 / seconds.max(0.001);
        writeln!(
            f,
            "{} reports on {} runs in {seconds:.1} s ({rate:.0} a second), {} gets, {} lists",
            self.reports, self.runs, self.gets, self.lists
        )?;
        writeln!(
            f,
            "{} changed a run, {} changed nothing, {} are unknown, {} repetitions, {} versions in all",
            self.changed, self.unchanged, self.unknown, self.repeated, self.versions
        )?;
        let rejected: u64 = self.rejected.values().sum();
        write!(f, "{rejected} were rejected, each rightly:")?;
        for (rejection, count) in &self.rejected {
            write!(f, "\n  {count:>7} {rejection}")?;
        }
        Ok(())
    }
}
