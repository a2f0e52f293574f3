//! What a killed process left: a server without a parent, or the traces of one.

use std::{path::Path, time::Duration};

use rustix::process::{Pid, Signal, kill_process};

use crate::{
    ClusterError,
    pid_file::PidFile,
    poll::poll,
    process::SHUTDOWN,
    resident::{Resident, resident, without_postmaster},
    shared_memory,
};

/// How long the processes of a killed postmaster may take to notice and end by themselves; a busy one does not notice.
const NOTICE_LIMIT: Duration = Duration::from_secs(2);
/// How long they may take when they are told to.
const DETACH_LIMIT: Duration = Duration::from_secs(10);

/// Stops an orphan of ours, and removes a `postmaster.pid` that would keep PostgreSQL from starting because its process
/// id belongs to somebody else by now. The caller holds the lock of the folder.
///
/// Bounded: 40 s for the orphan, 12 s for its processes.
///
/// # Errors
///
/// [`ClusterError::StillRunning`] when an orphan does not end; [`ClusterError::Io`].
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
    if resident(pid, data) == Resident::OurPostmaster {
        stop(pid, data)?;
    }
    let detached = detach(&file, data);
    let stale =
        PidFile::find(data)?.as_ref() == Some(&file) && resident(pid, data) == Resident::Unrelated;
    if detached && stale {
        PidFile::remove(data)?;
    }
    Ok(())
}

fn stop(pid: u32, data: &Path) -> Result<(), ClusterError> {
    tracing::warn!(
        pid,
        "stopping the database server that an earlier process left behind"
    );
    for (signal, limit) in SHUTDOWN {
        send(pid, signal);
        if poll(limit, || resident(pid, data) != Resident::OurPostmaster) {
            return Ok(());
        }
    }
    Err(ClusterError::StillRunning { pid })
}

/// Waits for the processes of a killed postmaster, which would keep the next one from starting. Answers whether none is
/// left.
fn detach(file: &PidFile, data: &Path) -> bool {
    let is_detached = || !file.shared_memory().is_some_and(shared_memory::is_attached);
    if poll(NOTICE_LIMIT, is_detached) {
        return true;
    }
    for pid in without_postmaster(data) {
        tracing::warn!(pid, "ending a process of a database server that was killed");
        send(pid, Signal::QUIT);
    }
    poll(DETACH_LIMIT, is_detached)
}

fn send(pid: u32, signal: Signal) {
    if let Some(process) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
        // It may have ended just now; the next look tells.
        let _gone = kill_process(process, signal);
    }
}
