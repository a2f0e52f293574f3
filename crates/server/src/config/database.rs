//! The section `database`.

use serde::{Deserialize, Serialize};
use validator::Validate;

use super::values::Millis;

#[derive(Clone, Debug, Deserialize, Serialize, Validate)]
#[serde(deny_unknown_fields)]
pub(crate) struct DatabaseSettings {
    #[validate(range(min = 2, max = 1000))]
    pub(crate) max_connections: u64,
    #[validate(range(min = 1))]
    pub(crate) acquire_timeout_ms: Millis,
    #[validate(range(min = 1))]
    pub(crate) statement_timeout_ms: Millis,
    #[validate(range(min = 1, max = 64))]
    pub(crate) writers: u64,
    #[validate(range(min = 1))]
    pub(crate) writer_queue: u64,
    #[validate(range(min = 1))]
    pub(crate) writer_queue_bytes: u64,
    /// 0 for none.
    pub(crate) run_cache_bytes: u64,
}

impl DatabaseSettings {
    /// Connections of the pool, of the writers of reports (two each), and of the writer of creations.
    pub(crate) const fn connections(&self) -> u64 {
        self.max_connections + 2 * self.writers + 1
    }
}
