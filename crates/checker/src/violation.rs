//! The report of a broken guarantee.

use std::{error::Error, fmt};

use flowruns_domain::id::RunId;

/// A guarantee of the contract.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Promise {
    /// What was acknowledged is stored.
    Kept,
    /// What was reported once, or again after an unknown outcome, is stored once.
    Once,
    /// A change is acknowledged with the version that it made.
    RightVersion,
    /// A rejected report changed nothing.
    RefusedChangesNothing,
    /// An entry of the history was made by one report of a client.
    KnownAuthor,
    /// An entry does what its report asks for, on the state before it, and nothing else.
    RightEffect,
    /// Versions count from 1 without a gap, each entry continues the one before, and time never goes backwards.
    UnbrokenHistory,
    /// The row has the state that its history gives.
    RowIsHistory,
    /// A terminal status is never left.
    TerminalIsFinal,
    /// What a response shows was committed, with that tag.
    ShownIsCommitted,
    /// A request after a response sees at least what that response showed.
    RealTimeOrder,
    /// A rejection, or an acknowledgement without a change, was right in a state between request and response.
    RightAnswer,
    /// A run whose position does not change is in a list exactly once.
    ListedOnce,
}

/// A broken guarantee, and how it was found.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Violation {
    /// The guarantee.
    pub promise: Promise,
    /// The run that it was broken on.
    pub run: RunId,
    /// What was found, for people.
    pub message: String,
}

impl Violation {
    pub(super) fn new(promise: Promise, run: RunId, message: impl Into<String>) -> Self {
        Self { promise, run, message: message.into() }
    }
}

impl Promise {
    /// How the guarantee was broken, in words.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Kept => "an acknowledged change is lost",
            Self::Once => "a change was stored more than once",
            Self::RightVersion => "a change was acknowledged with another version than it made",
            Self::RefusedChangesNothing => "a rejected report changed the run",
            Self::KnownAuthor => "an entry of the history was made by no report",
            Self::RightEffect => "an entry does not do what its report asks for",
            Self::UnbrokenHistory => "the history has a gap",
            Self::RowIsHistory => "the row is not what its history leads to",
            Self::TerminalIsFinal => "a terminal status was left",
            Self::ShownIsCommitted => "a response shows what was not committed",
            Self::RealTimeOrder => {
                "a response is older than one that was complete before its request"
            }
            Self::RightAnswer => "no state between request and response explains the response",
            Self::ListedOnce => "a list skips or repeats a run",
        }
    }
}

impl fmt::Display for Promise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "run {}: {}: {}", self.run, self.promise, self.message)
    }
}

impl Error for Violation {}
