//! The commands of `flowruns` that report and read runs over HTTP. They load no configuration of the server.

mod connection;
mod exec;
mod exit;
mod list;
mod members;
mod print;
mod report;
mod show;
mod watch;

use clap::Subcommand;

pub use self::{
    connection::{LocalServer, MintToken},
    exit::{Exit, usage_exit_code},
};

/// The commands of people and scripts.
#[derive(Subcommand)]
pub enum Command {
    /// Run a command and report it as a run.
    Exec(exec::ExecArguments),
    /// Copy standard input to standard output, for `exec`.
    #[command(hide = true)]
    ExecRelay,
    /// Report a run step by step, from a script.
    #[command(subcommand)]
    Report(report::ReportCommand),
    /// List runs or flows.
    List(list::ListArguments),
    /// Show a run.
    Show(show::ShowArguments),
    /// Wait for the end of a run, and show its changes.
    Watch(watch::WatchArguments),
}

/// Runs a command. Returns the exit code of the process.
pub fn run(command: Command, local: &dyn LocalServer) -> u8 {
    let done = match command {
        Command::Exec(arguments) => return exec::run(arguments, local),
        Command::ExecRelay => return exec::relay::run(),
        Command::Report(command) => report::run(command, local),
        Command::List(arguments) => list::run(&arguments, local),
        Command::Show(arguments) => show::run(&arguments, local),
        Command::Watch(arguments) => watch::run(&arguments, local),
    };
    match done {
        Ok(exit) => exit.code(),
        Err(failure) => {
            failure.print();
            failure.exit().code()
        }
    }
}
