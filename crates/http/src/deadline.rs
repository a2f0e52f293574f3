//! The time by which a request is answered.

use std::time::{Duration, Instant};

/// The time by which a request is answered. As an extension of a request, such as an item of a batch, it replaces the
/// [timeout](crate::PipelineOptions::request_timeout) of the front end.
#[derive(Clone, Copy, Debug)]
pub struct Deadline(Instant);

impl Deadline {
    /// The deadline of a request that began at `started` and may take `timeout`.
    pub fn new(started: Instant, timeout: Duration) -> Self {
        Self(started + timeout)
    }

    /// The deadline itself.
    pub(crate) const fn instant(self) -> Instant {
        self.0
    }

    /// An earlier deadline, by this margin.
    #[must_use]
    pub fn before(self, margin: Duration) -> Self {
        Self(self.0.checked_sub(margin).unwrap_or(self.0))
    }
}
