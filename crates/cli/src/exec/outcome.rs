//! What the end of a command means: the outcome of its run, and the exit status of `exec`.

use std::{
    ffi::OsStr,
    io::{self, ErrorKind},
    os::unix::process::ExitStatusExt as _,
    path::Path,
    process::ExitStatus,
    time::{Duration, Instant},
};

use flowruns_client::{BlockingError, JsonObject, Outcome, Timestamp};
use serde_json::{Value, json};
use signal_hook::consts::{SIGKILL, SIGPIPE};

use super::{signals::name_of, usage::CommandUsage};
use crate::exit::EXEC_FAILED;

/// `--strict`: the command succeeded, and its report is neither stored nor spooled.
pub(super) const NOT_REPORTED: u8 = 123;
const TIMED_OUT: u8 = 124;
const TIMED_OUT_AND_KILLED: u8 = 137;
const NOT_EXECUTABLE: u8 = 126;
const NOT_FOUND: u8 = 127;

/// How a command ended.
#[derive(Debug)]
pub(super) enum End {
    /// The system did not start it.
    NotStarted(io::Error),
    /// `exec` received this signal before it started it.
    Interrupted(i32),
    /// It ran, with what it used.
    Ended(ExitStatus, CommandUsage),
    /// Its status is lost.
    Unknown(io::Error),
}

/// A command that has ended.
#[derive(Debug)]
pub(super) struct Finished {
    pub(super) end: End,
    pub(super) ended: Instant,
    /// From its start to its end.
    pub(super) duration: Duration,
    /// The limit that `--timeout` sets, if it ended the command.
    pub(super) timeout: Option<Duration>,
    /// Why a part of its output is lost.
    pub(super) output_error: Option<String>,
}

/// How `exec` ends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum ExecExit {
    Code(u8),
    Signal(i32),
}

/// The exit codes that mean more than failure.
#[derive(Clone, Copy, Debug)]
pub(super) struct ExitCodes<'a> {
    pub(super) warnings: &'a [u8],
    pub(super) errors: &'a [u8],
}

/// What is reported of an end: an outcome, or an error of a run that failed.
pub(super) type Reported = Result<Outcome, BlockingError>;

/// The name of a command, without its folder and arguments.
pub(super) fn program_name(program: &OsStr) -> String {
    Path::new(program).file_name().unwrap_or(program).to_string_lossy().into_owned()
}

impl Finished {
    /// A command that the system did not start.
    pub(super) fn not_started(error: io::Error) -> Self {
        Self {
            end: End::NotStarted(error),
            ended: Instant::now(),
            duration: Duration::ZERO,
            timeout: None,
            output_error: None,
        }
    }

    /// A command that was not started, because `exec` received a signal before.
    pub(super) fn interrupted(signal: i32) -> Self {
        Self {
            end: End::Interrupted(signal),
            ended: Instant::now(),
            duration: Duration::ZERO,
            timeout: None,
            output_error: None,
        }
    }

    /// When it ended, on a clock that showed `start` at the moment `began`. The system clock may be set while a command runs, so it
    /// is not asked again: an end before the start would be refused.
    pub(super) fn at(&self, start: Timestamp, began: Instant) -> Timestamp {
        let passed = self.ended.saturating_duration_since(began);
        Timestamp::new(start.date_time() + passed).unwrap_or(start)
    }

    pub(super) fn exit(&self) -> ExecExit {
        match &self.end {
            End::NotStarted(error) if error.kind() == ErrorKind::NotFound => {
                ExecExit::Code(NOT_FOUND)
            }
            End::NotStarted(_) => ExecExit::Code(NOT_EXECUTABLE),
            End::Interrupted(signal) => ExecExit::Signal(*signal),
            End::Unknown(_) => ExecExit::Code(EXEC_FAILED),
            End::Ended(status, _) if self.timeout.is_some() => {
                ExecExit::Code(match status.signal() {
                    Some(SIGKILL) => TIMED_OUT_AND_KILLED,
                    _ => TIMED_OUT,
                })
            }
            // Without `exec` the command would have seen the error itself.
            End::Ended(status, _) if status.success() && self.output_error.is_some() => {
                ExecExit::Code(EXEC_FAILED)
            }
            End::Ended(status, _) => match (status.code(), status.signal()) {
                (Some(code), _) => ExecExit::Code(u8::try_from(code).unwrap_or(u8::MAX)),
                (None, Some(signal)) => ExecExit::Signal(signal),
                (None, None) => ExecExit::Code(EXEC_FAILED),
            },
        }
    }

