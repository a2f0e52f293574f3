//! A small disk that can be filled and freed.

use std::{
    fs::{self, File},
    io::{ErrorKind, Write as _},
    path::{Path, PathBuf},
    process::Command,
};

use tempfile::TempDir;

use flowruns_testing::harness::data_folder;

/// Enough for a new cluster and its log, and a little more.
const SIZE: &str = "size=128m,mode=0711";
/// Sizes of writes in bytes, from large to small, so that the disk is full soon.
const WRITES: [usize; 3] = [1024 * 1024, 64 * 1024, 4096];

/// A tmpfs that is mounted on a new folder.
pub(crate) struct SmallDisk(TempDir);

impl SmallDisk {
    /// Mounts it, which only root may do; the error has the message of mount.
    pub(crate) fn mount() -> Result<Self, String> {
        let folder = data_folder();
        let mount = Command::new("mount")
            .args(["-t", "tmpfs", "-o", SIZE, "tmpfs"])
            .arg(folder.path())
            .output();
        match mount {
            Ok(done) if done.status.success() => Ok(Self(folder)),
            Ok(done) => Err(String::from_utf8_lossy(&done.stderr).into_owned()),
            Err(error) => Err(error.to_string()),
        }
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// Uses up the free space.
    pub(crate) fn fill(&self) {
        let mut filler = File::create(self.filler()).unwrap();
        for size in WRITES {
            let zeros = vec![0; size];
            loop {
                match filler.write_all(&zeros) {
                    Ok(()) => {}
                    Err(error) if error.kind() == ErrorKind::StorageFull => break,
                    Err(error) => panic!("{error}"),
                }
            }
        }
    }

    /// Frees that space.
    pub(crate) fn free(&self) {
        fs::remove_file(self.filler()).unwrap();
    }

    fn filler(&self) -> PathBuf {
        self.path().join("filler")
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: after a failed test a server may still use it.
        let _unmounted = Command::new("umount").arg("--lazy").arg(self.path()).status();
    }
}
