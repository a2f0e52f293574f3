//! How a server ended.

use std::{fmt, process::ExitStatus};

/// How a server ended. Its `Display` is one line, such as `exit status: 1` or `signal: 9 (SIGKILL)`.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ClusterExit {
    /// What the system says; `None` when another part of this process waited for the child.
    pub status: Option<ExitStatus>,
    /// Whether [`Cluster::stop`](crate::Cluster::stop) was called before; otherwise the service has lost its database.
    pub requested: bool,
    /// The last lines of the server's log, at most 20.
    pub log: String,
}

impl fmt::Display for ClusterExit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.status {
            Some(status) => status.fmt(f),
            None => f.write_str("exit status unknown"),
        }
    }
}
