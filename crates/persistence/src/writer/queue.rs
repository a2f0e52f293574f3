//! What waits for a task: taken as it is there, without a timer.

use flowruns_admission::Permit;
use flowruns_domain::{StoreError, StoreErrorKind};
use tokio::{
    sync::{mpsc, oneshot, watch},
    time::Instant,
};

/// Something to be written, and who waits for the answer.
#[derive(Debug)]
pub(super) struct Job<W, A> {
    pub(super) work: W,
    /// After this nobody waits for the answer any more.
    pub(super) deadline: Instant,
    answer: oneshot::Sender<Result<A, StoreError>>,
    _permit: Permit,
}

impl<W, A> Job<W, A> {
    /// Answers whoever waits; one who left does not matter, the work is done all the same.
    pub(super) fn answer(self, answer: Result<A, StoreError>) {
        let _nobody_waits = self.answer.send(answer);
    }
}

/// The way to a task.
#[derive(Debug)]
pub(super) struct JobSender<W, A> {
    jobs: mpsc::UnboundedSender<Job<W, A>>,
}

/// A task's side of its queue.
#[derive(Debug)]
pub(super) struct JobReceiver<W, A> {
    jobs: mpsc::UnboundedReceiver<Job<W, A>>,
    closing: watch::Receiver<bool>,
}

/// A queue; each job has a permit, which bounds them. Once `closing` is true it takes no more, and what waits is still taken out.
pub(super) fn queue<W, A>(closing: watch::Receiver<bool>) -> (JobSender<W, A>, JobReceiver<W, A>) {
    let (sender, jobs) = mpsc::unbounded_channel();
    (JobSender { jobs: sender }, JobReceiver { jobs, closing })
}

impl<W, A> JobSender<W, A> {
    /// Hands work to the task and waits for its answer. The work goes on when the caller leaves.
    pub(super) async fn submit(
        &self,
        work: W,
        permit: Permit,
        deadline: Instant,
    ) -> Result<A, StoreError> {
        let (answer, answered) = oneshot::channel();
        let job = Job {
            work,
            deadline,
            answer,
            _permit: permit,
        };
        let unavailable = |cause: &str| StoreError::new(StoreErrorKind::Unavailable, cause);
        if self.jobs.send(job).is_err() {
            return Err(unavailable("the store is closing"));
        }
        match tokio::time::timeout_at(deadline, answered).await {
            Ok(Ok(answer)) => answer,
            // A task that panicked drops its jobs; it is started again without them.
            Ok(Err(dropped)) => Err(StoreError::new(StoreErrorKind::Internal, dropped)),
            Err(_elapsed) => Err(unavailable("it was not written in time")),
        }
    }
}

impl<W, A> JobReceiver<W, A> {
    /// Adds what waits, up to `most` in all.
    pub(super) fn drain(&mut self, jobs: &mut Vec<Job<W, A>>, most: usize) {
        while jobs.len() < most
            && let Ok(job) = self.jobs.try_recv()
        {
            jobs.push(job);
        }
    }

    /// Adds what waits, up to `most` in all; waits for something only when there is nothing yet.
    /// False: nothing is left, and nothing will come.
    pub(super) async fn fill(&mut self, jobs: &mut Vec<Job<W, A>>, most: usize) -> bool {
        if jobs.is_empty() {
            return self.more(jobs, most).await;
        }
        self.drain(jobs, most);
        true
    }

    /// Waits for something, and adds up to `most` of what waits then. False: nothing will come.
    pub(super) async fn more(&mut self, jobs: &mut Vec<Job<W, A>>, most: usize) -> bool {
        loop {
            if self.jobs.is_closed() {
                return self.jobs.recv_many(jobs, most).await > 0;
            }
            tokio::select! {
                biased;
                taken = self.jobs.recv_many(jobs, most) => return taken > 0,
                _ = self.closing.wait_for(|closing| *closing) => self.jobs.close(),
            }
        }
    }
}
