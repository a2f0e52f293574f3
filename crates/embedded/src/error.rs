//! The errors of starting and stopping a cluster. Their messages are for the operator.

use std::{
    io,
    path::{Path, PathBuf},
};

use thiserror::Error;

/// Why a cluster cannot start or stop. Each message tells the operator what to do, if something can be done.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ClusterError {
    /// An operation on a file or a process failed.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// The operation, such as `create the folder`.
        action: &'static str,
        /// The file, folder or program.
        path: PathBuf,
        /// The error of the system.
        source: io::Error,
    },

    /// Another process, or another [`Cluster`](crate::Cluster) of this process, has locked the folder.
    #[error(
        "{} uses the folder {}; stop it, or use another folder",
        lock_owner(*pid), folder.display()
    )]
    InUse {
        /// The locked folder.
        folder: PathBuf,
        /// The process that has locked it, if the lock file names one.
        pid: Option<u32>,
    },

    /// No installed PostgreSQL that is new enough was found.
    #[error("PostgreSQL {minimum} or newer was not found{}; {install}", too_old(found))]
    NoBinaries {
        /// The oldest supported major version.
        minimum: u16,
        /// The major versions that were found; all are older.
        found: Vec<u16>,
        /// How to install it on this system.
        install: String,
    },

    /// No installed PostgreSQL that is new enough was found, and the download failed.
    #[error(
        "PostgreSQL {minimum} or newer was not found, and the download failed: {reason}; {install}"
    )]
    NotFetched {
        /// The oldest supported major version.
        minimum: u16,
        /// Why the download failed.
        reason: String,
        /// How to install it on this system.
        install: String,
    },

    /// [`ClusterOptions::binaries`](crate::ClusterOptions::binaries) does not contain a usable PostgreSQL.
    #[error("the PostgreSQL binaries in {} cannot be used: {reason}", folder.display())]
    UnusableBinaries {
        /// The configured folder.
        folder: PathBuf,
        /// What is missing or wrong in it.
        reason: String,
    },

    /// The data directory was created by a major version that is not installed.
    #[error(
        "the data in {} was made by PostgreSQL {found}, but the binaries are PostgreSQL {}; \
         install PostgreSQL {found}, or use another folder", data.display(), listed(installed)
    )]
    VersionMismatch {
        /// The data directory.
        data: PathBuf,
        /// The content of its `PG_VERSION`.
        found: String,
        /// The installed major versions.
        installed: Vec<u16>,
    },

    /// The path of the data directory is in use by other files.
    #[error("{} is not empty and has no PG_VERSION; move it away, or use another folder", data.display())]
    NotACluster {
        /// The path of the data directory.
        data: PathBuf,
    },

    /// This process runs as root, and the system has no user that the server could run as.
    #[error(
        "PostgreSQL does not run as root, and this system has neither a user postgres nor a user nobody; \
         create one, or run as another user"
    )]
    NoAccount,

    /// The user of the server cannot enter a parent folder of the data directory.
    #[error("the user {user} cannot enter {} on the way to {}; permit it, or use another folder", by.display(), folder.display())]
    InaccessibleFolder {
        /// The folder that was requested.
        folder: PathBuf,
        /// The folder that cannot be entered.
        by: PathBuf,
        /// The user that the server would run as.
        user: String,
    },

    /// The folder of the socket exists and belongs to another user.
    #[error("the socket folder {} belongs to another user; remove it, or use another folder", folder.display())]
    ForeignSocketFolder {
        /// The folder of the socket.
        folder: PathBuf,
    },

    /// initdb failed or took too long.
    #[error("PostgreSQL's initdb failed ({outcome}); the last lines of its log:\n{log}")]
    InitdbFailed {
        /// The exit status or the time limit.
        outcome: String,
        /// The last lines of the log, at most 20.
        log: String,
    },

    /// The server exited before it was ready.
    #[error("PostgreSQL exited while starting ({outcome}); the last lines of its log:\n{log}")]
    ExitedEarly {
        /// The exit status or the time limit.
        outcome: String,
        /// The last lines of the log, at most 20.
        log: String,
    },

    /// The server was not ready within the time limit; it has been stopped.
    #[error("PostgreSQL was not ready after {seconds} s; the last lines of its log:\n{log}")]
    NotReady {
        /// The time limit in seconds.
        seconds: u64,
        /// The last lines of the log, at most 20.
        log: String,
    },

    /// The server still runs after a fast and an immediate shutdown.
    #[error("PostgreSQL (process {pid}) does not stop; end this process, then start again")]
    StillRunning {
        /// The process of the server.
        pid: u32,
    },
}

impl ClusterError {
    /// For `map_err`: adds the operation and the path.
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { action, path, source }
    }
}

fn lock_owner(pid: Option<u32>) -> String {
    match pid {
        Some(pid) => format!("another process ({pid})"),
        None => "another process".to_owned(),
    }
}

fn listed(versions: &[u16]) -> String {
    let texts: Vec<String> = versions.iter().map(u16::to_string).collect();
    texts.join(", ")
}

fn too_old(found: &[u16]) -> String {
    if found.is_empty() {
        return String::new();
    }
    format!(" (only {})", listed(found))
}