    /// The outcome of the run. `tail` goes with an error.
    pub(super) fn reported(
        &self,
        program: &str,
        codes: ExitCodes<'_>,
        tail: Option<&str>,
    ) -> Reported {
        let error = |(code, message)| {
            let error = BlockingError::new(code, message);
            match tail {
                Some(tail) => error.inner(BlockingError::new("output", tail)),
                None => error,
            }
        };
        let status = self.own_status(program).map_err(error)?;
        match (status.code(), status.signal()) {
            (Some(0), _) => Ok(Outcome::Completed),
            (Some(code), _) => {
                let is_in =
                    |codes: &[u8]| u8::try_from(code).is_ok_and(|code| codes.contains(&code));
                let error = error(("exitCode", format!("{program} ended with exit code {code}.")));
                match (is_in(codes.warnings), is_in(codes.errors)) {
                    (true, _) => Ok(Outcome::WithWarnings),
                    (_, true) => Ok(Outcome::WithErrors(Some(error))),
                    _ => Err(error),
                }
            }
            (None, signal) => {
                let signal = name_of(signal.unwrap_or_default());
                Err(error(("signal", format!("{program} was ended by {signal}."))))
            }
        }
    }

    /// The status with which the command ended by itself.
    ///
    /// # Errors
    ///
    /// The code and the message of an error that says more than the status.
    fn own_status(&self, program: &str) -> Result<ExitStatus, (&'static str, String)> {
        let status = match &self.end {
            End::NotStarted(cause) => {
                return Err(("notStarted", format!("{program} could not be started: {cause}.")));
            }
            End::Interrupted(signal) => {
                let signal = name_of(*signal);
                let message =
                    format!("{program} was not started because flowruns was ended by {signal}.");
                return Err(("notStarted", message));
            }
            End::Unknown(cause) => {
                return Err(("exitUnknown", format!("How {program} ended is not known: {cause}.")));
            }
            End::Ended(status, _) => *status,
        };
        if let Some(limit) = self.timeout {
            let limit = humantime::format_duration(limit);
            let message = format!("{program} was ended because it ran longer than {limit}.");
            return Err(("timeout", message));
        }
        let is_of_output = status.success() || status.signal() == Some(SIGPIPE);
        match self.output_error.as_ref().filter(|_| is_of_output) {
            Some(cause) => {
                let message =
                    format!("A part of the output of {program} could not be written: {cause}.");
                Err(("outputLost", message))
            }
            None => Ok(status),
        }
    }

    /// The statistics of the run that `exec` itself adds.
    pub(super) fn statistics(&self, program: &str) -> JsonObject {
        let mut exec = json!({"program": program});
        let host = rustix::system::uname();
        exec["host"] = host.nodename().to_string_lossy().into();
        if !matches!(self.end, End::NotStarted(_) | End::Interrupted(_)) {
            exec["seconds"] = in_milliseconds(self.duration.as_secs_f64()).into();
        }
        if let End::Ended(status, usage) = &self.end {
            if let Some(code) = status.code() {
                exec["exitCode"] = code.into();
            }
            if let Some(signal) = status.signal() {
                exec["signal"] = name_of(signal).into();
            }
            exec["cpuSeconds"] = in_milliseconds(usage.cpu_seconds).into();
            if let Some(bytes) = usage.max_rss_bytes {
                exec["maxRssBytes"] = bytes.into();
            }
        }
        members_of_exec(&exec)
    }
}

/// The statistics with the end of the output of a command without an error.
pub(super) fn tail_statistics(tail: &str) -> JsonObject {
    members_of_exec(&json!({"tail": tail}))
}

fn members_of_exec(exec: &Value) -> JsonObject {
    // All that is given is a JSON object of texts and numbers.
    serde_json::from_value(json!({"exec": exec})).unwrap_or_default()
}

fn in_milliseconds(seconds: f64) -> f64 {
    (seconds * 1000.0).round() / 1000.0
}
