//! The folder of the Unix socket, which no other user can enter.

use std::{
    fs, io,
    os::unix::{
        ffi::OsStrExt,
        fs::{DirBuilderExt, MetadataExt, PermissionsExt},
    },
    path::{Path, PathBuf},
};

use rustix::process::geteuid;

use crate::{
    ClusterError,
    account::Account,
    folder::{DataFolder, stable_name},
};

/// A part of the socket's file name only: the server has no TCP port.
pub(crate) const PORT: u16 = 5432;

/// The longest path of a socket in bytes. Linux permits 107, macOS 103.
const MAX_LENGTH: usize = 100;

/// A short path that exists on every system.
const SHORT_PARENT: &str = "/tmp";

/// The folder of the socket. One outside the data folder is removed when this is dropped.
#[derive(Debug)]
pub(crate) struct SocketFolder {
    pub(crate) path: PathBuf,
    is_outside: bool,
}

impl SocketFolder {
    /// Creates `run` in the data folder, or a folder in `/tmp` named after the data folder if the path of the socket would
    /// be too long or have special characters. Removes sockets of a killed server: the caller has locked the data folder,
    /// and no server runs in it.
    ///
    /// # Errors
    ///
    /// [`ClusterError::ForeignSocketFolder`] if it belongs to another user; [`ClusterError::Io`].
    pub(crate) fn prepare(data_folder: &DataFolder) -> Result<Self, ClusterError> {
        let path = Self::path_in(&data_folder.path);
        let is_outside = !path.starts_with(&data_folder.path);
        make_private(&path, data_folder.account.as_ref())?;
        for name in [format!(".s.PGSQL.{PORT}"), format!(".s.PGSQL.{PORT}.lock")] {
            remove_file(&path.join(name))?;
        }
        Ok(Self { path, is_outside })
    }

    /// The path of the socket's folder for a data folder.
    pub(crate) fn path_in(folder: &Path) -> PathBuf {
        let inside = folder.join("run");
        if is_usable(&inside) { inside } else { short_path(folder) }
    }
}

impl Drop for SocketFolder {
    fn drop(&mut self) {
        if self.is_outside {
            // If the server could not be stopped, the folder is not empty and stays.
            let _kept = fs::remove_dir(&self.path);
        }
    }
}

fn short_path(folder: &Path) -> PathBuf {
    Path::new(SHORT_PARENT).join(format!("flowruns-{}", stable_name(folder)))
}

/// Whether the path is short enough, and has no character that is special in a list of folders or in a connection string.
fn is_usable(folder: &Path) -> bool {
    let socket = folder.join(format!(".s.PGSQL.{PORT}"));
    let bytes = socket.as_os_str().as_bytes();
    bytes.len() <= MAX_LENGTH
        && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || b"/._-".contains(byte))
}

/// Creates a folder with mode 0700 for the server's user. An existing folder must belong to that user or to ours: every
/// user can create a folder in `/tmp`, but not one that belongs to another user.
fn make_private(folder: &Path, account: Option<&Account>) -> Result<(), ClusterError> {
    match fs::DirBuilder::new().mode(0o700).create(folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            return Err(ClusterError::io("create the folder", folder)(error));
        }
        _ => {}
    }
    let found =
        fs::symlink_metadata(folder).map_err(ClusterError::io("inspect the folder", folder))?;
    let is_of_server = account.is_some_and(|account| account.uid == found.uid());
    if !found.is_dir() || !(is_of_server || found.uid() == geteuid().as_raw()) {
        return Err(ClusterError::ForeignSocketFolder { folder: folder.to_owned() });
    }
    fs::set_permissions(folder, fs::Permissions::from_mode(0o700))
        .map_err(ClusterError::io("protect the folder", folder))?;
    match account {
        Some(account) => {
            account.own(folder).map_err(ClusterError::io("change the owner of", folder))
        }
        None => Ok(()),
    }
}

fn remove_file(path: &Path) -> Result<(), ClusterError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(ClusterError::io("remove the stale socket", path)(error))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_path_or_special_characters_are_not_usable() {
        assert!(is_usable(Path::new("/var/lib/flowruns/run")));
        assert!(is_usable(Path::new(&format!("/{}", "x".repeat(85)))));
        assert!(!is_usable(Path::new(&format!("/{}", "x".repeat(86)))));
        assert!(!is_usable(Path::new("/data/a, b/run")));
    }

    #[test]
    fn a_symbolic_link_is_rejected() {
        let temp = tempfile::tempdir().unwrap();
        let link = temp.path().join("run");
        std::os::unix::fs::symlink(temp.path(), &link).unwrap();
        let error = make_private(&link, None).unwrap_err();
        assert!(error.to_string().contains("belongs to another user"), "{error}");
    }
}
