//! A running child process, and how it is stopped.

use std::{
    fmt, io,
    process::{Child, Command, ExitStatus},
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};

use crate::{ClusterError, spawner};

/// Fast shutdown (open transactions are rolled back), then immediate shutdown (recovery at the next start), each with its
/// time limit. PostgreSQL itself kills its remaining processes 5 s after an immediate shutdown.
pub(crate) const SHUTDOWN: [(Signal, Duration); 2] =
    [(Signal::INT, Duration::from_secs(30)), (Signal::QUIT, Duration::from_secs(10))];

/// How a child exited. The status is unknown if another part of this process has already waited for it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ProcessExit {
    pub(crate) status: Option<ExitStatus>,
}

impl fmt::Display for ProcessExit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.status {
            Some(status) => status.fmt(f),
            None => f.write_str("exit status unknown"),
        }
    }
}

#[derive(Debug, Default)]
struct ProcessState {
    exit: Mutex<Option<ProcessExit>>,
    changed: Condvar,
    stop_requested: AtomicBool,
}

/// A child process. A thread waits for its exit. Dropping this stops the child.
#[derive(Debug)]
pub(crate) struct Process {
    pid: Pid,
    state: Arc<ProcessState>,
}

impl Process {
    /// # Errors
    ///
    /// The errors of starting a thread and a process.
    pub(crate) fn spawn(command: Command) -> io::Result<Self> {
        let state = Arc::new(ProcessState::default());
        let watched = Arc::clone(&state);
        let (sender, receiver) = mpsc::channel::<Child>();
        // The thread is started first: if that fails, no child must be stopped.
        thread::Builder::new().name("postgres-waiter".to_owned()).spawn(move || {
            if let Ok(child) = receiver.recv() {
                watched.watch(child);
            }
        })?;
        let child = spawner::spawn(command)?;
        let pid = Pid::from_child(&child);
        sender
            .send(child)
            .map_err(|_| io::Error::other("the thread that waits for the child has ended"))?;
        Ok(Self { pid, state })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.pid.as_raw_nonzero().get().unsigned_abs()
    }

    /// `None` while the child runs.
    pub(crate) fn exit(&self) -> Option<ProcessExit> {
        *self.state.lock()
    }

    /// Waits without a time limit.
    pub(crate) fn wait(&self) -> ProcessExit {
        let mut exit = self.state.lock();
        loop {
            if let Some(exit) = *exit {
                return exit;
            }
            exit = self.state.changed.wait(exit).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Waits for at most `limit`; `None` if the child still runs.
    pub(crate) fn wait_at_most(&self, limit: Duration) -> Option<ProcessExit> {
        let guard = self.state.lock();
        let waited = self.state.changed.wait_timeout_while(guard, limit, |exit| exit.is_none());
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }

    /// Whether [`Process::stop`] was called.
    pub(crate) fn stop_requested(&self) -> bool {
        self.state.stop_requested.load(Ordering::Relaxed)
    }

    /// A fast shutdown, then an immediate one: at most 40 s. Does nothing after the child has exited.
    ///
    /// # Errors
    ///
    /// [`ClusterError::StillRunning`] if the child runs after both.
    pub(crate) fn stop(&self) -> Result<(), ClusterError> {
        self.state.stop_requested.store(true, Ordering::Relaxed);
        for (signal, limit) in SHUTDOWN {
            self.signal(signal);
            if self.wait_at_most(limit).is_some() {
                return Ok(());
            }
            tracing::warn!(
                pid = self.pid(),
                seconds = limit.as_secs(),
                "the child process has not exited within the time limit"
            );
        }
        Err(ClusterError::StillRunning { pid: self.pid() })
    }

    /// The child is reaped under the same lock, so the process id still belongs to the child.
    fn signal(&self, signal: Signal) {
        let exit = self.state.lock();
        if exit.is_none()
            && let Err(error) = kill_process(self.pid, signal)
        {
            tracing::warn!(pid = self.pid(), %error, "cannot signal the child process");
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Err(error) = self.stop() {
            tracing::error!(%error, "a child process was not stopped");
        }
    }
}

impl ProcessState {
    fn lock(&self) -> MutexGuard<'_, Option<ProcessExit>> {
        self.exit.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn watch(&self, mut child: Child) {
        let id = WaitId::Pid(Pid::from_child(&child));
        // In any case the child is not reaped yet: `wait` below does that, under the lock.
        let _waited = rustix::io::retry_on_intr(|| {
            waitid(id.clone(), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT)
        });
        let mut exit = self.lock();
        *exit = Some(ProcessExit { status: child.wait().ok() });
        self.changed.notify_all();
    }
}
