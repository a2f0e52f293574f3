//! What happens while a command runs.

use std::time::Instant;

use super::{output::Copied, reporter::Delivery, signals::Received};

/// Something that the supervisor of a command must know.
#[derive(Debug)]
pub(super) enum Event {
    /// A signal to `exec`.
    Signal(Received),
    /// The command has ended, or cannot be waited for: reaping it tells.
    Ended(Instant),
    /// A copy of the output has ended.
    Copied(Copied),
    /// `--offline fail`: whether the run is stored.
    Created(Result<(), String>),
    /// What became of the report.
    Reported(Delivery),
}
