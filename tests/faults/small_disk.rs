//! A small disk that can be filled and freed.

use std::{
    fs::{self, File},
    io::{ErrorKind, Write as _},
    path::{Path, PathBuf},
    process::Command,
};

use tempfile::TempDir;

use crate::program::data_folder;

/// Room for a new cluster and its log, and a little more.
const SIZE: &str = "size=128m,mode=0711";
/// From large to small, so that the last byte is taken soon.
const PIECES: [usize; 3] = [1024 * 1024, 64 * 1024, 4096];

/// A tmpfs in a folder of its own.
pub(crate) struct SmallDisk(TempDir);

impl SmallDisk {
    /// Mounts it, which only root may; otherwise what mount said.
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

    /// Takes all the room that is left.
    pub(crate) fn fill(&self) {
        let mut filler = File::create(self.filler()).unwrap();
        for piece in PIECES {
            let piece = vec![0; piece];
            loop {
                match filler.write_all(&piece) {
                    Ok(()) => {}
                    Err(error) if error.kind() == ErrorKind::StorageFull => break,
                    Err(error) => panic!("{error}"),
                }
            }
        }
    }

    /// Gives it back.
    pub(crate) fn free(&self) {
        fs::remove_file(self.filler()).unwrap();
    }

    fn filler(&self) -> PathBuf {
        self.path().join("filler")
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: after a failed test a server may still be in it.
        let _unmounted = Command::new("umount")
            .arg("--lazy")
            .arg(self.path())
            .status();
    }
}
