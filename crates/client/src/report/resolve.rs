//! Whether a report whose response was lost is stored: the run is read, and compared with the report.

use std::time::Duration;

use flowruns_domain::{json::JsonObject, run::PublicErrorPatch};
use tokio::time::Instant;

use super::end::End;
use crate::{
    Status,
    address::RunAddress,
    read::RunRecord,
    send::{Limit, Prepared},
    worker::Shared,
};

/// How long the reading may take.
const TIMEOUT: Duration = Duration::from_secs(2);

/// What the stored run says of a report.
#[derive(Debug)]
pub(super) enum Resolution {
    /// The stored run has what was reported, so the report would change nothing.
    Stored,
    /// The run has ended with another status.
    Contradicted(Status),
    /// The run has not ended, or could not be read.
    Open,
}

pub(super) async fn resolve(shared: &Shared, address: RunAddress, end: &End) -> Resolution {
    let request = Prepared::get(shared.server.run(address));
    let limit = Limit::at(Instant::now() + TIMEOUT);
    let Ok(answer) = shared.sender.send(&request, &limit).await else {
        return Resolution::Open;
    };
    match RunRecord::read(&answer) {
        Ok(run) if run.address.run == address.run => compare(&run, end),
        _ => Resolution::Open,
    }
}

fn compare(run: &RunRecord, end: &End) -> Resolution {
    let reported = Status::from(flowruns_domain::run::RunStatus::Ended(end.outcome));
    if !run.status.is_terminal() {
        return Resolution::Open;
    }
    if run.status != reported {
        return Resolution::Contradicted(run.status.clone());
    }
    let has_statistics = {
        let mut merged = run.statistics.clone();
        merged.merge(&end.statistics);
        merged == run.statistics
    };
    let has_error = end.error.as_ref().is_none_or(|error| has_error(run, error));
    match has_statistics && has_error {
        true => Resolution::Stored,
        false => Resolution::Open,
    }
}

fn has_error(run: &RunRecord, error: &JsonObject) -> bool {
    let merged = || {
        let mut merged = run.blocking_error.clone()?;
        merged.merge(PublicErrorPatch::new(error.clone()).ok()?.members());
        Some(Some(&merged) == run.blocking_error.as_ref())
    };
    error.is_empty() || merged().unwrap_or(false)
}
