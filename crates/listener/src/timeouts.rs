//! The timeouts of a connection.

use std::time::Duration;

use crate::{ListenOptions, rate::MinimumReadRate};

/// How long a read request may take after its client has closed its sending side. The client may have gone, which looks the
/// same, and then the read is wasted work. Writes are always carried out and answered.
const HALF_CLOSED_READ: Duration = Duration::from_secs(3);

/// See [`ListenOptions`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timeouts {
    pub(crate) first_byte: Duration,
    pub(crate) head: Duration,
    pub(crate) idle: Duration,
    pub(crate) write: Duration,
    pub(crate) half_closed_read: Duration,
    pub(crate) minimum_read_rate: Option<MinimumReadRate>,
}

impl Timeouts {
    pub(crate) fn new(options: &ListenOptions) -> Self {
        Self {
            first_byte: options.first_byte_timeout,
            head: options.header_timeout,
            idle: options.idle_timeout,
            write: options.write_timeout,
            half_closed_read: HALF_CLOSED_READ,
            minimum_read_rate: MinimumReadRate::new(&options.minimum_read_rate),
        }
    }
}
