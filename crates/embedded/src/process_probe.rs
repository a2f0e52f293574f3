//! Finds out which program a process id belongs to. Process ids are reused, most often in containers.

use std::{
    fs, io,
    os::unix::{ffi::OsStrExt, fs::MetadataExt},
    path::Path,
    process::Command,
};

/// The process whose id `postmaster.pid` contains.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum ProcessOwner {
    /// A PostgreSQL server on our data directory.
    OurPostmaster,
    /// Certainly not a server on our data directory: another program, a thread or a zombie process.
    Unrelated,
    /// No process has this id.
    Absent,
    /// A PostgreSQL server whose data directory is not visible, or a process that may not be inspected.
    Unknown,
}

/// Inspects a process with `/proc`, or with ps on systems without it.
pub(crate) fn probe(pid: u32, data: &Path) -> ProcessOwner {
    if Path::new("/proc/self/cmdline").exists() {
        probe_proc(pid, data)
    } else {
        probe_ps(pid, data)
    }
}

/// The child processes, on our data directory, of a postmaster that has exited. Empty on systems without `/proc`: there
/// PostgreSQL itself rejects the start with the reason.
pub(crate) fn processes_without_postmaster(data: &Path) -> Vec<u32> {
    let Ok(entries) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    let pids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter(|pid| is_server_process(*pid, data)).collect()
}

/// Whether this is a child process (checkpointer, backend …) of a server on our data directory.
fn is_server_process(pid: u32, data: &Path) -> bool {
    let process = Path::new("/proc").join(pid.to_string());
    let command = fs::read(process.join("cmdline")).unwrap_or_default();
    command.starts_with(b"postgres: ")
        && is_same_folder(&process.join("cwd"), data).unwrap_or(false)
}

fn probe_proc(pid: u32, data: &Path) -> ProcessOwner {
    let process = Path::new("/proc").join(pid.to_string());
    let command = match fs::read(process.join("cmdline")) {
        Ok(command) => command,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return ProcessOwner::Absent,
        Err(_) => return ProcessOwner::Unknown,
    };
    let arguments: Vec<&[u8]> = command.split(|byte| *byte == 0).collect();
    let program = arguments[0].rsplit(|byte| *byte == b'/').next().unwrap_or_default();
    if !program.starts_with(b"postgres") {
        return ProcessOwner::Unrelated;
    }
    // The working directory of a server is its data directory. If it is not readable, as in some containers, the
    // arguments decide.
    let is_ours = match is_same_folder(&process.join("cwd"), data) {
        Ok(false) => return ProcessOwner::Unrelated,
        Ok(true) => true,
        Err(_) => has_data_argument(&arguments, data),
    };
    // The child processes of a server have names such as `postgres: checkpointer`.
    if is_ours && program == b"postgres" {
        ProcessOwner::OurPostmaster
    } else {
        ProcessOwner::Unknown
    }
}

fn is_same_folder(one: &Path, other: &Path) -> io::Result<bool> {
    let (one, other) = (fs::metadata(one)?, fs::metadata(other)?);
    Ok((one.dev(), one.ino()) == (other.dev(), other.ino()))
}

fn has_data_argument(arguments: &[&[u8]], data: &Path) -> bool {
    arguments.windows(2).any(|pair| pair[0] == b"-D" && pair[1] == data.as_os_str().as_bytes())
}

fn probe_ps(pid: u32, data: &Path) -> ProcessOwner {
    let Ok(output) =
        Command::new("ps").args(["-ww", "-o", "command=", "-p", &pid.to_string()]).output()
    else {
        return ProcessOwner::Unknown;
    };
    let command = String::from_utf8_lossy(&output.stdout);
    if command.trim().is_empty() {
        ProcessOwner::Absent
    } else if !command.contains("postgres") {
        ProcessOwner::Unrelated
    } else if command.contains(&format!("-D {} ", data.display())) {
        ProcessOwner::OurPostmaster
    } else {
        ProcessOwner::Unknown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_program_is_unrelated() {
        let temp = tempfile::tempdir().unwrap();
        assert_eq!(probe_proc(std::process::id(), temp.path()), ProcessOwner::Unrelated);
    }

    #[test]
    fn an_exited_process_is_absent() {
        let mut child = Command::new("true").spawn().unwrap();
        child.wait().unwrap();
        let temp = tempfile::tempdir().unwrap();
        assert_eq!(probe_proc(child.id(), temp.path()), ProcessOwner::Absent);
    }

    #[test]
    fn the_data_directory_is_found_in_the_arguments() {
        let arguments: [&[u8]; 3] = [b"/usr/bin/postgres", b"-D", b"/data/postgres"];
        assert!(has_data_argument(&arguments, Path::new("/data/postgres")));
        assert!(!has_data_argument(&arguments, Path::new("/data")));
    }
}
