//! The thread on which everything is sent, and what its tasks share.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, PoisonError, Weak,
        mpsc::{self, RecvTimeoutError},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use flowruns_domain::clock::{Clock, Ids};
use tokio::{
    runtime::{Builder, Handle},
    sync::oneshot,
    task::AbortHandle,
    time::timeout,
};
use tracing::warn;
use uuid::Uuid;

use crate::{
    Error,
    address::{RunAddress, ServerAddress},
    report::{Mailbox, QueueBytes, Step, Tickets, Totals},
    send::Sender,
    spool::Spool,
};

/// The time that is left to write to the spool, after the time for sending has passed.
const GRACE: Duration = Duration::from_secs(5);
/// The time in which the thread of the client executes its commands.
const THREAD_GRACE: Duration = Duration::from_secs(1);

/// What the tasks of a client share.
pub(crate) struct Shared {
    pub(crate) server: ServerAddress,
    pub(crate) sender: Sender,
    pub(crate) spool: Option<Arc<Spool>>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) ids: Arc<dyn Ids>,
    /// The time that a request, and the end of a run, may take with all its attempts.
    pub(crate) deadline: Duration,
    pub(crate) queue: Arc<QueueBytes>,
    pub(crate) tickets: Arc<Tickets>,
    pub(crate) totals: Totals,
    pub(crate) mailboxes: Mutex<Vec<Weak<Mailbox>>>,
}

impl Shared {
    pub(crate) fn next_id(&self) -> Uuid {
        self.ids.next(self.clock.now())
    }

    pub(crate) fn register(&self, mailbox: &Arc<Mailbox>) {
        let mut mailboxes = self.mailboxes.lock().unwrap_or_else(PoisonError::into_inner);
        mailboxes.retain(|mailbox| mailbox.strong_count() > 0);
        mailboxes.push(Arc::downgrade(mailbox));
    }

    /// Waits until everything reported so far is settled. After `within`, ends go to the spool without further attempts. Without a spool
    /// they are given up only when the program ends.
    pub(crate) async fn settle(&self, within: Duration, is_last: bool) {
        let all = self.tickets.settled(|unsettled| unsettled.ends + unsettled.reports > 0);
        if timeout(within, all).await.is_ok() || (self.spool.is_none() && !is_last) {
            return;
        }
        let mailboxes = {
            let mailboxes = self.mailboxes.lock().unwrap_or_else(PoisonError::into_inner);
            mailboxes.iter().filter_map(Weak::upgrade).collect::<Vec<_>>()
        };
        for mailbox in mailboxes {
            mailbox.hurry();
        }
        let ends = self.tickets.settled(|unsettled| unsettled.ends > 0);
        // What is left then is counted as pending.
        let _in_time = timeout(GRACE, ends).await;
    }

    /// Writes what is left of a run to the spool. Returns whether it is there.
    pub(crate) async fn spool(&self, address: RunAddress, steps: VecDeque<Step>) -> bool {
        let Some(spool) = self.spool.clone() else {
            return false;
        };
        let server = self.server.text().to_owned();
        let (id, now) = (self.next_id(), self.clock.now());
        let write = move || spool.write(id, now, &server, address, &steps);
        let written = match tokio::task::spawn_blocking(write).await {
            Ok(written) => written.map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        };
        if let Err(error) = &written {
            warn!(run = %self.server.run(address), %error, "the end of the run could not be spooled");
        }
        written.is_ok()
    }
}

/// Where the tasks of a client run.
pub(crate) struct Worker {
    handle: Handle,
    thread: Option<WorkerThread>,
}

struct WorkerThread {
    /// Stops the thread, which drops what it receives when it ends.
    stop: oneshot::Sender<mpsc::Sender<()>>,
    thread: JoinHandle<()>,
    exit_wait: Duration,
}

impl Worker {
    /// A thread of its own.
    pub(crate) fn start(exit_wait: Duration) -> std::io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel();
        let thread = thread::Builder::new().name("flowruns-client".to_owned());
        let thread = thread.spawn(move || {
            // An error means that the worker was dropped, which stops it too.
            let ending = runtime.block_on(stopped);
            runtime.shutdown_background();
            drop(ending);
        })?;
        Ok(Self { handle, thread: Some(WorkerThread { stop, thread, exit_wait }) })
    }

    /// A runtime of the program.
    pub(crate) const fn on(handle: Handle) -> Self {
        Self { handle, thread: None }
    }

    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        // The task tells its results through channels.
        drop(self.handle.spawn(task));
    }

    /// Runs a future on the worker, from any runtime or none. It ends when the caller stops waiting.
    pub(crate) async fn call<T: Send + 'static>(
        &self,
        call: impl Future<Output = Result<T, Error>> + Send + 'static,
    ) -> Result<T, Error> {
        let task = self.handle.spawn(call);
        let _abort = AbortOnDrop(task.abort_handle());
        task.await.unwrap_or(Err(Error::Closed))
    }

    /// Waits until everything is settled, so that a program may end, and stops the thread. A token provider or a transport that blocks
    /// the thread does not hold up the program for longer than the other waits.
    pub(crate) fn stop(&mut self, shared: &Arc<Shared>) {
        let Some(WorkerThread { stop, thread, exit_wait }) = self.thread.take() else {
            return;
        };
        if thread.thread().id() == thread::current().id() {
            return;
        }
        if shared.tickets.unsettled() != crate::report::Unsettled::default() {
            let (done, settled) = mpsc::channel();
            let shared = Arc::clone(shared);
            self.spawn(async move {
                shared.settle(exit_wait, true).await;
                let _gone = done.send(());
            });
            let _in_time = settled.recv_timeout(exit_wait + GRACE + THREAD_GRACE);
        }
        // The thread ends when it receives this, or has ended.
        let (ending, ended) = mpsc::channel();
        let _sent = stop.send(ending);
        if ended.recv_timeout(THREAD_GRACE) == Err(RecvTimeoutError::Disconnected) {
            let _panicked = thread.join();
        }
    }
}

struct AbortOnDrop(AbortHandle);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}
