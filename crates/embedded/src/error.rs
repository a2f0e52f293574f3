//! Why a cluster cannot start or stop, in words for the operator.

use std::{
    io,
    path::{Path, PathBuf},
};

use thiserror::Error;

/// Why a cluster cannot start or stop. Each message says what to do, where something can be done.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ClusterError {
    /// A file or a process could not be handled.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// What was tried, such as `create the folder`.
        action: &'static str,
        /// With what it was tried.
        path: PathBuf,
        /// What the system answered.
        source: io::Error,
    },

    /// The lock of the folder is held.
    #[error(
        "{} uses the folder {}; stop it, or use another folder",
        holder(*pid), folder.display()
    )]
    InUse {
        /// The folder that is used.
        folder: PathBuf,
        /// The holder of the lock, when it has said so.
        pid: Option<u32>,
    },

    /// No PostgreSQL that is new enough is installed where we look.
    #[error(
        "PostgreSQL {minimum} or newer was not found{}; {install}",
        too_old(found)
    )]
    NoBinaries {
        /// The oldest major version that will do.
        minimum: u16,
        /// The older versions that were found.
        found: Vec<u16>,
        /// What to do on this system.
        install: String,
    },

    /// No PostgreSQL that is new enough is installed, and it could not be fetched.
    #[error(
        "PostgreSQL {minimum} or newer was not found, and could not be fetched: {reason}; {install}"
    )]
    NotFetched {
        /// The oldest major version that will do.
        minimum: u16,
        /// What went wrong.
        reason: String,
        /// What to do on this system.
        install: String,
    },

    /// The folder that was set explicitly does not hold what it should.
    #[error("the PostgreSQL binaries in {} cannot be used: {reason}", folder.display())]
    UnusableBinaries {
        /// The folder that was set.
        folder: PathBuf,
        /// What is wrong with it.
        reason: String,
    },

    /// The data was made by a version that is not installed.
    #[error(
        "the data in {} was made by PostgreSQL {found}, but the binaries are PostgreSQL {}; \
         install PostgreSQL {found}, or use another folder", data.display(), listed(installed)
    )]
    VersionMismatch {
        /// The folder of the data.
        data: PathBuf,
        /// What its `PG_VERSION` says.
        found: String,
        /// The major versions that could be used.
        installed: Vec<u16>,
    },

    /// Something else lies where the data should be.
    #[error("{} is not empty and has no PG_VERSION; move it away, or use another folder", data.display())]
    NotACluster {
        /// Where the data should be.
        data: PathBuf,
    },

    /// We are root, and there is no user to drop to.
    #[error(
        "PostgreSQL does not run as root, and there is neither a user postgres nor a user nobody; \
         create one, or run as another user"
    )]
    NoAccount,

    /// The user of the server cannot enter a folder on the way to the data.
    #[error("the user {user} cannot enter {} on the way to {}; permit it, or use another folder", by.display(), folder.display())]
    Blocked {
        /// The folder that should be used.
        folder: PathBuf,
        /// The folder that cannot be entered.
        by: PathBuf,
        /// The user the server would run as.
        user: String,
    },

    /// Somebody else made the folder for the socket.
    #[error("the socket folder {} belongs to somebody else; remove it, or use another folder", folder.display())]
    ForeignSocketFolder {
        /// The folder for the socket.
        folder: PathBuf,
    },

    /// initdb failed or took too long.
    #[error("PostgreSQL's initdb failed ({outcome}); the last lines of its log:\n{log}")]
    InitdbFailed {
        /// How it ended.
        outcome: String,
        /// What it said last.
        log: String,
    },

    /// The server ended before it was ready.
    #[error("PostgreSQL ended while starting ({outcome}); the last lines of its log:\n{log}")]
    ExitedEarly {
        /// How it ended.
        outcome: String,
        /// What it said last.
        log: String,
    },

    /// The server was not ready in time; it has been stopped.
    #[error("PostgreSQL was not ready after {seconds} s; the last lines of its log:\n{log}")]
    NotReady {
        /// How long it was waited for.
        seconds: u64,
        /// What it said last.
        log: String,
    },

    /// The server did not end after a fast and an immediate shutdown.
    #[error("PostgreSQL (process {pid}) does not stop; end this process, then start again")]
    StillRunning {
        /// The process that remains.
        pid: u32,
    },
}

impl ClusterError {
    /// For `map_err`: what was tried, and with what.
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io {
            action,
            path,
            source,
        }
    }
}

fn holder(pid: Option<u32>) -> String {
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
