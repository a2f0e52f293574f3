//! Starts children that die with this process.

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

/// What a child inherits of the environment. Nothing else: the secrets of the service are none of its business, and
/// `PG*` and `LC_*` would change what it does.
const INHERITED: [&str; 3] = ["PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"];

/// A command that runs as `account`, writes to the log, has its own process group (so that Ctrl-C in a terminal reaches
/// only us, who drain first), and on Linux gets SIGINT when this process dies: PostgreSQL's fast shutdown.
///
/// # Errors
///
/// [`ClusterError::Io`] when the log cannot be opened.
pub(crate) fn command(
    program: impl AsRef<OsStr>,
    account: Option<&Account>,
    log: &ServerLog,
) -> Result<Command, ClusterError> {
    let mut command = Command::new(program);
    command.env_clear().envs(
        INHERITED
            .iter()
            .filter_map(|name| Some((name, env::var_os(name)?))),
    );
    command.env("LC_ALL", "C").env("TZ", "UTC");
    command.current_dir("/").process_group(0);
    command
        .stdin(Stdio::null())
        .stdout(log.writer()?)
        .stderr(log.writer()?);
    if let Some(account) = account {
        command.uid(account.uid).gid(account.gid);
    }
    die_with_parent(&mut command);
    Ok(command)
}

/// Has the child get SIGINT when this process dies, where the system can do that.
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
        // Had the parent died before the request, no signal would ever come.
        if getppid() == Some(parent) {
            Ok(())
        } else {
            Err(rustix::io::Errno::SRCH.into())
        }
    };
    // SAFETY: the closure runs in the forked child, where only async-signal-safe calls are permitted: it makes two
    // plain system calls, and neither allocates nor takes a lock.
    unsafe { command.pre_exec(ask) };
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn die_with_parent(_: &mut Command) {}

struct Order {
    command: Command,
    answer: mpsc::SyncSender<io::Result<Child>>,
}

/// The way to the thread that starts children. It is never closed, so the thread lives as long as the process.
static ORDERS: Mutex<Option<mpsc::Sender<Order>>> = Mutex::new(None);

/// Starts a child from a thread that lives as long as the process: the parent-death signal is bound to the thread that
/// starts the child, and would come when, for example, a runtime ends an idle thread.
///
/// # Errors
///
/// Those of starting a thread and of [`Command::spawn`].
pub(crate) fn spawn(command: Command) -> io::Result<Child> {
    let (answer, answered) = mpsc::sync_channel(1);
    let gone = || io::Error::other("the thread that starts children has ended");
    orders()?
        .send(Order { command, answer })
        .map_err(|_| gone())?;
    answered.recv().map_err(|_| gone())?
}

fn orders() -> io::Result<mpsc::Sender<Order>> {
    let mut orders = ORDERS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(open) = orders.as_ref() {
        return Ok(open.clone());
    }
    let (sender, receiver) = mpsc::channel::<Order>();
    thread::Builder::new()
        .name("postgres-spawner".to_owned())
        .spawn(move || {
            for mut order in receiver {
                // Who asked waits for the answer, so this cannot fail.
                let _asked = order.answer.send(order.command.spawn());
            }
        })?;
    *orders = Some(sender.clone());
    Ok(sender)
}
