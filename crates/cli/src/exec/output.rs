//! The output of a command on its way: each byte is passed on as it comes, and the last ones are kept.

use std::{
    fs::File,
    io::{self, ErrorKind, PipeReader, Read as _, Write as _},
    sync::Arc,
};

use rustix::event::{PollFd, PollFlags, poll};

use super::tail::Tail;

const CHUNK_BYTES: usize = 64 * 1024;
/// More than a pipe holds of what a command wrote before it ended.
const MAX_BYTES_AFTER_END: usize = 1024 * 1024;

/// Copies what a command writes to the standard output or standard error of `exec`.
#[derive(Debug)]
pub(super) struct Copy {
    pub(super) from: PipeReader,
    pub(super) to: File,
    pub(super) tail: Arc<Tail>,
    /// A pipe that is closed when the command has ended.
    pub(super) ended: PipeReader,
}

/// How a copy ended.
#[derive(Debug)]
pub(super) enum Copied {
    /// All of it.
    All,
    /// The command has ended, and a process that it left behind can still write.
    StillOpen(PipeReader, File),
    /// The output cannot be written. The command gets SIGPIPE when it writes again, as it would without `exec`.
    Failed(io::Error),
}

impl Copy {
    /// Copies until all writers have closed the pipe, or the command has ended and what it wrote is copied.
    pub(super) fn run(mut self) -> Copied {
        let mut chunk = vec![0; CHUNK_BYTES];
        let mut after_end = 0;
        loop {
            let (has_ended, is_readable) = match self.wait() {
                Ok(ready) => ready,
                Err(error) => return Copied::Failed(error),
            };
            if has_ended && (!is_readable || after_end > MAX_BYTES_AFTER_END) {
                return Copied::StillOpen(self.from, self.to);
            }
            if !is_readable {
                continue;
            }
            let length = match self.from.read(&mut chunk) {
                Ok(0) => return Copied::All,
                Ok(length) => length,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Copied::Failed(error),
            };
            after_end += if has_ended { length } else { 0 };
            self.tail.push(&chunk[..length]);
            if let Err(error) = write_all(&mut self.to, &chunk[..length]) {
                return Copied::Failed(error);
            }
        }
    }

    /// Waits for output or the end. Returns whether the command has ended, and whether there is something to read, the end of the
    /// pipe included. The error is that nobody reads the output any more: then the next write of the command must fail.
    fn wait(&self) -> io::Result<(bool, bool)> {
        let mut files = [
            PollFd::new(&self.ended, PollFlags::empty()),
            PollFd::new(&self.from, PollFlags::IN),
            PollFd::new(&self.to, PollFlags::empty()),
        ];
        loop {
            match poll(&mut files, None) {
                Err(rustix::io::Errno::INTR) => continue,
                Err(error) => return Err(error.into()),
                Ok(_) if files[2].revents().contains(PollFlags::ERR) => {
                    return Err(ErrorKind::BrokenPipe.into());
                }
                Ok(_) => {}
            }
            return Ok((!files[0].revents().is_empty(), !files[1].revents().is_empty()));
        }
    }
}

/// As [`io::Write::write_all`], also if another process has made the file non-blocking.
pub(super) fn write_all(file: &mut File, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match file.write(bytes) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(length) => bytes = &bytes[length..],
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                // An error shows when the file is written again.
                let _ready = poll(&mut [PollFd::new(file, PollFlags::OUT)], None);
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
