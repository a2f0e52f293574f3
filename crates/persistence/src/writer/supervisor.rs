//! A task that panics is started again: what it held is answered as a failure, what waits goes on.

use std::sync::Arc;

use tokio::{sync::Mutex, task::JoinHandle};

use crate::meter;

/// What works until nothing is left and nothing will come.
pub(super) trait Task: Send + 'static {
    /// Works; may be called again after a panic.
    fn run(&mut self) -> impl Future<Output = ()> + Send;
}

/// Runs a task to its end, however often it panics.
pub(super) fn supervised(task: impl Task) -> JoinHandle<()> {
    let task = Arc::new(Mutex::new(task));
    tokio::spawn(async move {
        loop {
            let attempt = Arc::clone(&task);
            let ended = tokio::spawn(async move { attempt.lock().await.run().await }).await;
            match ended {
                Err(panic) if panic.is_panic() => {
                    meter::panicked();
                    tracing::error!(%panic, "a writer panicked; it is started again");
                }
                _ => return,
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Panics twice, then ends.
    struct Frail(Arc<std::sync::Mutex<u32>>);

    impl Task for Frail {
        async fn run(&mut self) {
            let attempt = {
                let mut attempts = self.0.lock().unwrap();
                *attempts += 1;
                *attempts
            };
            assert!(attempt > 2, "frail");
        }
    }

    #[tokio::test]
    async fn a_task_that_panics_is_started_again() {
        let attempts = Arc::default();
        supervised(Frail(Arc::clone(&attempts))).await.unwrap();
        assert_eq!(*attempts.lock().unwrap(), 3);
    }
}
