//! Stops a server whose parent process was killed, and removes a stale `postmaster.pid`.

use std::{path::Path, time::Duration};

use rustix::process::{Pid, Signal, kill_process};

use crate::{
    ClusterError,
    pid_file::PidFile,
    process::SHUTDOWN,
    process_probe::{ProcessOwner, probe, processes_without_postmaster},
    shared_memory,
    wait::wait_until,
};

/// How long the processes of a killed postmaster may take to exit by themselves; one that runs a query does not.
const NOTICE_LIMIT: Duration = Duration::from_secs(2);
/// How long they may take to exit after a signal.
const DETACH_LIMIT: Duration = Duration::from_secs(10);

/// Stops an orphaned server on this data directory, and removes a `postmaster.pid` that would prevent a start because its
/// process id now belongs to another process. The caller has locked the folder.
///
/// Time limits: 40 s for the server, 12 s for its child processes.
///
/// # Errors
///
/// [`ClusterError::StillRunning`] if the server does not exit; [`ClusterError::Io`].
pub(crate) fn clear(data: &Path) -> Result<(), ClusterError> {
    let Some(file) = PidFile::find(data)? else {
        return Ok(());
    };
    if file.is_empty() {
        return PidFile::remove(data);
    }
    let Some(pid) = file.pid() else {
        return Ok(());
    };
    if probe(pid, data) == ProcessOwner::OurPostmaster {
        stop(pid, data)?;
    }
    let detached = detach(&file, data);
    let stale =
        PidFile::find(data)?.as_ref() == Some(&file) && probe(pid, data) == ProcessOwner::Unrelated;
    if detached && stale {
        PidFile::remove(data)?;
    }
    Ok(())
}

fn stop(pid: u32, data: &Path) -> Result<(), ClusterError> {
    tracing::warn!(pid, "stopping an orphaned database server");
    for (signal, limit) in SHUTDOWN {
        send(pid, signal);
        if wait_until(limit, || probe(pid, data) != ProcessOwner::OurPostmaster) {
            return Ok(());
        }
    }
    Err(ClusterError::StillRunning { pid })
}

/// Waits for the child processes of a killed postmaster, which would prevent the next start. Returns whether all have
/// exited.
fn detach(file: &PidFile, data: &Path) -> bool {
    let is_detached = || !file.shared_memory().is_some_and(shared_memory::is_attached);
    if wait_until(NOTICE_LIMIT, is_detached) {
        return true;
    }
    for pid in processes_without_postmaster(data) {
        tracing::warn!(pid, "stopping a child process of a killed database server");
        send(pid, Signal::QUIT);
    }
    wait_until(DETACH_LIMIT, is_detached)
}

fn send(pid: u32, signal: Signal) {
    if let Some(process) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
        // The process may have exited; the next probe detects that.
        let _exited = kill_process(process, signal);
    }
}
