//! How many connections this process can have.

use rustix::process::{Resource, getrlimit};

/// The default, where the limit of open files is not lower.
const DEFAULT_CONNECTIONS: u64 = 10_000;
/// File descriptors that are left for the database, the log, the runtime and files.
const RESERVED_DESCRIPTORS: u64 = 256;
/// The lowest limit, even with few file descriptors.
const MIN_CONNECTIONS: u64 = 16;

/// The configured number (0 means the default), but no more than the limit of open files allows.
pub(crate) fn max_connections(configured: u32) -> u32 {
    let open_files = getrlimit(Resource::Nofile).current;
    let possible = open_files
        .map_or(u64::MAX, |files| files.saturating_sub(RESERVED_DESCRIPTORS).max(MIN_CONNECTIONS));
    let configured = u64::from(configured);
    let connections = match configured {
        0 => possible.min(DEFAULT_CONNECTIONS),
        configured => possible.min(configured),
    };
    if connections < configured {
        tracing::warn!(
            connections,
            configured,
            "the limit of open files allows fewer connections than are configured"
        );
    }
    u32::try_from(connections).unwrap_or(u32::MAX)
}
