//! The queue of a task. A task receives the jobs that wait at once, without a timer.

use flowruns_admission::Permit;
use flowruns_domain::store::{StoreError, StoreErrorKind};
use tokio::{
    sync::{mpsc, oneshot, watch},
    time::Instant,
};

/// The maximum number of times that a task yields to gather jobs. If none arrives during a yield, it stops.
const MAX_YIELDS: usize = 3;

/// A task that fills its batch and has received at least this number of jobs carries them out at once: a larger statement would hardly
/// cost less for each job, and the database would be idle until the next turn of the task, which is long under load.
const ENOUGH_JOBS: usize = 16;

/// Work for a task, and the channel for its result. Holds its share of the queue's limits until it is dropped.
#[derive(Debug)]
pub(super) struct Job<W, R> {
    pub(super) work: W,
    /// The caller waits for the result until then.
    pub(super) deadline: Instant,
    result: oneshot::Sender<Result<R, StoreError>>,
    _permit: Permit,
}

impl<W, R> Job<W, R> {
    /// Sends the result to the caller. If the caller has gone, the write has still happened.
    pub(super) fn respond(self, result: Result<R, StoreError>) {
        let _caller_has_gone = self.result.send(result);
    }
}

/// The callers' end of a queue.
#[derive(Debug)]
pub(super) struct JobSender<W, R> {
    jobs: mpsc::UnboundedSender<Job<W, R>>,
}

/// The task's end of a queue.
#[derive(Debug)]
pub(super) struct JobReceiver<W, R> {
    jobs: mpsc::UnboundedReceiver<Job<W, R>>,
    closing: watch::Receiver<bool>,
}

/// Creates a queue, which the permits of its jobs bound. Once `closing` is true it rejects new jobs; those that wait are
/// still received.
pub(super) fn queue<W, R>(closing: watch::Receiver<bool>) -> (JobSender<W, R>, JobReceiver<W, R>) {
    let (sender, jobs) = mpsc::unbounded_channel();
    (JobSender { jobs: sender }, JobReceiver { jobs, closing })
}

impl<W, R> JobSender<W, R> {
    /// Sends work to the task, and waits for its result. The work continues if the caller disconnects.
    pub(super) async fn submit(
        &self,
        work: W,
        permit: Permit,
        deadline: Instant,
    ) -> Result<R, StoreError> {
        let (sender, result) = oneshot::channel();
        let job = Job { work, deadline, result: sender, _permit: permit };
        let unavailable = |cause: &str| StoreError::new(StoreErrorKind::Unavailable, cause);
        if self.jobs.send(job).is_err() {
            return Err(unavailable("the store is closing"));
        }
        match tokio::time::timeout_at(deadline, result).await {
            Ok(Ok(result)) => result,
            // A task that panics drops its jobs, and is restarted without them.
            Ok(Err(dropped)) => Err(StoreError::new(StoreErrorKind::Internal, dropped)),
            Err(_elapsed) => Err(unavailable("it was not written in time")),
        }
    }
}

impl<W, R> JobReceiver<W, R> {
    /// Adds the jobs that wait, and those of requests that are about to be carried out, up to `most` in total. Without the turn of
    /// these requests, a statement would often carry out the first job of several that arrived together.
    pub(super) async fn gather(&mut self, jobs: &mut Vec<Job<W, R>>, most: usize) {
        self.drain(jobs, most);
        for _ in 0..MAX_YIELDS {
            let received = jobs.len();
            if received == 0 || received >= most {
                return;
            }
            tokio::task::yield_now().await;
            self.drain(jobs, most);
            if jobs.len() == received {
                return;
            }
        }
    }

    /// Adds the jobs that wait, up to `most` in total.
    fn drain(&mut self, jobs: &mut Vec<Job<W, R>>, most: usize) {
        while jobs.len() < most
            && let Ok(job) = self.jobs.try_recv()
        {
            jobs.push(job);
        }
    }

    /// Waits for a job if `jobs` is empty, then gathers more, unless there are [`ENOUGH_JOBS`]. False: the queue is closed, and no job
    /// is left.
    pub(super) async fn fill(&mut self, jobs: &mut Vec<Job<W, R>>, most: usize) -> bool {
        if jobs.is_empty() && !self.receive(jobs, most).await {
            return false;
        }
        self.drain(jobs, most);
        if jobs.len() < ENOUGH_JOBS {
            self.gather(jobs, most).await;
        }
        true
    }

    /// Waits for a job, and adds up to `most` of those that wait then. False: the queue is closed, and no job is left.
    pub(super) async fn receive(&mut self, jobs: &mut Vec<Job<W, R>>, most: usize) -> bool {
        loop {
            if self.jobs.is_closed() {
                return self.jobs.recv_many(jobs, most).await > 0;
            }
            tokio::select! {
                biased;
                received = self.jobs.recv_many(jobs, most) => return received > 0,
                _ = self.closing.wait_for(|closing| *closing) => self.jobs.close(),
            }
        }
    }
}
