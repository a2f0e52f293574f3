//! Runs CPU-heavy work on other threads than those of requests.

use std::{panic::resume_unwind, sync::LazyLock, thread::available_parallelism};

use tokio::{sync::Semaphore, task::spawn_blocking};

/// Work on a longer input, in bytes, is offloaded. Work on a shorter one needs less than a millisecond, and a change of threads
/// would cost more than it saves.
pub(crate) const OFFLOAD_BYTES: usize = 64 * 1024;

/// How much work runs at once in the process: on a quarter of the cores, but at least one. More work waits, so that it leaves
/// the processors to the threads of other requests, which by default are half as many as there are cores.
static PERMITS: LazyLock<Semaphore> = LazyLock::new(|| {
    let cores = available_parallelism().map_or(1, usize::from);
    Semaphore::new((cores / 4).max(1))
});

/// Runs CPU-heavy work on a thread of its own, and returns its result. A panic of the work is a panic of the caller.
///
/// Work that has begun is completed, also when the caller is dropped. The values that the work owns are dropped on that
/// thread, so return only a small result.
pub(crate) async fn offload<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    // The semaphore is never closed.
    let permit = PERMITS.acquire().await.ok();
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

/// Runs work on an input of this many bytes: offloaded when the input is long, else at once.
pub(crate) async fn offload_if_long<T: Send + 'static>(
    bytes: usize,
    work: impl FnOnce() -> T + Send + 'static,
) -> T {
    match bytes > OFFLOAD_BYTES {
        true => offload(work).await,
        false => work(),
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::{Arc, mpsc},
        thread,
    };

    use super::*;

    #[tokio::test]
    async fn work_on_long_input_runs_on_another_thread_and_on_short_input_on_this_one() {
        let this = thread::current().id();
        let worker = |bytes| offload_if_long(bytes, || thread::current().id());
        assert_eq!(worker(OFFLOAD_BYTES).await, this);
        assert_ne!(worker(OFFLOAD_BYTES + 1).await, this);
    }

    #[tokio::test]
    async fn a_panic_of_the_work_is_a_panic_of_the_caller_and_returns_its_permit() {
        for _ in 0..5 {
            let caller = tokio::spawn(offload(|| panic!("the work failed")));
            let failed: tokio::task::JoinError = caller.await.unwrap_err();
            let panic = failed.into_panic();
            assert_eq!(panic.downcast_ref(), Some(&"the work failed"));
        }
    }

    #[tokio::test]
    async fn other_tasks_run_while_work_blocks_its_thread() {
        let (sender, receiver) = mpsc::channel();
        let work = tokio::spawn(offload(move || receiver.recv()));
        tokio::task::yield_now().await;
        // On the only worker thread: it runs although the work has not ended.
        sender.send(Arc::new(7)).unwrap();
        assert_eq!(work.await.unwrap().as_deref(), Ok(&7));
    }
}
