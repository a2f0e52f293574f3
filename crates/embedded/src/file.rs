//! Reads small files whose path comes from an operator.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

use rustix::fs::OFlags;

/// The maximum size of a configuration, secret or certificate file, in bytes: 1 MiB.
pub const MAX_FILE_BYTES: u64 = 1024 * 1024;

/// Reads a regular file of at most `max_bytes` bytes; follows symbolic links. Never blocks on a FIFO and never reads a
/// device.
///
/// # Errors
///
/// The errors of opening and reading; [`io::ErrorKind::InvalidInput`] if it is not a regular file, and
/// [`io::ErrorKind::FileTooLarge`] if it is longer.
pub fn read_regular_file(path: &Path, max_bytes: u64) -> io::Result<Vec<u8>> {
    let file = open_regular(path)?;
    let mut bytes = Vec::new();
    // One extra byte detects a longer file, also one that grows while it is read.
    file.take(max_bytes.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > max_bytes {
        return Err(io::Error::new(
            io::ErrorKind::FileTooLarge,
            format!("it is longer than {max_bytes} bytes"),
        ));
    }
    Ok(bytes)
}

fn open_regular(path: &Path) -> io::Result<File> {
    let not_blocking = OFlags::NONBLOCK | OFlags::NOCTTY;
    let file =
        OpenOptions::new().read(true).custom_flags(not_blocking.bits().cast_signed()).open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file"));
    }
    Ok(file)
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::symlink, process::Command};

    use super::*;

    #[test]
    fn a_regular_file_is_read_also_through_a_symbolic_link() {
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("file"), folder.path().join("link"));
        fs::write(&file, "four").unwrap();
        symlink(&file, &link).unwrap();
        for path in [file, link] {
            assert_eq!(read_regular_file(&path, 4).unwrap(), b"four");
            let error = read_regular_file(&path, 3).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::FileTooLarge);
        }
    }

    #[test]
    fn a_fifo_a_device_and_a_folder_are_rejected_without_waiting() {
        let folder = tempfile::tempdir().unwrap();
        let fifo = folder.path().join("fifo");
        let made = Command::new("mkfifo").arg(&fifo).status().unwrap();
        assert!(made.success());
        for path in [&fifo, Path::new("/dev/zero"), folder.path()] {
            let error = read_regular_file(path, MAX_FILE_BYTES).unwrap_err();
            assert_eq!(error.to_string(), "it is not a regular file");
        }
    }
}
