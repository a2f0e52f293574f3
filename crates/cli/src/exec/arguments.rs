//! The arguments of `flowruns exec`.

use std::{ffi::OsString, time::Duration};

use clap::{Args, ValueEnum, builder::RangedU64ValueParser};
use flowruns_client::DisplayName;

use crate::connection::ConnectionArguments;

/// The command to run, and how it is reported.
#[derive(Args, Debug)]
pub struct ExecArguments {
    /// The flow: its id, an address of it, or its exact name
    #[arg(long, env = "FLOWRUNS_FLOW", hide_env_values = true, value_name = "FLOW")]
    pub(super) flow: String,
    /// Create the flow if no flow has this name
    #[arg(long)]
    pub(super) create_flow: bool,
    /// The name of the run [default: the name of the command]
    #[arg(long, value_name = "TEXT", value_parser = display_name)]
    pub(super) name: Option<DisplayName>,
    /// End the command after this time, such as 2h, with SIGTERM
    #[arg(long, value_name = "TIME", value_parser = time_limit)]
    pub(super) timeout: Option<Duration>,
    /// How long a command may live after SIGTERM before it gets SIGKILL
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = humantime::parse_duration)]
    pub(super) kill_after: Duration,
    /// Exit codes of the command that mean completed with warnings, such as 3,4
    #[arg(long, value_name = "CODES", value_delimiter = ',', value_parser = exit_code())]
    pub(super) warn_exit: Vec<u8>,
    /// Exit codes of the command that mean completed with errors
    #[arg(long, value_name = "CODES", value_delimiter = ',', value_parser = exit_code())]
    pub(super) error_exit: Vec<u8>,
    /// A member of the statistics; can be repeated
    #[arg(long = "stat", value_name = "NAME=VALUE")]
    pub(super) statistics: Vec<String>,
    /// How much of the end of the output is kept for the report, such as 4KiB; at most 32KiB
    #[arg(long, value_name = "SIZE", default_value = "4KiB", value_parser = tail_bytes)]
    pub(super) tail: usize,
    /// When the end of the output is reported; with never, the command writes directly to the output of exec
    #[arg(long, value_enum, value_name = "WHEN", default_value_t = TailOn::Failure)]
    pub(super) tail_on: TailOn,
    /// What to do while the server is away: keep the report for later, drop it, or do not start the command
    #[arg(long, value_enum, value_name = "WHAT", default_value_t = Offline::Spool)]
    pub(super) offline: Offline,
    /// Exit with 123 if the command succeeded and its report was neither sent nor spooled
    #[arg(long)]
    pub(super) strict: bool,
    /// Leave the variables with a token in the environment of the command
    #[arg(long)]
    pub(super) share_token: bool,
    #[command(flatten)]
    pub(super) connection: ConnectionArguments,
    /// The command and its arguments, run without a shell
    #[arg(last = true, required = true, value_name = "COMMAND")]
    pub(super) command: Vec<OsString>,
}

/// When the end of the output is reported.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(super) enum TailOn {
    /// When the run failed or completed with errors
    Failure,
    /// Also when it completed
    Always,
    /// Never; the output is not read
    Never,
}

/// What becomes of the run while the server is away.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(super) enum Offline {
    /// The report is kept in the spool and sent later
    Spool,
    /// The report is lost
    Drop,
    /// The command is not started
    Fail,
}

/// Statistics and errors may have 64 KiB, and what else is in them must fit.
const MAX_TAIL_BYTES: usize = 32 * 1024;

/// Reads a duration that is not zero: timeout(1) understands 0 as no limit.
fn time_limit(text: &str) -> Result<Duration, String> {
    let limit = humantime::parse_duration(text).ok().filter(|limit| !limit.is_zero());
    limit.ok_or_else(|| {
        "write a time, such as 30s, 90min or 2h; leave the option out for no limit".to_owned()
    })
}

fn exit_code() -> RangedU64ValueParser<u8> {
    RangedU64ValueParser::new().range(1..=255)
}

fn display_name(text: &str) -> Result<DisplayName, String> {
    DisplayName::new(text).map_err(|error| error.to_string())
}

/// Reads a number of bytes, or of KiB.
fn tail_bytes(text: &str) -> Result<usize, String> {
    let (number, unit) = match text.strip_suffix("KiB") {
        Some(number) => (number, 1024),
        None => (text.strip_suffix('B').unwrap_or(text), 1),
    };
    let bytes = number.trim().parse::<usize>().ok().and_then(|number| number.checked_mul(unit));
    bytes.filter(|bytes| *bytes <= MAX_TAIL_BYTES).ok_or_else(|| {
        format!(
            "write a number of bytes, such as 500 or 4KiB, of at most {} KiB",
            MAX_TAIL_BYTES / 1024
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_limit_is_a_duration_that_is_not_zero() {
        assert_eq!(time_limit("2h"), Ok(Duration::from_secs(7200)));
        for text in ["0", "0s", "", "abc", "2"] {
            assert!(time_limit(text).unwrap_err().contains("such as 30s"), "{text}");
        }
    }

    #[test]
    fn a_size_is_a_number_of_bytes_or_kibibytes() {
        for (text, bytes) in
            [("0", 0), ("500", 500), ("500B", 500), ("4KiB", 4096), ("32 KiB", 32768)]
        {
            assert_eq!(tail_bytes(text), Ok(bytes), "{text}");
        }
        for text in ["", "KiB", "4KB", "4k", "-1", "33KiB", "1.5KiB", "99999999999999999999"] {
            assert!(tail_bytes(text).is_err(), "{text}");
        }
    }
}
