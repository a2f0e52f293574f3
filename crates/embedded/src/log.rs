//! The log file of the server and of initdb.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read, Seek, SeekFrom},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use crate::ClusterError;

/// The next start empties a larger log. In bytes.
const MAX_LENGTH: u64 = 10 * 1024 * 1024;
/// How much of the end of the log an error message may contain, in bytes.
const TAIL_LENGTH: u64 = 16 * 1024;
const TAIL_LINES: usize = 20;

/// The log file and the offset at which this start begins.
#[derive(Clone, Debug)]
pub(crate) struct ServerLog {
    path: PathBuf,
    start: u64,
}

impl ServerLog {
    /// Creates the file, or empties one that is larger than 10 MiB.
    ///
    /// # Errors
    ///
    /// [`ClusterError::Io`].
    pub(crate) fn open(path: &Path) -> Result<Self, ClusterError> {
        let start = trimmed_length(path).map_err(ClusterError::io("open the log", path))?;
        Ok(Self { path: path.to_owned(), start })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// A file for the output of a child process.
    ///
    /// # Errors
    ///
    /// [`ClusterError::Io`].
    pub(crate) fn writer(&self) -> Result<File, ClusterError> {
        append(&self.path).map_err(ClusterError::io("open the log", &self.path))
    }

    /// The last lines of this start, for an error message: at most 20 lines and 16 KiB.
    pub(crate) fn tail(&self) -> String {
        let text = self.read_end().unwrap_or_else(|error| format!("(unreadable: {error})"));
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n")
    }

    fn read_end(&self) -> io::Result<String> {
        let mut file = File::open(&self.path)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(self.start.max(length.saturating_sub(TAIL_LENGTH))))?;
        let mut bytes = Vec::new();
        file.take(TAIL_LENGTH).read_to_end(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }
}

fn append(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).mode(0o600).open(path)
}

fn trimmed_length(path: &Path) -> io::Result<u64> {
    let file = append(path)?;
    let length = file.metadata()?.len();
    if length <= MAX_LENGTH {
        return Ok(length);
    }
    file.set_len(0)?;
    Ok(0)
}

#[cfg(test)]
mod tests {
    use std::{fs, io::Write};

    use super::*;

    #[test]
    fn the_tail_is_of_this_start_only() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("postgres.log");
        fs::write(&path, "an old line\n").unwrap();
        let log = ServerLog::open(&path).unwrap();
        assert_eq!(log.tail(), "");
        let mut writer = log.writer().unwrap();
        for line in 0..30 {
            writeln!(writer, "line {line}").unwrap();
        }
        assert!(log.tail().starts_with("line 10\n"));
        assert!(log.tail().ends_with("\nline 29"));
    }

    #[test]
    fn a_log_over_the_limit_is_emptied() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("postgres.log");
        File::create(&path).unwrap().set_len(MAX_LENGTH).unwrap();
        ServerLog::open(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().len(), MAX_LENGTH);
        File::create(&path).unwrap().set_len(MAX_LENGTH + 1).unwrap();
        ServerLog::open(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().len(), 0);
    }
}
