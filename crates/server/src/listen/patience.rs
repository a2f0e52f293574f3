//! How long a connection may take for what.

use std::time::Duration;

use super::rate::MinimumRate;
use crate::config::Http;

/// How long a client that has closed its sending side waits for reads. It may have gone altogether, which looks the same:
/// a longer read is then work for nobody. Writes are always carried out and answered.
const HALF_CLOSED_READ: Duration = Duration::from_secs(3);

#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    pub(super) first_byte: Duration,
    pub(super) head: Duration,
    pub(super) idle: Duration,
    pub(super) write: Duration,
    pub(super) half_closed_read: Duration,
    /// From the head of a request to the end of its answer.
    pub(super) exchange: Duration,
    /// At which responses must be read.
    pub(super) rate: Option<MinimumRate>,
}

impl Patience {
    pub(super) fn new(http: &Http) -> Self {
        Self {
            first_byte: http.first_byte_timeout(),
            head: http.header_timeout(),
            idle: http.idle_timeout(),
            write: http.write_timeout(),
            half_closed_read: HALF_CLOSED_READ,
            exchange: http.request_timeout() + http.write_timeout(),
            rate: MinimumRate::new(http),
        }
    }
}
