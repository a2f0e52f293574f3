//! The commands of `flowruns` that report and read runs over HTTP. They load the configuration of the server
//! only to find a server or its local key on this machine.

mod connection;
mod documentation;
mod exec;
mod exit;
mod leaves;
mod list;
mod members;
mod print;
mod report;
mod show;
mod status;
mod target;
mod time;
mod watch;

use clap::Subcommand;

pub use self::{
    connection::{LocalServer, MintToken},
    exit::{Exit, usage_exit_code},
};
use crate::exit::Failure;

/// The commands of people and scripts.
#[derive(Subcommand)]
pub enum Command {
    /// Run a command and report it as a run
    #[command(after_long_help = help(EXEC_EXIT_CODES))]
    Exec(exec::ExecArguments),
    /// Copy standard input to standard output, for `exec`
    #[command(hide = true)]
    ExecRelay,
    /// Report a run step by step, from a script
    #[command(subcommand, after_long_help = help(EXIT_CODES))]
    Report(report::ReportCommand),
    /// List runs or flows
    #[command(after_long_help = help(EXIT_CODES))]
    List(list::ListArguments),
    /// Show a run
    #[command(after_long_help = help(EXIT_CODES))]
    Show(show::ShowArguments),
    /// Wait for the end of a run, and show its changes
    #[command(after_long_help = help(EXIT_CODES))]
    Watch(watch::WatchArguments),
    /// Print the completions of a shell
    Completions(documentation::CompletionsArguments),
    /// Print a manual page, or write all of them
    Man(documentation::ManArguments),
}

/// What the help of a command that speaks to a server has at its end.
fn help(exit_codes: &str) -> String {
    format!("{ENVIRONMENT}\n\n{exit_codes}")
}

const ENVIRONMENT: &str = "\
Environment:
  FLOWRUNS_URL                 the URL of the server
  FLOWRUNS_TOKEN               a token
  FLOWRUNS_TOKEN_FILE          a file with a token
  FLOWRUNS_TOKEN_COMMAND       a command that prints a token
  FLOWRUNS_ISSUER, FLOWRUNS_CLIENT_ID, FLOWRUNS_CLIENT_SECRET_FILE, FLOWRUNS_SCOPE
                               an application at an OpenID issuer
  FLOWRUNS_ALLOW_HTTP          true: send the token over http to another machine
  FLOWRUNS_SPOOL_DIR           the folder of reports that could not be delivered
  NO_COLOR                     no colours
Without a token, the local key of the data folder is used for a server on this machine.";

const EXIT_CODES: &str = "\
Exit codes:
  0     done; watch: the run has completed, perhaps with warnings
  1     watch, show --exit-status: the run has failed; otherwise a failure on this machine
  2     arguments or environment cannot be used
  3     watch, show --exit-status: the run has completed with errors
  4     no such flow or run
  5     refused by the server
  6     not allowed by the server
  7     no response of the server
  124   watch: the time is over
  141   report, watch: the reader of standard output has closed it";

const EXEC_EXIT_CODES: &str = "\
Exit codes:
  that of the command, or:
  123   --strict: the report is lost
  124   the time limit passed
  125   exec cannot begin, or could not write output of a command that succeeded
  126   the command cannot be executed
  127   the command is not found
  137   killed after the time limit";

/// Runs a command. `program` describes all commands of the program, for completions and manual pages. Returns the exit code of the
/// process.
pub fn run(command: Command, local: &dyn LocalServer, program: fn() -> clap::Command) -> u8 {
    let done = match command {
        Command::Exec(arguments) => return exec::run(arguments, local),
        Command::ExecRelay => return exec::relay::run(),
        Command::Report(command) => report::run(&command, local),
        Command::List(arguments) => until_reader_is_gone(list::run(&arguments, local)),
        Command::Show(arguments) => until_reader_is_gone(show::run(&arguments, local)),
        Command::Watch(arguments) => watch::run(&arguments, local),
        Command::Completions(arguments) => documentation::completions(&arguments, &program()),
        Command::Man(arguments) => documentation::man(&arguments, program()),
    };
    match done {
        Ok(exit) => exit.code(),
        Err(failure) => {
            failure.print();
            failure.exit().code()
        }
    }
}

/// A reader that has seen enough, such as `head`, is no failure of a command that only reads.
fn until_reader_is_gone(done: Result<Exit, Failure>) -> Result<Exit, Failure> {
    match done {
        Err(failure) if failure.exit() == Exit::ReaderGone => Ok(Exit::Done),
        done => done,
    }
}
