//! A server that another flowruns process runs.

use std::path::{Path, PathBuf};

use crate::{
    ClusterError,
    folder::DataFolder,
    pid_file::PidFile,
    socket::{PORT, SocketFolder},
};

/// A server in a folder that another process has locked. Dropping this does not stop it.
#[derive(Clone, Debug)]
pub struct RunningCluster {
    socket_folder: PathBuf,
}

impl RunningCluster {
    /// Finds the server in the folder of [`ClusterError::InUse`]. `None` if it does not accept connections, because it is
    /// starting or has stopped.
    ///
    /// # Errors
    ///
    /// [`ClusterError::Io`] if the folder cannot be read: only root and the server's user can.
    pub fn find(folder: &Path) -> Result<Option<Self>, ClusterError> {
        let data = DataFolder::data_in(folder);
        let is_ready = PidFile::find(&data)?.is_some_and(|file| file.is_ready());
        Ok(is_ready.then(|| Self { socket_folder: SocketFolder::path_in(folder) }))
    }

    /// The folder of the socket, which is the `host` of a connection. Only the server's user and root can enter it.
    pub fn socket_folder(&self) -> &Path {
        &self.socket_folder
    }

    /// The `port` of a connection; it is only a part of the socket's file name.
    pub fn port(&self) -> u16 {
        PORT
    }
}
