//! Renders large pages on another thread than those of requests.

use std::panic::resume_unwind;

use tokio::{sync::Semaphore, task::spawn_blocking};

/// A page of more bytes takes about a millisecond to render and to compress, and is rendered on another thread.
pub(crate) const OFFLOAD_BYTES: usize = 64 * 1024;

/// How many large pages are rendered at once in the process. This is not the limit of the API: a page never delays a report.
static PERMITS: Semaphore = Semaphore::const_new(1);

/// Runs work on the output of about this many bytes: on another thread if that is long, else at once. A panic of the work is a
/// panic of the caller.
pub(crate) async fn offload_if_long<T: Send + 'static>(
    bytes: usize,
    work: impl FnOnce() -> T + Send + 'static,
) -> T {
    if bytes <= OFFLOAD_BYTES {
        return work();
    }
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
