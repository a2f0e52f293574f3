//! Starts child processes that end when this process dies.

use std::{
    env,
    ffi::OsStr,
    io,
    os::unix::process::CommandExt,
    process::{Child, Command, Stdio},
    sync::{Mutex, PoisonError, mpsc},
    thread,
};

use crate::{ClusterError, account::Account, log::ServerLog};

/// The only environment variables that a child inherits: others may contain secrets of the service, and `PG*` and `LC_*`
/// would change its behaviour.
const INHERITED: [&str; 3] = ["PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"];

/// A command that runs as `account`, writes to the log, and has its own process group, so that Ctrl-C in a terminal
/// reaches only this process, which drains first. On Linux the child gets SIGINT when this process dies, which is
/// PostgreSQL's fast shutdown.
///
/// # Errors
///
/// [`ClusterError::Io`] if the log cannot be opened.
pub(crate) fn command(
    program: impl AsRef<OsStr>,
    account: Option<&Account>,
    log: &ServerLog,
) -> Result<Command, ClusterError> {
    let mut command = Command::new(program);
    command.env_clear().envs(INHERITED.iter().filter_map(|name| Some((name, env::var_os(name)?))));
    command.env("LC_ALL", "C").env("TZ", "UTC");
    command.current_dir("/").process_group(0);
    command.stdin(Stdio::null()).stdout(log.writer()?).stderr(log.writer()?);
    if let Some(account) = account {
        command.uid(account.uid).gid(account.gid);
    }
    die_with_parent(&mut command);
    Ok(command)
}

/// On Linux, requests a SIGINT for the child when this process dies.
#[cfg(target_os = "linux")]
#[expect(
    unsafe_code,
    reason = "only between fork and exec can a child ask for a signal at its parent's death"
)]
pub(crate) fn die_with_parent(command: &mut Command) {
    use rustix::process::{Signal, getpid, getppid, set_parent_process_death_signal};

    let parent = getpid();
    let ask = move || {
        set_parent_process_death_signal(Some(Signal::INT))?;
        // If the parent died before the request, the signal would never be sent.
        if getppid() == Some(parent) { Ok(()) } else { Err(rustix::io::Errno::SRCH.into()) }
    };
    // SAFETY: the closure runs in the forked child, where only async-signal-safe calls are permitted: it makes two
    // plain system calls, and neither allocates nor takes a lock.
    unsafe { command.pre_exec(ask) };
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn die_with_parent(_: &mut Command) {}

struct SpawnRequest {
    command: Command,
    result: mpsc::SyncSender<io::Result<Child>>,
}

/// The channel to the thread that starts children. It is never closed, so the thread runs until the process exits.
static SPAWNER: Mutex<Option<mpsc::Sender<SpawnRequest>>> = Mutex::new(None);

/// Starts a child from a thread that runs until this process exits. The parent-death signal is bound to the thread that
/// starts the child: from another thread it could be sent early, for example when a runtime ends an idle thread.
///
/// # Errors
///
/// The errors of starting a thread and of [`Command::spawn`].
pub(crate) fn spawn(command: Command) -> io::Result<Child> {
    let (result, receiver) = mpsc::sync_channel(1);
    let gone = || io::Error::other("the thread that starts children has ended");
    spawner()?.send(SpawnRequest { command, result }).map_err(|_| gone())?;
    receiver.recv().map_err(|_| gone())?
}

fn spawner() -> io::Result<mpsc::Sender<SpawnRequest>> {
    let mut spawner = SPAWNER.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(open) = spawner.as_ref() {
        return Ok(open.clone());
    }
    let (sender, receiver) = mpsc::channel::<SpawnRequest>();
    thread::Builder::new().name("postgres-spawner".to_owned()).spawn(move || {
        for mut request in receiver {
            // The caller waits for the result, so this cannot fail.
            let _received = request.result.send(request.command.spawn());
        }
    })?;
    *spawner = Some(sender.clone());
    Ok(sender)
}
