//! The exit codes of the commands other than `exec`, and failures with a code.

use std::{ffi::OsString, fmt};

use clap::error::ErrorKind;
use flowruns_client::{Error, ReportError, Status, TokenError, error_chain};

use crate::print::clean;

/// The exit code of `exec` when it fails itself: it cannot begin, also because of its arguments, does not learn how the command
/// ended, or loses output of a command that succeeded.
pub(crate) const EXEC_FAILED: u8 = 125;

/// How a command ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Exit {
    /// Done. `watch`: the run has completed, perhaps with warnings.
    Done,
    /// `watch` and `show --exit-status`: the run has failed, or has a status that this version does not know. Otherwise: the command
    /// could not do its work, for a reason on this machine.
    Failed,
    /// The arguments or the environment cannot be used.
    Usage,
    /// `watch` and `show --exit-status`: the run has completed with errors.
    CompletedWithErrors,
    /// There is no such flow or run.
    NotFound,
    /// The server rejected the request: 400, 409, 412, 413, 422 or another final response.
    Refused,
    /// The token is not accepted, or lacks a permission: 401, 403.
    NotAllowed,
    /// No usable response from the server or the source of tokens, after all attempts.
    Away,
    /// `watch`: a time limit has passed.
    TimedOut,
    /// Standard output was closed by its reader. The code is that of a program that SIGPIPE ended: `watch` must not seem to have
    /// seen a success.
    ReaderGone,
}

impl Exit {
    /// The exit code of the process.
    pub const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::CompletedWithErrors => 3,
            Self::NotFound => 4,
            Self::Refused => 5,
            Self::NotAllowed => 6,
            Self::Away => 7,
            Self::TimedOut => 124,
            Self::ReaderGone => 128 + 13,
        }
    }

    /// The exit code that tells how a run ended.
    pub(crate) const fn of_status(status: &Status) -> Self {
        match status {
            Status::Running | Status::Completed | Status::CompletedWithWarnings => Self::Done,
            Status::CompletedWithErrors => Self::CompletedWithErrors,
            _ => Self::Failed,
        }
    }
}

/// The exit code of a usage error, whose message clap prints: 125 for `exec`, whose other codes are those of the command.
pub fn usage_exit_code(error: &clap::Error, arguments: impl Iterator<Item = OsString>) -> u8 {
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        return Exit::Done.code();
    }
    match command_of(arguments).is_some_and(|command| command == "exec") {
        true => EXEC_FAILED,
        false => Exit::Usage.code(),
    }
}

/// The first argument that is neither an option nor the value of `--config`, the only option before a command that has one.
fn command_of(arguments: impl Iterator<Item = OsString>) -> Option<OsString> {
    let mut arguments = arguments.skip(1);
    while let Some(argument) = arguments.next() {
        if argument == "--config" {
            arguments.next();
        } else if !argument.as_encoded_bytes().starts_with(b"-") {
            return Some(argument);
        }
    }
    None
}

/// Why a command has no result: an exit code and one sentence.
#[derive(Debug)]
pub(crate) struct Failure {
    exit: Exit,
    message: String,
}

impl Failure {
    pub(crate) fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into() }
    }

    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, message)
    }

    pub(crate) const fn exit(&self) -> Exit {
        self.exit
    }

    /// Prints the message on standard error, if there is one.
    pub(crate) fn print(&self) {
        if self.message.is_empty() {
            return;
        }
        #[expect(clippy::print_stderr, reason = "the message of a failed command")]
        {
            eprintln!("error: {self}");
        }
    }
}

/// Without control characters: the message may contain what a server sent.
impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&clean(&self.message), f)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::new(exit_of(&error), error_chain(&error))
    }
}

impl From<ReportError> for Failure {
    fn from(error: ReportError) -> Self {
        let exit = match &error {
            ReportError::Unknown { .. } => Exit::Away,
            ReportError::NotAllowed { error, .. } => exit_of(error),
            ReportError::NotFound(_) => Exit::NotFound,
            ReportError::Statistics(_) => Exit::Usage,
            _ => Exit::Refused,
        };
        Self::new(exit, error_chain(&error))
    }
}

const fn exit_of(error: &Error) -> Exit {
    match error {
        Error::Away { .. } | Error::Unreadable(_) | Error::Closed => Exit::Away,
        Error::NotFound(_) | Error::NoSuchFlow(_) => Exit::NotFound,
        Error::NotAllowed(_) => Exit::NotAllowed,
        Error::Token(TokenError::Unavailable { .. }) => Exit::Away,
        Error::Token(_)
        | Error::Statistics(_)
        | Error::SeveralFlows { .. }
        | Error::InvalidName(_)
        | Error::InvalidId(_) => Exit::Usage,
        _ => Exit::Refused,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_error_has_the_same_exit_code_with_and_without_a_report() {
        let what = || "FLOWRUNS_TOKEN_COMMAND".to_owned();
        let unavailable =
            || TokenError::Unavailable { what: what(), cause: "exit status: 3".into() };
        let misconfigured =
            || TokenError::Misconfigured { what: what(), reason: "it is empty".to_owned() };
        let malformed = || TokenError::Malformed { what: what() };
        let cases: [(&dyn Fn() -> TokenError, Exit); 3] =
            [(&unavailable, Exit::Away), (&misconfigured, Exit::Usage), (&malformed, Exit::Usage)];
        for (token_error, exit) in cases {
            let error = Error::Token(token_error());
            let report_error = ReportError::NotAllowed {
                spooled: true,
                error: Box::new(Error::Token(token_error())),
            };
            assert_eq!(Failure::from(error).exit(), exit);
            assert_eq!(Failure::from(report_error).exit(), exit);
        }
    }
}
