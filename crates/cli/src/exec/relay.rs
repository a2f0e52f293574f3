//! `flowruns exec-relay`: copies standard input to standard output, for a process that outlives its command.

use std::{
    fs::File,
    io::{self, ErrorKind, Read as _},
    os::fd::AsFd as _,
};

use super::output::write_all;

/// Copies until all writers or all readers have gone.
pub(crate) fn run() -> u8 {
    match copy() {
        Ok(()) => 0,
        Err(_nobody_reads) => 1,
    }
}

fn copy() -> io::Result<()> {
    let mut from = File::from(io::stdin().as_fd().try_clone_to_owned()?);
    let mut to = File::from(io::stdout().as_fd().try_clone_to_owned()?);
    let mut chunk = vec![0; 8 * 1024];
    loop {
        match from.read(&mut chunk) {
            Ok(0) => return Ok(()),
            Ok(length) => write_all(&mut to, &chunk[..length])?,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
