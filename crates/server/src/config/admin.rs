//! The section `admin`.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use super::values;

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AdminSettings {
    #[serde(deserialize_with = "values::address_unless_empty")]
    pub(crate) listen: Option<SocketAddr>,
    /// Whether the operator set the address. Then a server that cannot listen on it does not start.
    #[serde(skip)]
    pub(crate) is_set: bool,
}
