//! Runs CPU-heavy work on other threads than those of requests.

use std::panic::resume_unwind;

use tokio::{sync::Semaphore, task::spawn_blocking};

/// A limit of the work that runs at once on other threads than those of requests. More work waits, so that it leaves the
/// processors to the threads of other requests.
///
/// ```
/// use flowruns_http::Offload;
///
/// static OFFLOAD: Offload = Offload::new(1);
///
/// # tokio::runtime::Runtime::new()?.block_on(async {
/// let input = "0".repeat(2 * Offload::LONG_BYTES);
/// let zeros = OFFLOAD.run_if_long(input.len(), move || input.matches('0').count()).await;
/// assert_eq!(zeros, 2 * Offload::LONG_BYTES);
/// # });
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Offload {
    permits: Semaphore,
}

impl Offload {
    /// Work on more input or output than this, in bytes, is long. Shorter work needs about a millisecond at most, and a change of
    /// threads would cost more than it saves.
    pub const LONG_BYTES: usize = 64 * 1024;

    /// Runs at most `work_at_once` pieces of work at a time. With 0 no work would begin.
    pub const fn new(work_at_once: usize) -> Self {
        Self { permits: Semaphore::const_new(work_at_once) }
    }

    /// Runs work on a thread of its own, and returns its result. A panic of the work is a panic of the caller.
    ///
    /// Work that has begun is completed, also when the caller is dropped. The values that the work owns are dropped on that
    /// thread, so return only a small result.
    pub async fn run<T: Send + 'static>(
        &'static self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> T {
        // The semaphore is never closed.
        let permit = self.permits.acquire().await.ok();
        let done = spawn_blocking(move || {
            let _permit = permit;
            work()
        });
        match done.await {
            Ok(result) => result,
            Err(failed) => match failed.try_into_panic() {
                Ok(panic) => resume_unwind(panic),
                // The runtime is shut down, and the caller with it.
                Err(_cancelled) => std::future::pending().await,
            },
        }
    }

    /// Runs work on an input or output of this many bytes: as [`run`](Self::run) if it is [long](Self::LONG_BYTES), else at once.
    pub async fn run_if_long<T: Send + 'static>(
        &'static self,
        bytes: usize,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> T {
        match bytes > Self::LONG_BYTES {
            true => self.run(work).await,
            false => work(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::mpsc, thread, time::Duration};

    use tokio::sync::oneshot;

    use super::*;

    static OFFLOAD: Offload = Offload::new(1);

    #[tokio::test]
    async fn work_on_long_input_runs_on_another_thread_and_on_short_input_on_this_one() {
        let this = thread::current().id();
        let worker = |bytes| OFFLOAD.run_if_long(bytes, || thread::current().id());
        assert_eq!(worker(Offload::LONG_BYTES).await, this);
        assert_ne!(worker(Offload::LONG_BYTES + 1).await, this);
    }

    #[tokio::test]
    async fn a_panic_of_the_work_is_a_panic_of_the_caller_and_returns_its_permit() {
        for _ in 0..5 {
            let caller = tokio::spawn(OFFLOAD.run(|| panic!("the work failed")));
            let failed: tokio::task::JoinError = caller.await.unwrap_err();
            let panic = failed.into_panic();
            assert_eq!(panic.downcast_ref(), Some(&"the work failed"));
        }
    }

    #[tokio::test]
    async fn other_tasks_run_while_work_blocks_its_thread() {
        // A limit of its own, since the work blocks until the test goes on.
        static BLOCKED: Offload = Offload::new(1);
        let (sender, receiver) = mpsc::channel();
        let (begin, begun) = oneshot::channel();
        let work = tokio::spawn(BLOCKED.run(move || {
            begin.send(()).unwrap();
            // A failure of this test ends.
            receiver.recv_timeout(Duration::from_secs(30))
        }));
        begun.await.unwrap();
        // On the only worker thread: it runs although the work has not ended.
        sender.send(7).unwrap();
        assert_eq!(work.await.unwrap(), Ok(7));
    }
}
