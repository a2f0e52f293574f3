//! `flowruns report progress`.

use clap::Args;
use flowruns_client::JsonObject;

use crate::{
    LocalServer,
    connection::ConnectionArguments,
    exit::{Exit, Failure},
    members,
    print::Waiting,
    target::RunTarget,
};

/// The run, and its statistics.
#[derive(Args, Debug)]
pub struct ProgressArguments {
    /// The run: FLOW/RUN, an address of the API or the dashboard, or its id
    #[arg(value_name = "RUN")]
    run: RunTarget,
    #[command(flatten)]
    statistics: StatisticsArguments,
    #[command(flatten)]
    connection: ConnectionArguments,
}

/// Statistics that are merged into those of a run.
#[derive(Args, Debug)]
pub(super) struct StatisticsArguments {
    /// A member of the statistics; JSON, such as 5, true, null (removes it), {"read": 5}, or else a text
    #[arg(value_name = "NAME=VALUE")]
    members: Vec<String>,
    /// A JSON object: @FILE, or - for standard input; NAME=VALUE overrides its members
    #[arg(long, value_name = "@FILE|-")]
    statistics: Option<String>,
}

impl StatisticsArguments {
    pub(super) fn read(&self) -> Result<JsonObject, Failure> {
        let members = members::of_arguments(&self.members)?;
        let Some(source) = &self.statistics else {
            return Ok(members);
        };
        let mut statistics = members::of_document(source)?;
        for (name, value) in members.iter() {
            statistics.insert(name, value.clone());
        }
        Ok(statistics)
    }
}

pub(super) fn run(arguments: &ProgressArguments, local: &dyn LocalServer) -> Result<Exit, Failure> {
    let statistics = arguments.statistics.read()?;
    if statistics.is_empty() {
        return Err(Failure::usage(
            "there is nothing to report; add NAME=VALUE, such as rows=1200",
        ));
    }
    let client = arguments.connection.client(local)?;
    let _waiting = Waiting::new("reporting");
    client.merge_statistics(arguments.run.address(&client)?, &statistics)?;
    Ok(Exit::Done)
}
