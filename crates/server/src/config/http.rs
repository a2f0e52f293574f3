//! The section `http`.

use std::{net::SocketAddr, path::PathBuf};

use flowruns_http::{AllowedOrigin, HeadLimits, MinimumRate};
use flowruns_listener::ListenOptions;
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use validator::Validate;

use super::values::{self, Millis};

#[derive(Debug, Deserialize, Serialize, Validate)]
#[serde(deny_unknown_fields)]
pub(crate) struct HttpSettings {
    pub(crate) listen: SocketAddr,
    #[validate(range(min = 1024, max = 1_073_741_824))]
    pub(crate) max_body_bytes: u64,
    #[validate(range(min = 1))]
    pub(crate) request_timeout_ms: Millis,
    drain_timeout_ms: Millis,
    #[validate(range(min = 1))]
    header_timeout_ms: Millis,
    #[validate(range(min = 1))]
    first_byte_timeout_ms: Millis,
    #[validate(range(min = 1))]
    pub(crate) body_timeout_ms: Millis,
    #[validate(range(min = 1))]
    write_timeout_ms: Millis,
    #[validate(range(max = 1_000_000_000))]
    min_bytes_per_second: u32,
    #[validate(range(min = 100, max = 3_600_000))]
    rate_window_ms: Millis,
    #[validate(range(min = 1))]
    idle_timeout_ms: Millis,
    pub(crate) drain_delay_ms: Millis,
    #[validate(range(max = 1_000_000))]
    max_connections: u32,
    max_connections_per_peer: u64,
    #[validate(range(min = 8, max = 1000))]
    max_headers: u16,
    #[validate(range(min = 8192, max = 1_048_576))]
    max_header_bytes: u32,
    #[validate(range(min = 256, max = 65_534))]
    max_uri_bytes: u16,
    #[validate(range(min = 1, max = 10_000))]
    http2_max_streams: u32,
    pub(crate) require_if_match: bool,
    #[serde(deserialize_with = "values::networks")]
    pub(crate) trusted_proxies: Vec<IpNet>,
    #[serde(deserialize_with = "values::origins", serialize_with = "values::origins_as_text")]
    pub(crate) cors_origins: Vec<AllowedOrigin>,
    #[serde(deserialize_with = "values::path_unless_empty")]
    pub(crate) cursor_key_file: Option<PathBuf>,
}

impl HttpSettings {
    /// The largest head of each request of a batch: the same as of a single request.
    pub(crate) const fn head_limits(&self) -> HeadLimits {
        HeadLimits {
            headers: self.max_headers as usize,
            header_bytes: self.max_header_bytes as usize,
            uri_bytes: self.max_uri_bytes as usize,
        }
    }

    /// The rate at which clients must send their bodies and read their responses.
    pub(crate) const fn minimum_rate(&self) -> MinimumRate {
        MinimumRate {
            bytes_per_second: self.min_bytes_per_second,
            window: self.rate_window_ms.duration(),
        }
    }

    /// The options of the listener.
    pub(crate) fn listen_options(&self) -> ListenOptions {
        let mut options = ListenOptions::default();
        options.first_byte_timeout = self.first_byte_timeout_ms.duration();
        options.header_timeout = self.header_timeout_ms.duration();
        options.idle_timeout = self.idle_timeout_ms.duration();
        options.write_timeout = self.write_timeout_ms.duration();
        let request_timeout = self.request_timeout_ms.duration();
        options.exchange_timeout = request_timeout.saturating_add(options.write_timeout);
        options.drain_timeout = self.drain_timeout_ms.duration();
        options.minimum_read_rate = self.minimum_rate();
        options.max_connections = self.max_connections;
        options.max_connections_per_peer = self.max_connections_per_peer;
        options.max_headers = self.max_headers;
        options.max_header_bytes = self.max_header_bytes;
        options.max_uri_bytes = self.max_uri_bytes;
        // A body that is a little too long is still read to its end.
        let discarded = usize::try_from(self.max_body_bytes.saturating_mul(2));
        options.max_discarded_body_bytes = discarded.unwrap_or(usize::MAX);
        options.http2_max_streams = self.http2_max_streams;
        options
    }
}
