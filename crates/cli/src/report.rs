//! `flowruns report`: reports a run step by step, from a script.

mod end;
mod flush;
mod progress;
mod start;

use clap::Subcommand;

use crate::{
    LocalServer,
    exit::{Exit, Failure},
};

/// The steps.
#[derive(Debug, Subcommand)]
pub enum ReportCommand {
    /// Start a run, and print it as FLOW/RUN and nothing else
    Start(start::StartArguments),
    /// Merge statistics into a run
    Progress(progress::ProgressArguments),
    /// End a run; what cannot be delivered goes to the spool
    End(end::EndArguments),
    /// Send what earlier reports left in the spool
    Flush(flush::FlushArguments),
}

pub(crate) fn run(command: &ReportCommand, local: &dyn LocalServer) -> Result<Exit, Failure> {
    match command {
        ReportCommand::Start(arguments) => start::run(arguments, local),
        ReportCommand::Progress(arguments) => progress::run(arguments, local),
        ReportCommand::End(arguments) => end::run(arguments, local),
        ReportCommand::Flush(arguments) => flush::run(arguments, local),
    }
}
