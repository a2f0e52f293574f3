//! A server that another process of ours runs.

use std::path::{Path, PathBuf};

use crate::{
    ClusterError,
    folder::DataFolder,
    pid_file::PidFile,
    socket::{PORT, SocketFolder},
};

/// A server that runs in a folder whose lock another process holds. Dropping this leaves it alone.
#[derive(Clone, Debug)]
pub struct RunningCluster {
    socket_folder: PathBuf,
}

impl RunningCluster {
    /// Finds the server that accepts connections in a folder, which [`ClusterError::InUse`] names. `None` when its process is
    /// still starting it or has just stopped it.
    ///
    /// # Errors
    ///
    /// [`ClusterError::Io`] when the folder cannot be looked at, as by another user than the server's or root.
    pub fn find(folder: &Path) -> Result<Option<Self>, ClusterError> {
        let data = DataFolder::data_in(folder);
        let is_ready = PidFile::find(&data)?.is_some_and(|file| file.is_ready());
        Ok(is_ready.then(|| Self {
            socket_folder: SocketFolder::path_in(folder),
        }))
    }

    /// The folder of the socket: the `host` of a connection. Only the server's user, and root, can enter it.
    pub fn socket_folder(&self) -> &Path {
        &self.socket_folder
    }

    /// The `port` of a connection; it is a part of the socket's name only.
    pub fn port(&self) -> u16 {
        PORT
    }
}
