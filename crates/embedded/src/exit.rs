//! How a server exited.

use std::{fmt, process::ExitStatus};

/// How a server exited. Its `Display` is one line, such as `exit status: 1` or `signal: 9 (SIGKILL)`.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ClusterExit {
    /// The exit status; `None` if another part of this process has already waited for the child.
    pub status: Option<ExitStatus>,
    /// Whether [`Cluster::stop`](crate::Cluster::stop) was called before; otherwise the server exited unexpectedly.
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
