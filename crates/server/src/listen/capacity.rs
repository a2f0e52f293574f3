//! How many connections this process can have.

use rustix::process::{Resource, getrlimit};

use crate::config::Http;

/// The default, where the limit of open files is not lower.
const MANY: u64 = 10_000;
/// File descriptors for the database, the log, the runtime and what is read now and then.
const SPARE: u64 = 256;
/// Even with few descriptors there are some connections.
const FEWEST: u64 = 16;

/// As many as are configured, but no more than there are file descriptors for.
pub(super) fn connections(http: &Http) -> u32 {
    let open_files = getrlimit(Resource::Nofile).current;
    let possible = open_files.map_or(u64::MAX, |files| files.saturating_sub(SPARE).max(FEWEST));
    let connections = match http.max_connections {
        0 => possible.min(MANY),
        configured => possible.min(configured),
    };
    if connections < http.max_connections {
        tracing::warn!(
            connections,
            configured = http.max_connections,
            "the limit of open files allows fewer connections than are configured"
        );
    }
    u32::try_from(connections).unwrap_or(u32::MAX)
}
