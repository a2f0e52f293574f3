//! The lock that allows one process at a time to use a folder.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use rustix::fs::{FlockOperation, flock};

use crate::ClusterError;

/// The lock of a folder, held until this is dropped. The system releases it when the process dies. The file itself stays:
/// if it was removed, two processes could lock two different files of the same name.
#[derive(Debug)]
pub(crate) struct FolderLock {
    file: File,
}

impl FolderLock {
    /// Acquires the lock and writes the id of this process to the file, for the error message of another process.
    ///
    /// # Errors
    ///
    /// [`ClusterError::InUse`] if it is locked, also by this process; [`ClusterError::Io`].
    pub(crate) fn acquire(file: &Path, folder: &Path) -> Result<Self, ClusterError> {
        let mut lock = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(file)
            .map_err(ClusterError::io("open the lock file", file))?;
        match flock(&lock, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => {
                let pid = read_pid(&mut lock);
                return Err(ClusterError::InUse { folder: folder.to_owned(), pid });
            }
            Err(error) => return Err(ClusterError::io("lock", file)(error.into())),
        }
        write_pid(&mut lock).map_err(ClusterError::io("write the lock file", file))?;
        Ok(Self { file: lock })
    }
}

impl Drop for FolderLock {
    /// Closing the file is not enough: a child that another thread starts has a copy of the descriptor until its exec.
    fn drop(&mut self) {
        if let Err(error) = flock(&self.file, FlockOperation::Unlock) {
            tracing::warn!(%error, "cannot unlock the folder before its lock file is closed");
        }
    }
}

fn read_pid(lock: &mut File) -> Option<u32> {
    let mut text = String::new();
    lock.read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

fn write_pid(lock: &mut File) -> io::Result<()> {
    lock.set_len(0)?;
    writeln!(lock, "{}", std::process::id())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_child_between_fork_and_exec_does_not_keep_the_lock() {
        let temp = tempfile::tempdir().unwrap();
        let file = temp.path().join("lock");
        let lock = FolderLock::acquire(&file, temp.path()).unwrap();
        // A child has such a copy between fork and exec.
        let _inherited = lock.file.try_clone().unwrap();
        drop(lock);
        FolderLock::acquire(&file, temp.path()).unwrap();
    }

    #[test]
    fn the_lock_is_held_until_it_is_dropped() {
        let temp = tempfile::tempdir().unwrap();
        let file = temp.path().join("lock");
        let _lock = FolderLock::acquire(&file, temp.path()).unwrap();
        let error = FolderLock::acquire(&file, temp.path()).unwrap_err();
        let own = std::process::id();
        assert!(matches!(error, ClusterError::InUse { pid: Some(pid), .. } if pid == own));
    }
}
