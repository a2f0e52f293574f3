//! Where fetched programs are kept, and how several processes share the place.

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

/// What root fetches may be used by every user.
const OF_SYSTEM: &str = "/var/cache/flowruns";
const NAME: &str = "flowruns";
/// In the data folder, where nothing better can be used.
const IN_DATA: &str = "programs";
const WORK: &str = "fetch-";
/// How long another process may take to fetch.
const LOCK_LIMIT: Duration = Duration::from_secs(600);
const LOCK_PAUSE: Duration = Duration::from_millis(200);

/// The folders that may hold fetched programs, best first: the cache of the user, that of the system, the data folder.
pub(crate) fn candidates(place: Option<&DataFolder>) -> Vec<PathBuf> {
    let absolute = |name: &str| {
        env::var_os(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    let mut folders: Vec<PathBuf> = absolute("XDG_CACHE_HOME").into_iter().collect();
    // The user that root drops to could not enter root's home.
    if !geteuid().is_root() {
        folders.extend(absolute("HOME").map(|home| home.join(".cache")));
    }
    let mut folders: Vec<PathBuf> = folders
        .into_iter()
        .map(|folder| folder.join(NAME))
        .collect();
    folders.push(PathBuf::from(OF_SYSTEM));
    folders.extend(place.map(|place| place.path.join(IN_DATA)));
    folders
}

/// The unpacked packages in a folder, newest first; none when others than root and we could have put them there.
pub(crate) fn trees(folder: &Path) -> Vec<PathBuf> {
    if !is_trusted(folder) {
        return Vec::new();
    }
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let names = entries.filter(|entry| {
        entry
            .file_name()
            .to_string_lossy()
            .starts_with("postgresql")
    });
    let mut trees: Vec<PathBuf> = names.map(|entry| entry.path()).collect();
    trees.sort();
    trees.reverse();
    trees
}

fn is_trusted(folder: &Path) -> bool {
    const WRITE_OF_OTHERS: u32 = 0o022;
    fs::metadata(folder).is_ok_and(|found| {
        let is_ours = found.uid() == 0 || found.uid() == geteuid().as_raw();
        is_ours && found.mode() & WRITE_OF_OTHERS == 0
    })
}

/// A folder that this process alone fetches into, as long as this lives.
pub(super) struct Cache {
    pub(super) folder: PathBuf,
    lock: fs::File,
}

impl Cache {
    /// Takes the first folder that can be written to and that the account can enter, and waits for another process that
    /// fetches.
    pub(super) fn open(folders: &[PathBuf], account: Option<&Account>) -> Result<Self, FetchError> {
        let mut refusal = (PathBuf::new(), io::Error::other("there is none"));
        for folder in folders {
            match prepare(folder, account) {
                Ok(lock) => {
                    let folder = folder.clone();
                    wait_for(&lock, &folder)?;
                    let cache = Self { folder, lock };
                    cache.remove_leftovers();
                    return Ok(cache);
                }
                Err(error) => refusal = (folder.clone(), error),
            }
        }
        let (folder, source) = refusal;
        Err(FetchError::NoCache { folder, source })
    }

    /// An empty folder that is never taken for a result.
    pub(super) fn work_folder(&self) -> Result<PathBuf, FetchError> {
        let work = self.folder.join(format!("{WORK}{}", std::process::id()));
        fs::create_dir(&work).map_err(FetchError::io("create the folder", &work))?;
        Ok(work)
    }

    /// Puts what is whole into its place, in one step.
    pub(super) fn publish(&self, tree: &Path, name: &str) -> Result<PathBuf, FetchError> {
        let published = self.folder.join(name);
        // What is there does not run: it would have been used.
        remove(&published)?;
        fs::rename(tree, &published)
            .map_err(FetchError::io("rename the programs to", &published))?;
        Ok(published)
    }

    /// What a process left that was killed while it fetched, and what this one needs no more.
    fn remove_leftovers(&self) {
        let entries = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        let is_work = |name: &str| name.starts_with(WORK);
        for entry in entries.filter(|entry| is_work(&entry.file_name().to_string_lossy())) {
            if let Err(error) = remove(&entry.path()) {
                tracing::warn!(%error, "an unfinished download remains");
            }
        }
    }
}

impl Drop for Cache {
    fn drop(&mut self) {
        self.remove_leftovers();
        // Closing is not enough: a child that is being started has a copy of it until its exec.
        if let Err(error) = flock(&self.lock, FlockOperation::Unlock) {
            tracing::warn!(%error, "cannot unlock the folder of fetched programs");
        }
    }
}

/// The file to lock. Others may read what root fetches.
fn prepare(folder: &Path, account: Option<&Account>) -> io::Result<fs::File> {
    let mode = if geteuid().is_root() { 0o755 } else { 0o700 };
    folder::create(folder, mode).map_err(io::Error::other)?;
    if !is_trusted(folder) {
        return Err(io::Error::other("others may write to it"));
    }
    if let Some(account) = account {
        let inner = folder.join(NAME);
        let blocker = folder::blocker(&inner, account, &[]).map_err(io::Error::other)?;
        if let Some(by) = blocker {
            let reason = format!("the user {} cannot enter {}", account.name, by.display());
            return Err(io::Error::other(reason));
        }
    }
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(false).mode(0o600);
    options.open(folder.join("lock"))
}

fn wait_for(lock: &fs::File, folder: &Path) -> Result<(), FetchError> {
    let begun = Instant::now();
    let mut is_told = false;
    loop {
        match flock(lock, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Ok(()),
            Err(rustix::io::Errno::WOULDBLOCK) if begun.elapsed() < LOCK_LIMIT => {}
            Err(error) => return Err(FetchError::io("lock", folder)(error.into())),
        }
        if !is_told {
            tracing::info!("another process fetches PostgreSQL; waiting for it");
            is_told = true;
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
