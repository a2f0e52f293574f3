//! PostgreSQL's `postmaster.pid`. `src/include/utils/pidfile.h` of PostgreSQL defines its lines.

use std::{fs, io, path::Path};

use crate::{ClusterError, MAX_FILE_BYTES, read_regular_file};

const PID_LINE: usize = 0;
const SHARED_MEMORY_LINE: usize = 6;
const STATUS_LINE: usize = 7;

/// The content of `postmaster.pid` at one point in time.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct PidFile {
    text: String,
}

impl PidFile {
    /// `None` if the file does not exist: then no server runs.
    ///
    /// # Errors
    ///
    /// [`ClusterError::Io`].
    pub(crate) fn find(data: &Path) -> Result<Option<Self>, ClusterError> {
        let path = data.join("postmaster.pid");
        match read_regular_file(&path, MAX_FILE_BYTES) {
            Ok(bytes) => Ok(Some(Self { text: String::from_utf8_lossy(&bytes).into_owned() })),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(ClusterError::io("read", &path)(error)),
        }
    }

    /// Removes the file. Only for a file that is certainly stale: it prevents two servers from using the same data.
    ///
    /// # Errors
    ///
    /// [`ClusterError::Io`].
    pub(crate) fn remove(data: &Path) -> Result<(), ClusterError> {
        let path = data.join("postmaster.pid");
        fs::remove_file(&path).map_err(ClusterError::io("remove the stale file", &path))
    }

    /// Whether the file is empty, for example after a crash of the system while it was written.
    pub(crate) fn is_empty(&self) -> bool {
        self.text.trim().is_empty()
    }

    /// The process id of the postmaster; `None` also for a single-user server, which writes a negative number.
    pub(crate) fn pid(&self) -> Option<u32> {
        self.line(PID_LINE)?.parse().ok()
    }

    /// Whether the server accepts connections.
    pub(crate) fn is_ready(&self) -> bool {
        self.line(STATUS_LINE) == Some("ready")
    }

    /// The id of the System V shared memory to which every process of the server is attached.
    pub(crate) fn shared_memory(&self) -> Option<&str> {
        self.line(SHARED_MEMORY_LINE)?.split_whitespace().nth(1)
    }

    fn line(&self, index: usize) -> Option<&str> {
        self.text.lines().nth(index).map(str::trim)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_lines_are_parsed() {
        let text = "4711\n/data\n1700000000\n5432\n/run\n\n 51838  32769\nready   \n";
        let file = PidFile { text: text.to_owned() };
        assert_eq!(file.pid(), Some(4711));
        assert_eq!(file.shared_memory(), Some("32769"));
        assert!(file.is_ready());
    }

    #[test]
    fn a_partially_written_file_is_not_ready() {
        let file = PidFile { text: "4711\n/data\n1700000000\n5432\n/run\n".to_owned() };
        assert!(!file.is_ready());
        assert_eq!(file.shared_memory(), None);
        assert_eq!(PidFile { text: "-4711\n".to_owned() }.pid(), None);
        assert!(PidFile { text: "\n".to_owned() }.is_empty());
    }
}
