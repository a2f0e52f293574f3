//! The options of a listener.

use std::{ops::RangeInclusive, time::Duration};

use crate::MinimumRate;

/// Limits and timeouts of a listener. The defaults suit a server that faces the internet.
///
/// ```
/// use std::time::Duration;
/// use flowruns_listener::ListenOptions;
///
/// let mut options = ListenOptions::default();
/// options.idle_timeout = Duration::from_secs(10);
/// assert!(options.validate().is_ok());
/// options.max_headers = 0;
/// assert_eq!(options.validate().unwrap_err().to_string(), "max_headers must be from 8 to 1000, not 0");
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ListenOptions {
    /// How long a client may take to send its first bytes, including the TLS handshake. Default 10 s.
    pub first_byte_timeout: Duration,
    /// How long a client may take to complete the head of a request of HTTP/1. Default 20 s.
    pub header_timeout: Duration,
    /// How long a connection may have no request. Default 75 s.
    pub idle_timeout: Duration,
    /// How long a client may leave written bytes unread. Default 30 s.
    pub write_timeout: Duration,
    /// How long a stream of HTTP/2 may last, from the head of the request to the end of the response; streams with a
    /// [`StreamingResponse`](crate::StreamingResponse) are exempt. It should be the request timeout of the router plus
    /// `write_timeout`. Default 60 s.
    pub exchange_timeout: Duration,
    /// How long requests in flight may take after the shutdown began. Default 25 s.
    pub drain_timeout: Duration,
    /// The rate at which a client must read its responses, while more is waiting for it. Default 240 bytes/s over 5 s.
    pub minimum_read_rate: MinimumRate,
    /// Connections in total; 0 means 10,000. The limit of open files lowers both. At most 1,000,000.
    pub max_connections: u32,
    /// Connections from one address; 0 means no limit. Default 0.
    pub max_connections_per_peer: u64,
    /// Headers of a request, 8 to 1000. Default 100; more than that cost an allocation for each request.
    pub max_headers: u16,
    /// Bytes of the head of a request, 8192 to 1,048,576. Default 65,536.
    pub max_header_bytes: u32,
    /// Bytes of the path and query of a request, 256 to 65,534. Default 53,248.
    pub max_uri_bytes: u16,
    /// How many bytes of a request body are read and discarded after the response, so that the client receives the response.
    /// Default 2 MiB.
    pub max_discarded_body_bytes: usize,
    /// Requests in flight on one connection of HTTP/2, 1 to 10,000. Default 100.
    pub http2_max_streams: u32,
}

impl Default for ListenOptions {
    fn default() -> Self {
        Self {
            first_byte_timeout: Duration::from_secs(10),
            header_timeout: Duration::from_secs(20),
            idle_timeout: Duration::from_secs(75),
            write_timeout: Duration::from_secs(30),
            exchange_timeout: Duration::from_secs(60),
            drain_timeout: Duration::from_secs(25),
            minimum_read_rate: MinimumRate {
                bytes_per_second: 240,
                window: Duration::from_secs(5),
            },
            max_connections: 0,
            max_connections_per_peer: 0,
            max_headers: 100,
            max_header_bytes: 65_536,
            max_uri_bytes: 53_248,
            max_discarded_body_bytes: 2 * 1024 * 1024,
            http2_max_streams: 100,
        }
    }
}

/// An option of [`ListenOptions`] that is out of range.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{option} must be from {} to {}, not {value}", range.start(), range.end())]
pub struct InvalidOption {
    option: &'static str,
    range: RangeInclusive<u64>,
    value: u64,
}

impl InvalidOption {
    /// The name of the field of [`ListenOptions`].
    pub const fn option(&self) -> &'static str {
        self.option
    }
}

impl ListenOptions {
    /// Checks the ranges that the fields document. Durations are compared in milliseconds, and all but `drain_timeout` are at
    /// least 1 ms.
    ///
    /// # Errors
    ///
    /// The first option that is out of range.
    pub fn validate(&self) -> Result<(), InvalidOption> {
        let millis = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        let at_least_1 = 1..=u64::MAX;
        let rate = &self.minimum_read_rate;
        let ranges = [
            ("first_byte_timeout", millis(self.first_byte_timeout), at_least_1.clone()),
            ("header_timeout", millis(self.header_timeout), at_least_1.clone()),
            ("idle_timeout", millis(self.idle_timeout), at_least_1.clone()),
            ("write_timeout", millis(self.write_timeout), at_least_1.clone()),
            ("exchange_timeout", millis(self.exchange_timeout), at_least_1),
            ("minimum_read_rate.bytes_per_second", rate.bytes_per_second.into(), 0..=1_000_000_000),
            ("minimum_read_rate.window", millis(rate.window), 100..=3_600_000),
            ("max_connections", self.max_connections.into(), 0..=1_000_000),
            ("max_headers", self.max_headers.into(), 8..=1000),
            ("max_header_bytes", self.max_header_bytes.into(), 8192..=1_048_576),
            ("max_uri_bytes", self.max_uri_bytes.into(), 256..=65_534),
            ("http2_max_streams", self.http2_max_streams.into(), 1..=10_000),
        ];
        for (option, value, range) in ranges {
            if !range.contains(&value) {
                return Err(InvalidOption { option, range, value });
            }
        }
        Ok(())
    }
}
