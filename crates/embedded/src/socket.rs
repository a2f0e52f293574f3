//! The folder of the Unix socket, which nobody else can enter.

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

/// Part of the socket's name only: there is no TCP port.
pub(crate) const PORT: u16 = 5432;

/// The longest path of a socket in bytes. Linux has room for 107, macOS for 103.
const MAX_LENGTH: usize = 100;

/// Short, and on every system.
const SHORT_PARENT: &str = "/tmp";

/// The folder that holds the socket. A short one outside the data folder is removed when this is dropped.
#[derive(Debug)]
pub(crate) struct SocketFolder {
    pub(crate) path: PathBuf,
    outside: bool,
}

impl SocketFolder {
    /// `run` in the data folder, or a folder below `/tmp` named after the data folder when the path would not do.
    /// Sockets of a server that was killed are removed: the caller holds the lock, and no server of ours runs.
    ///
    /// # Errors
    ///
    /// [`ClusterError::ForeignSocketFolder`] when somebody else made it; [`ClusterError::Io`].
    pub(crate) fn prepare(place: &DataFolder) -> Result<Self, ClusterError> {
        let path = Self::path_in(&place.path);
        let outside = !path.starts_with(&place.path);
        make_private(&path, place.account.as_ref())?;
        for name in [format!(".s.PGSQL.{PORT}"), format!(".s.PGSQL.{PORT}.lock")] {
            remove_file(&path.join(name))?;
        }
        Ok(Self { path, outside })
    }

    /// Where the socket's folder of a data folder is.
    pub(crate) fn path_in(folder: &Path) -> PathBuf {
        let inside = folder.join("run");
        if will_do(&inside) {
            inside
        } else {
            short(folder)
        }
    }
}

impl Drop for SocketFolder {
    fn drop(&mut self) {
        if self.outside {
            // Not empty when the server could not be stopped; then it must stay.
            let _kept = fs::remove_dir(&self.path);
        }
    }
}

fn short(folder: &Path) -> PathBuf {
    Path::new(SHORT_PARENT).join(format!("flowruns-{}", stable_name(folder)))
}

/// Short enough, and of characters that mean nothing in a list of folders or in a connection string.
fn will_do(folder: &Path) -> bool {
    let socket = folder.join(format!(".s.PGSQL.{PORT}"));
    let bytes = socket.as_os_str().as_bytes();
    bytes.len() <= MAX_LENGTH
        && bytes
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || b"/._-".contains(byte))
}

/// A folder with mode 0700 of the server's user. One that is there must be his or ours already: in `/tmp` anybody can
/// make a folder, but nobody can make one that belongs to somebody else.
fn make_private(folder: &Path, account: Option<&Account>) -> Result<(), ClusterError> {
    match fs::DirBuilder::new().mode(0o700).create(folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            return Err(ClusterError::io("create the folder", folder)(error));
        }
        _ => {}
    }
    let found =
        fs::symlink_metadata(folder).map_err(ClusterError::io("look at the folder", folder))?;
    let is_his = account.is_some_and(|account| account.uid == found.uid());
    if !found.is_dir() || !(is_his || found.uid() == geteuid().as_raw()) {
        return Err(ClusterError::ForeignSocketFolder {
            folder: folder.to_owned(),
        });
    }
    fs::set_permissions(folder, fs::Permissions::from_mode(0o700))
        .map_err(ClusterError::io("protect the folder", folder))?;
    match account {
        Some(account) => account
            .take(folder)
            .map_err(ClusterError::io("give to the database's user", folder)),
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
    fn a_long_or_odd_path_will_not_do() {
        assert!(will_do(Path::new("/var/lib/flowruns/run")));
        assert!(will_do(Path::new(&format!("/{}", "x".repeat(85)))));
        assert!(!will_do(Path::new(&format!("/{}", "x".repeat(86)))));
        assert!(!will_do(Path::new("/data/a, b/run")));
    }

    #[test]
    fn a_symbolic_link_is_not_taken() {
        let place = tempfile::tempdir().unwrap();
        let link = place.path().join("run");
        std::os::unix::fs::symlink(place.path(), &link).unwrap();
        let error = make_private(&link, None).unwrap_err();
        assert!(
            error.to_string().contains("belongs to somebody else"),
            "{error}"
        );
    }
}
