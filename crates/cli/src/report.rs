//! `flowruns report`: reports a run step by step.

use clap::{Args, Subcommand};

use crate::{
    LocalServer,
    connection::ConnectionArguments,
    exit::{Exit, Failure},
};

#[derive(Debug, Subcommand)]
pub enum ReportCommand {
    /// Send reports that earlier commands could not deliver.
    Flush(FlushArguments),
}

#[derive(Args, Debug)]
pub struct FlushArguments {
    #[command(flatten)]
    connection: ConnectionArguments,
}

pub(crate) fn run(command: ReportCommand, local: &dyn LocalServer) -> Result<Exit, Failure> {
    match command {
        ReportCommand::Flush(arguments) => arguments.connection.client(local)?,
    };
    Ok(Exit::Done)
}
