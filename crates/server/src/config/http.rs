//! The section `http`.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

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
    #[serde(deserialize_with = "values::flag")]
    pub(crate) require_if_match: bool,
    #[serde(deserialize_with = "values::networks")]
    pub(crate) trusted_proxies: Vec<IpNet>,
    #[serde(deserialize_with = "values::path_unless_empty")]
    pub(crate) cursor_key_file: Option<PathBuf>,
}

impl Http {
    pub(crate) const fn request_timeout(&self) -> Duration {
        Duration::from_millis(self.request_timeout_ms)
    }

    pub(crate) const fn drain_timeout(&self) -> Duration {
        Duration::from_millis(self.drain_timeout_ms)
    }

    pub(crate) const fn header_timeout(&self) -> Duration {
        Duration::from_millis(self.header_timeout_ms)
    }
}
