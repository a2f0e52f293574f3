//! Who has a process id now: process ids are used again, soonest in containers.

use std::{
    fs, io,
    os::unix::{ffi::OsStrExt, fs::MetadataExt},
    path::Path,
    process::Command,
};

/// Who has the process id that `postmaster.pid` names.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Resident {
    /// A PostgreSQL server whose data directory is ours.
    OurPostmaster,
    /// Certainly none that uses our data: another program, a thread, a dead process that nobody has waited for.
    Unrelated,
    /// Nobody.
    Absent,
    /// A PostgreSQL of which we cannot see which data it uses, or a process we must not look at.
    Unknown,
}

/// Looks at a process, by `/proc` or else by ps.
pub(crate) fn resident(pid: u32, data: &Path) -> Resident {
    if Path::new("/proc/self/cmdline").exists() {
        by_proc(pid, data)
    } else {
        by_ps(pid, data)
    }
}

/// The processes of a server on our data whose postmaster is gone. None where `/proc` does not tell: then PostgreSQL
/// itself refuses to start, and names the reason.
pub(crate) fn without_postmaster(data: &Path) -> Vec<u32> {
    let Ok(entries) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    let pids = entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter(|pid| is_server_process(*pid, data)).collect()
}

/// Whether this is a checkpointer, a backend or the like of a server on our data.
fn is_server_process(pid: u32, data: &Path) -> bool {
    let process = Path::new("/proc").join(pid.to_string());
    let command = fs::read(process.join("cmdline")).unwrap_or_default();
    command.starts_with(b"postgres: ")
        && is_same_folder(&process.join("cwd"), data).unwrap_or(false)
}

fn by_proc(pid: u32, data: &Path) -> Resident {
    let process = Path::new("/proc").join(pid.to_string());
    let command = match fs::read(process.join("cmdline")) {
        Ok(command) => command,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Resident::Absent,
        Err(_) => return Resident::Unknown,
    };
    let arguments: Vec<&[u8]> = command.split(|byte| *byte == 0).collect();
    let program = arguments[0]
        .rsplit(|byte| *byte == b'/')
        .next()
        .unwrap_or_default();
    if !program.starts_with(b"postgres") {
        return Resident::Unrelated;
    }
    // A server works in its data directory. A container may forbid us to look there; then the arguments must do.
    let ours = match is_same_folder(&process.join("cwd"), data) {
        Ok(false) => return Resident::Unrelated,
        Ok(true) => true,
        Err(_) => names_data(&arguments, data),
    };
    // The other processes of a server call themselves `postgres: checkpointer` and the like.
    if ours && program == b"postgres" {
        Resident::OurPostmaster
    } else {
        Resident::Unknown
    }
}

fn is_same_folder(one: &Path, other: &Path) -> io::Result<bool> {
    let (one, other) = (fs::metadata(one)?, fs::metadata(other)?);
    Ok((one.dev(), one.ino()) == (other.dev(), other.ino()))
}

fn names_data(arguments: &[&[u8]], data: &Path) -> bool {
    arguments
        .windows(2)
        .any(|pair| pair[0] == b"-D" && pair[1] == data.as_os_str().as_bytes())
}

fn by_ps(pid: u32, data: &Path) -> Resident {
    let Ok(answer) = Command::new("ps")
        .args(["-ww", "-o", "command=", "-p", &pid.to_string()])
        .output()
    else {
        return Resident::Unknown;
    };
    let command = String::from_utf8_lossy(&answer.stdout);
    if command.trim().is_empty() {
        Resident::Absent
    } else if !command.contains("postgres") {
        Resident::Unrelated
    } else if command.contains(&format!("-D {} ", data.display())) {
        Resident::OurPostmaster
    } else {
        Resident::Unknown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_program_is_unrelated() {
        let place = tempfile::tempdir().unwrap();
        assert_eq!(
            by_proc(std::process::id(), place.path()),
            Resident::Unrelated
        );
    }

    #[test]
    fn a_process_that_ended_is_absent() {
        let mut child = Command::new("true").spawn().unwrap();
        child.wait().unwrap();
        let place = tempfile::tempdir().unwrap();
        assert_eq!(by_proc(child.id(), place.path()), Resident::Absent);
    }

    #[test]
    fn the_data_directory_is_an_argument() {
        let arguments: [&[u8]; 3] = [b"/usr/bin/postgres", b"-D", b"/data/postgres"];
        assert!(names_data(&arguments, Path::new("/data/postgres")));
        assert!(!names_data(&arguments, Path::new("/data")));
    }
}
