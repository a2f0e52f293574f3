//! The file to which the command writes statistics of its own: `FLOWRUNS_STATISTICS`.

use std::{
    env,
    fs::{self, DirBuilder, OpenOptions},
    io::{self, ErrorKind, Read as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use flowruns_client::{JsonObject, RunId};
use rustix::fs::OFlags;

/// A larger file is not read. A run has at most 64 KiB of statistics, and those of `exec` itself must fit too.
const MAX_BYTES: usize = 60 * 1024;

/// A file in a folder that only this user can enter. The folder is removed when the value is dropped.
#[derive(Debug)]
pub(super) struct StatisticsFile {
    folder: PathBuf,
    path: PathBuf,
    last: Vec<u8>,
}

impl StatisticsFile {
    /// Makes the folder, in that for temporary files. The command makes the file, or not.
    pub(super) fn create(run: RunId) -> io::Result<Self> {
        let folder = env::temp_dir().join(format!("flowruns-{run}"));
        DirBuilder::new().mode(0o700).create(&folder)?;
        let path = folder.join("statistics.json");
        Ok(Self { folder, path, last: Vec::new() })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The statistics in the file, if it is there and differs from what was returned last. While the command runs it may be
    /// writing the file, so an error then means nothing.
    ///
    /// # Errors
    ///
    /// One sentence: the file cannot be read, is too large, or is no JSON object.
    pub(super) fn changed(&mut self) -> Result<Option<JsonObject>, String> {
        let document = match self.read() {
            Ok(document) => document,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(format!("it cannot be read: {error}")),
        };
        if document == self.last {
            return Ok(None);
        }
        if document.len() > MAX_BYTES {
            return Err(format!("it has more than {MAX_BYTES} bytes"));
        }
        let statistics =
            serde_json::from_slice::<JsonObject>(&document).map_err(|error| error.to_string())?;
        self.last = document;
        Ok(Some(statistics))
    }

    /// Reads at most one byte more than the limit.
    fn read(&self) -> io::Result<Vec<u8>> {
        // Without blocking, if it is a named pipe.
        let flags = (OFlags::NONBLOCK | OFlags::NOFOLLOW).bits().cast_signed();
        let file = OpenOptions::new().read(true).custom_flags(flags).open(&self.path)?;
        if !file.metadata()?.is_file() {
            return Err(io::Error::other("it is no regular file"));
        }
        let mut document = Vec::new();
        file.take(MAX_BYTES as u64 + 1).read_to_end(&mut document)?;
        Ok(document)
    }
}

impl Drop for StatisticsFile {
    fn drop(&mut self) {
        // A process that the command left behind may still write there.
        let _removed = fs::remove_dir_all(&self.folder);
    }
}
