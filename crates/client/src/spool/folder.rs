//! The folder of the spool. Files are written completely or not at all, and no other user reads them.

use std::{
    collections::VecDeque,
    ffi::OsStr,
    fs::{self, DirBuilder, File, OpenOptions, TryLockError},
    io::{self, Read as _, Write as _},
    path::{Path, PathBuf},
    thread::sleep,
    time::{Duration, Instant},
};

use chrono::{DateTime, TimeDelta, Utc};
use flowruns_domain::timestamp::Timestamp;
use thiserror::Error;
use uuid::Uuid;

use super::entry::Entry;
use crate::{address::RunAddress, report::Step};

const EXTENSION: &str = "report";
const WRITE_LOCK: &str = "write.lock";
const FLUSH_LOCK: &str = "flush.lock";
const LOCK_TIMEOUT: Duration = Duration::from_secs(3);
const LOCK_INTERVAL: Duration = Duration::from_millis(10);
/// An entry has a creation, at most 17 patches of statistics and an end, of at most 256 KiB each before they are quoted.
const MAX_ENTRY_BYTES: u64 = 16 * 1024 * 1024;

/// Why something cannot be spooled.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SpoolError {
    /// The folder or a file in it cannot be used.
    #[error("the spool folder {} cannot be used", path.display())]
    Io {
        /// The folder.
        path: PathBuf,
        /// Why.
        #[source]
        cause: io::Error,
    },
    /// Other users may write into the folder, so they could change reports.
    #[error("other users may write into the spool folder {}; remove that permission, or use another folder", .0.display())]
    WritableByOthers(PathBuf),
    /// The folder has its maximum size.
    #[error("the spool folder {} is full: it has {bytes} bytes, and at most {limit} are kept", path.display())]
    Full {
        /// The folder.
        path: PathBuf,
        /// Its size with the new entry.
        bytes: u64,
        /// The limit.
        limit: u64,
    },
}

/// A spool folder.
#[derive(Debug)]
pub(crate) struct Spool {
    path: PathBuf,
    max_bytes: u64,
    max_age: TimeDelta,
}

impl Spool {
    pub(crate) const MAX_BYTES: u64 = 64 * 1024 * 1024;
    pub(crate) const MAX_AGE: TimeDelta = TimeDelta::days(7);

    pub(crate) const fn new(path: PathBuf, max_bytes: u64) -> Self {
        Self { path, max_bytes, max_age: Self::MAX_AGE }
    }

    pub(super) fn failed(&self, cause: io::Error) -> SpoolError {
        SpoolError::Io { path: self.path.clone(), cause }
    }

    /// Writes an entry: it is on disk when this returns.
    pub(crate) fn write(
        &self,
        id: Uuid,
        now: Timestamp,
        server: &str,
        address: RunAddress,
        steps: &VecDeque<Step>,
    ) -> Result<(), SpoolError> {
        let entry = Entry::new(now, server, address, steps);
        let text = serde_json::to_vec(&entry).map_err(|error| self.failed(error.into()))?;
        self.create()?;
        let _lock = self.lock_for_writing().map_err(|error| self.failed(error))?;
        self.remove_expired(now);
        let bytes = self.size().map_err(|error| self.failed(error))? + text.len() as u64;
        if bytes > self.max_bytes {
            let (path, limit) = (self.path.clone(), self.max_bytes);
            return Err(SpoolError::Full { path, bytes, limit });
        }
        let number = self.next_number(address).map_err(|error| self.failed(error))?;
        // Sorted by name, the entries of a run are in the order in which they were written, also when the clock was set back meanwhile.
        let name = format!("{}.{number:010}.{id}.{EXTENSION}", address.run);
        self.write_file(&name, &text).map_err(|error| self.failed(error))
    }

    fn write_file(&self, name: &str, text: &[u8]) -> io::Result<()> {
        let temporary = self.path.join(format!("{name}.new"));
        let written = (|| {
            let mut file = private_file(&temporary)?;
            file.write_all(text)?;
            file.sync_all()?;
            fs::rename(&temporary, self.path.join(name))?;
            sync_folder(&self.path)
        })();
        if written.is_err() {
            // A disk that is full may keep the part that was written.
            let _removed = fs::remove_file(&temporary);
        }
        written
    }

