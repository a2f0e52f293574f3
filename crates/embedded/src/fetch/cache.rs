//! The cache folders of downloaded programs, and the lock that serializes downloads.

use std::{
    env, fs, io,
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use rustix::{
    fs::{FlockOperation, flock},
    process::geteuid,
};

use super::FetchError;
use crate::{
    account::Account,
    folder::{self, DataFolder},
};

/// Every user can run what root downloaded here.
const SYSTEM_CACHE: &str = "/var/cache/flowruns";
const NAME: &str = "flowruns";
/// The last choice: a folder in the data folder.
const DATA_FOLDER_CACHE: &str = "programs";
const WORK_PREFIX: &str = "fetch-";
/// How long another process may take to download.
const LOCK_LIMIT: Duration = Duration::from_secs(600);
const LOCK_PAUSE: Duration = Duration::from_millis(200);

/// The folders that can contain downloaded programs, in order of preference: the cache of the user, the cache of the system,
/// the data folder.
pub(crate) fn cache_folders(data_folder: Option<&DataFolder>) -> Vec<PathBuf> {
    let absolute =
        |name: &str| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let mut folders: Vec<PathBuf> = absolute("XDG_CACHE_HOME").into_iter().collect();
    // The server does not run as root, and its user cannot enter root's home.
    if !geteuid().is_root() {
        folders.extend(absolute("HOME").map(|home| home.join(".cache")));
    }
    let mut folders: Vec<PathBuf> = folders.into_iter().map(|folder| folder.join(NAME)).collect();
    folders.push(PathBuf::from(SYSTEM_CACHE));
    folders.extend(data_folder.map(|folder| folder.path.join(DATA_FOLDER_CACHE)));
    folders
}

/// The unpacked packages in a folder, newest first; empty if users other than root and ours can write to the folder.
pub(crate) fn unpacked_trees(folder: &Path) -> Vec<PathBuf> {
    if !is_trusted(folder) {
        return Vec::new();
    }
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let names =
        entries.filter(|entry| entry.file_name().to_string_lossy().starts_with("postgresql"));
    let mut trees: Vec<PathBuf> = names.map(|entry| entry.path()).collect();
    trees.sort();
    trees.reverse();
    trees
}

fn is_trusted(folder: &Path) -> bool {
    const WRITE_OF_OTHERS: u32 = 0o022;
    fs::metadata(folder).is_ok_and(|found| {
        let is_trusted_owner = found.uid() == 0 || found.uid() == geteuid().as_raw();
        is_trusted_owner && found.mode() & WRITE_OF_OTHERS == 0
    })
}

/// A cache folder that this process has locked for a download, until this is dropped.
pub(super) struct Cache {
    pub(super) folder: PathBuf,
    lock: fs::File,
}

impl Cache {
    /// Locks the first folder that is writable and that the account can enter. Waits for a download by another process.
    pub(super) fn open(folders: &[PathBuf], account: Option<&Account>) -> Result<Self, FetchError> {
        let mut last_error = (PathBuf::new(), io::Error::other("no folder is configured"));
        for folder in folders {
            match prepare(folder, account) {
                Ok(lock) => {
                    let folder = folder.clone();
                    acquire(&lock, &folder)?;
                    let cache = Self { folder, lock };
                    cache.remove_leftovers();
                    return Ok(cache);
                }
                Err(error) => last_error = (folder.clone(), error),
            }
        }
        let (folder, source) = last_error;
        Err(FetchError::NoCache { folder, source })
    }

    /// An empty folder that [`unpacked_trees`] ignores.
    pub(super) fn work_folder(&self) -> Result<PathBuf, FetchError> {
        let work = self.folder.join(format!("{WORK_PREFIX}{}", std::process::id()));
        fs::create_dir(&work).map_err(FetchError::io("create the folder", &work))?;
        Ok(work)
    }

    /// Moves a complete download to its final path, atomically.
    pub(super) fn publish(&self, tree: &Path, name: &str) -> Result<PathBuf, FetchError> {
        let published = self.folder.join(name);
        // An existing folder does not run, or it would have been used.
        remove(&published)?;
        fs::rename(tree, &published)
            .map_err(FetchError::io("rename the programs to", &published))?;
        Ok(published)
    }

    /// Removes the work folders of killed processes and of this one.
    fn remove_leftovers(&self) {
        let entries = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        let is_work = |name: &str| name.starts_with(WORK_PREFIX);
        for entry in entries.filter(|entry| is_work(&entry.file_name().to_string_lossy())) {
            if let Err(error) = remove(&entry.path()) {
                tracing::warn!(%error, "cannot remove an unfinished download");
            }
        }
    }
}

impl Drop for Cache {
    fn drop(&mut self) {
        self.remove_leftovers();
        // Closing the file is not enough: a child that is started now has a copy of the descriptor until its exec.
        if let Err(error) = flock(&self.lock, FlockOperation::Unlock) {
            tracing::warn!(%error, "cannot unlock the cache folder of PostgreSQL");
        }
    }
}

/// Creates the folder and opens the file to lock. Other users may read what root downloads.
fn prepare(folder: &Path, account: Option<&Account>) -> io::Result<fs::File> {
    let mode = if geteuid().is_root() { 0o755 } else { 0o700 };
    folder::create(folder, mode).map_err(io::Error::other)?;
    if !is_trusted(folder) {
        return Err(io::Error::other("other users may write to it"));
    }
    if let Some(account) = account {
        let inner = folder.join(NAME);
        let blocker = folder::first_inaccessible(&inner, account, &[]).map_err(io::Error::other)?;
        if let Some(by) = blocker {
            let reason = format!("the user {} cannot enter {}", account.name, by.display());
            return Err(io::Error::other(reason));
        }
    }
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(false).mode(0o600);
    options.open(folder.join("lock"))
}

fn acquire(lock: &fs::File, folder: &Path) -> Result<(), FetchError> {
    let started = Instant::now();
    let mut is_logged = false;
    loop {
        match flock(lock, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Ok(()),
            Err(rustix::io::Errno::WOULDBLOCK) if started.elapsed() < LOCK_LIMIT => {}
            Err(error) => return Err(FetchError::io("lock", folder)(error.into())),
        }
        if !is_logged {
            tracing::info!("waiting for another process that downloads PostgreSQL");
            is_logged = true;
        }
        thread::sleep(LOCK_PAUSE);
    }
}

fn remove(path: &Path) -> Result<(), FetchError> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(FetchError::io("remove", path)(error))
        }
        _ => Ok(()),
    }
}
