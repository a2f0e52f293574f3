//! How long a connection may take for what.

use std::time::Duration;

use crate::config::Http;

#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    pub(super) first_byte: Duration,
    pub(super) head: Duration,
    pub(super) idle: Duration,
    pub(super) write: Duration,
    /// From the head of a request to the end of its answer.
    pub(super) exchange: Duration,
}

impl Patience {
    pub(super) fn new(http: &Http) -> Self {
        Self {
            first_byte: http.first_byte_timeout(),
            head: http.header_timeout(),
            idle: http.idle_timeout(),
            write: http.write_timeout(),
            exchange: http.request_timeout() + http.write_timeout(),
        }
    }
}
