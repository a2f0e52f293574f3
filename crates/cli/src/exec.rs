//! `flowruns exec`: runs a command and reports it as a run.

use std::{ffi::OsString, time::Duration};

use clap::{Args, ValueEnum};

use crate::{LocalServer, connection::ConnectionArguments, exit::Failure};

/// The command to run, and how it is reported.
#[derive(Args, Debug)]
pub struct ExecArguments {
    /// The flow: an id, an address, or an exact name.
    #[arg(long, env = "FLOWRUNS_FLOW", value_name = "FLOW")]
    flow: String,
    /// Create the flow if no flow has this name.
    #[arg(long)]
    create_flow: bool,
    /// The name of the run [default: the name of the command].
    #[arg(long, value_name = "TEXT")]
    name: Option<String>,
    /// End the command after this time, such as 2h, with SIGTERM.
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    timeout: Option<Duration>,
    /// How long a command may live after SIGTERM before it gets SIGKILL.
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = humantime::parse_duration)]
    kill_after: Duration,
    /// Exit codes of the command that mean completed with warnings, such as 3,4.
    #[arg(long, value_name = "CODES", value_delimiter = ',')]
    warn_exit: Vec<u8>,
    /// Exit codes of the command that mean completed with errors.
    #[arg(long, value_name = "CODES", value_delimiter = ',')]
    error_exit: Vec<u8>,
    /// A member of the statistics; can be repeated.
    #[arg(long = "stat", value_name = "NAME=VALUE")]
    stats: Vec<String>,
    /// How much of the end of the output is kept for the report, such as 4KiB.
    #[arg(long, value_name = "SIZE", default_value = "4KiB")]
    tail: String,
    /// When the end of the output is reported.
    #[arg(long, value_enum, default_value_t = TailOn::Failure)]
    tail_on: TailOn,
    /// What becomes of reports while the server is away.
    #[arg(long, value_enum, default_value_t = Offline::Spool)]
    offline: Offline,
    /// Exit with 123 if the command succeeded and its report was neither sent nor spooled.
    #[arg(long)]
    strict: bool,
    /// Give the token to the command, in FLOWRUNS_TOKEN.
    #[arg(long)]
    share_token: bool,
    #[command(flatten)]
    connection: ConnectionArguments,
    /// The command and its arguments, run without a shell.
    #[arg(last = true, required = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
enum TailOn {
    Failure,
    Always,
    Never,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
enum Offline {
    Spool,
    Drop,
    Fail,
}

/// Returns the exit code of the process, if it does not end by the signal of which the command died.
pub(crate) fn run(_arguments: ExecArguments, _local: &dyn LocalServer) -> u8 {
    Failure::usage("exec is not built yet").print();
    125
}
