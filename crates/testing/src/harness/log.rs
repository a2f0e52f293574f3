//! The log of a server.

use std::{
    fs::{self, OpenOptions},
    os::unix::fs::OpenOptionsExt as _,
    path::PathBuf,
    process::Stdio,
    thread,
    time::{Duration, Instant},
};

use super::DEADLINE;

/// The pause between two reads of the file.
const POLL: Duration = Duration::from_millis(10);

/// Where stderr of a server goes. A log that a test reads is a file: a server drops the log lines that a full pipe does not
/// accept.
#[derive(Clone, Debug)]
pub(super) enum Log {
    File(PathBuf),
    UnreadPipe,
}

impl Log {
    pub(super) fn open(&self) -> Stdio {
        match self {
            Self::File(path) => {
                let mut options = OpenOptions::new();
                // Nothing in a data folder may be readable for other users.
                let options = options.create(true).append(true).mode(0o600);
                options.open(path).unwrap().into()
            }
            Self::UnreadPipe => Stdio::piped(),
        }
    }

    pub(super) fn read(&self) -> String {
        match self {
            Self::File(path) => fs::read_to_string(path).unwrap(),
            Self::UnreadPipe => String::new(),
        }
    }

    /// Waits for a complete line with these words after the first `from` bytes. Returns the line and the position of its end.
    pub(super) fn find(&self, from: usize, words: &str) -> (String, usize) {
        let begun = Instant::now();
        loop {
            let (log, mut end) = (self.read(), from);
            for line in log[from..].split_inclusive('\n') {
                end += line.len();
                if line.contains(words) && line.ends_with('\n') {
                    return (line.to_owned(), end);
                }
            }
            assert!(begun.elapsed() < DEADLINE, "no {words:?} in the log: {log}");
            thread::sleep(POLL);
        }
    }
}
