//! The run whose statistics stand beside those of the run.

use std::str::FromStr;

use flowruns_client::{RunQuery, RunRecord, Status, blocking::Client};

use crate::{
    exit::{Exit, Failure},
    target::RunTarget,
};

/// Which run to compare with.
#[derive(Clone, Debug)]
pub(crate) enum Against {
    /// The run of the flow that started before it.
    Before,
    /// The last one before it that completed, with or without warnings.
    Completed,
    Run(RunTarget),
}

impl FromStr for Against {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "before" => Ok(Self::Before),
            "completed" => Ok(Self::Completed),
            run => run
                .parse()
                .map(Self::Run)
                .map_err(|error| format!("neither before nor completed, and {error}")),
        }
    }
}

/// Reads the other run.
pub(crate) fn other_run(
    client: &Client,
    run: &RunRecord,
    against: &Against,
) -> Result<RunRecord, Failure> {
    let query = RunQuery::new().before(run.start).page_size(1);
    let (query, what) = match against {
        Against::Run(other) => return other.read(client),
        Against::Before => (query, "started"),
        Against::Completed => {
            (query.status([Status::Completed, Status::CompletedWithWarnings]), "completed")
        }
    };
    let flow = client.flow_by_id(run.address.flow);
    let Some(found) = flow.runs(&query).next().transpose()? else {
        return Err(Failure::new(
            Exit::NotFound,
            format!("no run of the flow {what} before this one"),
        ));
    };
    Ok(client.run(found.address)?)
}
