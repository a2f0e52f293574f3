//! `flowruns report end`.

use clap::Args;
use flowruns_client::{BlockingError, Outcome, Status};

use super::progress::StatisticsArguments;
use crate::{
    LocalServer,
    connection::ConnectionArguments,
    exit::{Exit, Failure},
    print::Waiting,
    status,
    target::RunTarget,
};

/// The code of an error that has only a message.
const DEFAULT_CODE: &str = "jobFailed";

/// The run, and how it ended.
#[derive(Args, Debug)]
pub struct EndArguments {
    /// The run: FLOW/RUN, an address of the API or the dashboard, or its id
    #[arg(value_name = "RUN")]
    run: RunTarget,
    /// How it ended
    #[arg(value_name = "STATUS", value_parser = status::ended())]
    status: Status,
    #[command(flatten)]
    statistics: StatisticsArguments,
    /// A code for programs of what went wrong, such as sourceUnreachable
    #[arg(long, value_name = "CODE")]
    error: Option<String>,
    /// A message for people of what went wrong
    #[arg(long, value_name = "TEXT")]
    message: Option<String>,
    #[command(flatten)]
    connection: ConnectionArguments,
}

pub(super) fn run(arguments: &EndArguments, local: &dyn LocalServer) -> Result<Exit, Failure> {
    let statistics = arguments.statistics.read()?;
    let error = arguments.blocking_error()?;
    let client = arguments.connection.client(local)?;
    let _waiting = Waiting::new("reporting");
    let address = arguments.run.address(&client)?;
    let run = client.flow_by_id(address.flow).adopt_detached(address.run);
    let outcome = match arguments.status {
        Status::Completed => Outcome::Completed,
        Status::CompletedWithWarnings => Outcome::WithWarnings,
        Status::CompletedWithErrors => Outcome::WithErrors(error),
        _ => {
            run.fail_with(error, statistics)?;
            return Ok(Exit::Done);
        }
    };
    run.end_with(outcome, statistics)?;
    Ok(Exit::Done)
}

impl EndArguments {
    fn blocking_error(&self) -> Result<Option<BlockingError>, Failure> {
        let (code, message) = match (&self.error, &self.message) {
            (None, None) => return Ok(None),
            (code, message) => {
                let code = code.as_deref().unwrap_or(DEFAULT_CODE);
                (code, message.as_deref().unwrap_or(code))
            }
        };
        if matches!(self.status, Status::Completed | Status::CompletedWithWarnings) {
            let message = format!(
                "a run that is {} has no error; leave --error and --message out, or end it as failed",
                self.status
            );
            return Err(Failure::usage(message));
        }
        Ok(Some(BlockingError::new(code, message)))
    }
}