    /// A number after those of the entries of this run.
    fn next_number(&self, address: RunAddress) -> io::Result<u32> {
        let run = address.run.to_string();
        let numbers = self.list()?.into_iter().filter_map(|path| {
            let mut parts = path.file_name()?.to_str()?.split('.');
            parts.next().filter(|other| *other == run)?;
            parts.next()?.parse::<u32>().ok()
        });
        Ok(numbers.max().map_or(0, |last| last.saturating_add(1)))
    }

    /// Creates the folder for this user only, or checks that no other user may write into it.
    fn create(&self) -> Result<(), SpoolError> {
        let mut builder = DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(&self.path).map_err(|error| self.failed(error))?;
        self.check_permissions()
    }

    /// An entry of another user would be sent with the token of this one. A folder that does not exist has none.
    pub(super) fn check_permissions(&self) -> Result<(), SpoolError> {
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let metadata = match fs::metadata(&self.path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
                metadata => metadata.map_err(|error| self.failed(error))?,
            };
            if metadata.permissions().mode() & 0o022 != 0 {
                return Err(SpoolError::WritableByOthers(self.path.clone()));
            }
        }
        Ok(())
    }

    /// Waits for the other processes that write, but not for one that was stopped while it did.
    fn lock_for_writing(&self) -> io::Result<File> {
        let file = lock_file(&self.path.join(WRITE_LOCK))?;
        let end = Instant::now() + LOCK_TIMEOUT;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(file),
                Err(TryLockError::WouldBlock) if Instant::now() < end => sleep(LOCK_INTERVAL),
                Err(TryLockError::WouldBlock) => {
                    let message = "another process holds its lock for writing";
                    return Err(io::Error::new(io::ErrorKind::TimedOut, message));
                }
                Err(TryLockError::Error(error)) => return Err(error),
            }
        }
    }

    /// The lock of the process that flushes; `None` while another process does.
    pub(super) fn try_lock_for_flush(&self) -> io::Result<Option<File>> {
        let file = lock_file(&self.path.join(FLUSH_LOCK))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(file)),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    /// The entries, those of a run in order. None when there is no folder.
    pub(super) fn list(&self) -> io::Result<Vec<PathBuf>> {
        let files = match fs::read_dir(&self.path) {
            Ok(files) => files,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let mut paths = Vec::new();
        for file in files {
            let path = file?.path();
            if path.extension() == Some(OsStr::new(EXTENSION)) {
                paths.push(path);
            }
        }
        paths.sort();
        Ok(paths)
    }

    fn size(&self) -> io::Result<u64> {
        let mut size = 0;
        for file in fs::read_dir(&self.path)? {
            // A file that another process has just sent is gone.
            size += file?.metadata().map_or(0, |metadata| metadata.len());
        }
        Ok(size)
    }

    /// Reads an entry; `None` when it is gone.
    pub(super) fn read(&self, path: &Path) -> io::Result<Option<Vec<u8>>> {
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let mut text = Vec::new();
        file.take(MAX_ENTRY_BYTES).read_to_end(&mut text)?;
        Ok(Some(text))
    }

    pub(super) fn is_expired(&self, entry: &Entry, now: Timestamp) -> bool {
        let written = entry.spooled_at();
        written.is_none_or(|written| now.date_time() - written.date_time() > self.max_age)
    }

    /// Removes expired entries, and parts of entries that a process left when it was killed.
    fn remove_expired(&self, now: Timestamp) {
        // Only files that are that old are read: a spool may have very many.
        let is_old = |path: &PathBuf| {
            let modified = fs::metadata(path).and_then(|metadata| metadata.modified());
            modified.is_ok_and(|at| now.date_time() - DateTime::<Utc>::from(at) > self.max_age)
        };
        for path in self.list().unwrap_or_default().into_iter().filter(is_old) {
            let text = self.read(&path).ok().flatten();
            let entry = text.and_then(|text| Entry::read(&text));
            if entry.is_some_and(|entry| self.is_expired(&entry, now)) {
                tracing::warn!(file = %path.display(), "a report in the spool is too old and is removed");
                let _removed = fs::remove_file(&path);
            }
        }
        // The lock for writing is held, so none of these is being written.
        let parts = fs::read_dir(&self.path).into_iter().flatten().flatten();
        let parts = parts.map(|file| file.path());
        for path in parts.filter(|path| path.extension() == Some(OsStr::new("new"))) {
            let _removed = fs::remove_file(path);
        }
    }
}

fn private_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

fn lock_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

#[cfg(unix)]
fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

#[cfg(not(unix))]
fn sync_folder(_path: &Path) -> io::Result<()> {
    Ok(())
}
