//! The reason for ending runs, which becomes the message of their errors.

use std::fmt;

use flowruns_domain::{
    json::parse_object,
    patch::{Field, Nullable},
    run::{Outcome, PublicErrorPatch, RunPatch, RunStatus},
};
use serde_json::json;

/// The code of the error of a run that a person ended.
const CODE: &str = "endedByPerson";

/// A reason: 1 to 500 characters without surrounding white space, with line feeds and without other control characters.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Reason(String);

/// Why a text is not a [`Reason`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum InvalidReason {
    /// It is empty.
    Empty,
    /// It has more than [`Reason::MAX_CHARS`] characters.
    TooLong,
    /// It has control characters.
    Control,
}

impl Reason {
    /// The longest reason, in characters.
    pub(super) const MAX_CHARS: usize = 500;

    /// Checks a reason as a browser sends it: its lines end with CRLF.
    ///
    /// # Errors
    ///
    /// [`InvalidReason`].
    pub(super) fn new(text: &str) -> Result<Self, InvalidReason> {
        let text = text.replace("\r\n", "\n");
        let text = text.trim();
        if text.is_empty() {
            return Err(InvalidReason::Empty);
        }
        if text.chars().count() > Self::MAX_CHARS {
            return Err(InvalidReason::TooLong);
        }
        let is_unusable = |character: char| character.is_control() && character != '\n';
        match text.contains(is_unusable) {
            true => Err(InvalidReason::Control),
            false => Ok(Self(text.to_owned())),
        }
    }

    /// The text.
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// The report that ends a run as failed for this reason; `None` would be a defect of this function.
    pub(super) fn report(&self) -> Option<RunPatch> {
        let error = json!({ "code": CODE, "message": self.as_str() }).to_string();
        let error = PublicErrorPatch::new(parse_object(error.as_bytes()).ok()?).ok()?;
        Some(RunPatch {
            status: Field::Value(RunStatus::Ended(Outcome::Failed)),
            blocking_error: Nullable::Value(error),
            ..RunPatch::default()
        })
    }
}

impl fmt::Display for InvalidReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("Write a reason: each run shows it as its error."),
            Self::TooLong => {
                write!(f, "The reason has more than {} characters; shorten it.", Reason::MAX_CHARS)
            }
            Self::Control => f.write_str("The reason has control characters; remove them."),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_trimmed_and_its_lines_end_with_a_line_feed() {
        let reason = Reason::new("  The host was restarted.\r\nSee the log. \r\n").unwrap();
        assert_eq!(reason.as_str(), "The host was restarted.\nSee the log.");
    }

    #[test]
    fn an_empty_long_or_unprintable_reason_is_rejected() {
        assert_eq!(Reason::new(" \r\n\t"), Err(InvalidReason::Empty));
        assert!(Reason::new(&"é".repeat(500)).is_ok());
        assert_eq!(Reason::new(&"é".repeat(501)), Err(InvalidReason::TooLong));
        for text in ["a\u{0}b", "a\rb", "a\u{1b}[0m", "a\u{85}b"] {
            assert_eq!(Reason::new(text), Err(InvalidReason::Control), "{text:?}");
        }
    }

    #[test]
    fn the_report_fails_a_run_with_the_reason_as_its_message() {
        let report = Reason::new("It said \"stop\" \u{202e}\\").unwrap().report().unwrap();
        assert_eq!(report.status, Field::Value(RunStatus::Ended(Outcome::Failed)));
        let error = report.blocking_error.value().unwrap().members();
        let error = serde_json::to_value(error).unwrap();
        assert_eq!(error, json!({ "code": CODE, "message": "It said \"stop\" \u{202e}\\" }));
    }
}
