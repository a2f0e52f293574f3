//! A child that runs, and how it is ended.

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

/// Fast shutdown (open transactions are rolled back), then immediate (recovery at the next start), each with how long
/// it may take. PostgreSQL itself kills what is left 5 s after an immediate one.
pub(crate) const SHUTDOWN: [(Signal, Duration); 2] = [
    (Signal::INT, Duration::from_secs(30)),
    (Signal::QUIT, Duration::from_secs(10)),
];

/// How a child ended. The status is unknown when another part of this process waited for it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ended {
    pub(crate) status: Option<ExitStatus>,
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.status {
            Some(status) => status.fmt(f),
            None => f.write_str("exit status unknown"),
        }
    }
}

#[derive(Debug, Default)]
struct State {
    ended: Mutex<Option<Ended>>,
    changed: Condvar,
    stop_requested: AtomicBool,
}

/// A child, watched by a thread of its own. Dropping it stops it.
#[derive(Debug)]
pub(crate) struct Process {
    pid: Pid,
    state: Arc<State>,
}

impl Process {
    /// Starts it.
    ///
    /// # Errors
    ///
    /// Those of starting a thread and a process.
    pub(crate) fn spawn(command: Command) -> io::Result<Self> {
        let state = Arc::new(State::default());
        let watched = Arc::clone(&state);
        let (sender, receiver) = mpsc::channel::<Child>();
        // The thread comes first: if it cannot be started, there is no child to take back.
        thread::Builder::new()
            .name("postgres-watcher".to_owned())
            .spawn(move || {
                if let Ok(child) = receiver.recv() {
                    watched.watch(child);
                }
            })?;
        let child = spawner::spawn(command)?;
        let pid = Pid::from_child(&child);
        sender
            .send(child)
            .map_err(|_| io::Error::other("the thread that watches the child has ended"))?;
        Ok(Self { pid, state })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.pid.as_raw_nonzero().get().unsigned_abs()
    }

    /// How it ended, `None` as long as it runs.
    pub(crate) fn ended(&self) -> Option<Ended> {
        *self.state.lock()
    }

    /// Waits without a bound.
    pub(crate) fn wait(&self) -> Ended {
        let mut ended = self.state.lock();
        loop {
            if let Some(ended) = *ended {
                return ended;
            }
            ended = self
                .state
                .changed
                .wait(ended)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Waits for at most `limit`; `None` when it still runs.
    pub(crate) fn wait_at_most(&self, limit: Duration) -> Option<Ended> {
        let guard = self.state.lock();
        let waited = self
            .state
            .changed
            .wait_timeout_while(guard, limit, |ended| ended.is_none());
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }

    /// Whether [`Process::stop`] was called.
    pub(crate) fn stop_requested(&self) -> bool {
        self.state.stop_requested.load(Ordering::Relaxed)
    }

    /// A fast shutdown, then an immediate one: 40 s at most. Once it has ended, this does nothing.
    ///
    /// # Errors
    ///
    /// [`ClusterError::StillRunning`] when neither helps.
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
                "the child process has not stopped in time"
            );
        }
        Err(ClusterError::StillRunning { pid: self.pid() })
    }

    /// Under the lock, and the child is reaped under it too: so the process id is still the child's.
    fn signal(&self, signal: Signal) {
        let ended = self.state.lock();
        if ended.is_none()
            && let Err(error) = kill_process(self.pid, signal)
        {
            tracing::warn!(pid = self.pid(), %error, "cannot signal the child process");
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Err(error) = self.stop() {
            tracing::error!(%error, "a child process is left behind");
        }
    }
}

impl State {
    fn lock(&self) -> MutexGuard<'_, Option<Ended>> {
        self.ended.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn watch(&self, mut child: Child) {
        let id = WaitId::Pid(Pid::from_child(&child));
        // Whatever the answer, the child is not reaped yet; `wait` below does it, under the lock.
        let _waited = rustix::io::retry_on_intr(|| {
            waitid(id.clone(), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT)
        });
        let mut ended = self.lock();
        *ended = Some(Ended {
            status: child.wait().ok(),
        });
        self.changed.notify_all();
    }
}
