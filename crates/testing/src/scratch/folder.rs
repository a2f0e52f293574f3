//! The folders of scratch servers, and the removal of abandoned ones.

use std::{
    env, fs,
    fs::File,
    path::{Path, PathBuf},
    process,
};

const PREFIX: &str = "flowruns-scratch-";

/// A folder of this process, which does not exist yet unless an earlier process of this id left it.
pub(super) fn own() -> PathBuf {
    env::temp_dir().join(format!("{PREFIX}{}", process::id()))
}

/// Removes the folders whose process has ended, as far as we may.
pub(super) fn remove_abandoned() {
    let entries = fs::read_dir(env::temp_dir()).into_iter().flatten();
    for entry in entries.flatten() {
        let is_ours = entry.file_name().to_string_lossy().starts_with(PREFIX);
        if is_ours && is_abandoned(&entry.path()) {
            // Another process may be removing it too.
            fs::remove_dir_all(entry.path()).ok();
        }
    }
}

/// The process that uses a folder holds its lock. Without a lock file a process has just begun to use it.
fn is_abandoned(folder: &Path) -> bool {
    let lock = File::open(folder.join("lock"));
    lock.is_ok_and(|lock| lock.try_lock().is_ok())
}
