//! The section `http`.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use flowruns_api::{AllowedOrigin, HeadLimits};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use validator::Validate;

use super::values;

#[derive(Debug, Deserialize, Serialize, Validate)]
#[serde(deny_unknown_fields)]
pub(crate) struct Http {
    pub(crate) listen: SocketAddr,
    #[serde(deserialize_with = "values::number")]
    #[validate(range(min = 1024, max = 1_073_741_824))]
    pub(crate) max_body_bytes: u64,
    #[serde(deserialize_with = "values::number")]
    #[validate(range(min = 1))]
    pub(crate) request_timeout_ms: u64,
    #[serde(deserialize_with = "values::number")]
    pub(crate) drain_timeout_ms: u64,
    #[serde(deserialize_with = "values::number")]
    #[validate(range(min = 1))]
    pub(crate) header_timeout_ms: u64,
    #[serde(deserialize_with = "values::number")]
    #[validate(range(min = 1))]
    pub(crate) first_byte_timeout_ms: u64,
    #[serde(deserialize_with = "values::number")]
    #[validate(range(min = 1))]
    pub(crate) body_timeout_ms: u64,
    #[serde(deserialize_with = "values::number")]
    #[validate(range(min = 1))]
    pub(crate) write_timeout_ms: u64,
    #[serde(deserialize_with = "values::number")]
    #[validate(range(max = 1_000_000_000))]
    pub(crate) min_bytes_per_second: u64,
    #[serde(deserialize_with = "values::number")]
    #[validate(range(min = 100, max = 3_600_000))]
    pub(crate) rate_window_ms: u64,
    #[serde(deserialize_with = "values::number")]
    #[validate(range(min = 1))]
    pub(crate) idle_timeout_ms: u64,
    #[serde(deserialize_with = "values::number")]
    pub(crate) drain_delay_ms: u64,
    #[serde(deserialize_with = "values::number")]
    #[validate(range(max = 1_000_000))]
    pub(crate) max_connections: u64,
    #[serde(deserialize_with = "values::number")]
    pub(crate) max_connections_per_peer: u64,
    #[serde(deserialize_with = "values::number")]
    #[validate(range(min = 8, max = 1000))]
    pub(crate) max_headers: u16,
    #[serde(deserialize_with = "values::number")]
    #[validate(range(min = 8192, max = 1_048_576))]
    pub(crate) max_header_bytes: u32,
    #[serde(deserialize_with = "values::number")]
    #[validate(range(min = 256, max = 65_534))]
    pub(crate) max_uri_bytes: u16,
    #[serde(deserialize_with = "values::number")]
    #[validate(range(min = 1, max = 10_000))]
    pub(crate) http2_max_streams: u32,
    #[serde(deserialize_with = "values::flag")]
    pub(crate) require_if_match: bool,
    #[serde(deserialize_with = "values::networks")]
    pub(crate) trusted_proxies: Vec<IpNet>,
    #[serde(
        deserialize_with = "values::origins",
        serialize_with = "values::shown_origins"
    )]
    pub(crate) cors_origins: Vec<AllowedOrigin>,
    #[serde(deserialize_with = "values::path_unless_empty")]
    pub(crate) cursor_key_file: Option<PathBuf>,
}

impl Http {
    /// The largest head of a request, for the items of a batch.
    pub(crate) const fn head_limits(&self) -> HeadLimits {
        HeadLimits {
            headers: self.max_headers as usize,
            header_bytes: self.max_header_bytes as usize,
            uri_bytes: self.max_uri_bytes as usize,
        }
    }

    pub(crate) const fn request_timeout(&self) -> Duration {
        Duration::from_millis(self.request_timeout_ms)
    }

    pub(crate) const fn drain_timeout(&self) -> Duration {
        Duration::from_millis(self.drain_timeout_ms)
    }

    pub(crate) const fn header_timeout(&self) -> Duration {
        Duration::from_millis(self.header_timeout_ms)
    }

    pub(crate) const fn first_byte_timeout(&self) -> Duration {
        Duration::from_millis(self.first_byte_timeout_ms)
    }

    pub(crate) const fn body_timeout(&self) -> Duration {
        Duration::from_millis(self.body_timeout_ms)
    }

    pub(crate) const fn write_timeout(&self) -> Duration {
        Duration::from_millis(self.write_timeout_ms)
    }

    /// Over which `min_bytes_per_second` is averaged.
    pub(crate) const fn rate_window(&self) -> Duration {
        Duration::from_millis(self.rate_window_ms)
    }

    pub(crate) const fn idle_timeout(&self) -> Duration {
        Duration::from_millis(self.idle_timeout_ms)
    }

    pub(crate) const fn drain_delay(&self) -> Duration {
        Duration::from_millis(self.drain_delay_ms)
    }
}
