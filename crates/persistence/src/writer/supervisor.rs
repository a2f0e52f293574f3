//! Restarts a task that panics. The jobs that it held fail; those in its queue are carried out.

use std::sync::Arc;

use tokio::{sync::Mutex, task::JoinHandle};

use crate::meter;

/// A loop over a queue, which ends when the queue is closed and empty.
pub(super) trait Task: Send + 'static {
    /// Runs the loop; is called again after a panic.
    fn run(&mut self) -> impl Future<Output = ()> + Send;
}

/// Runs a task until it ends without a panic.
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

    struct PanicsTwice(Arc<std::sync::Mutex<u32>>);

    impl Task for PanicsTwice {
        async fn run(&mut self) {
            let attempt = {
                let mut attempts = self.0.lock().unwrap();
                *attempts += 1;
                *attempts
            };
            assert!(attempt > 2, "attempt {attempt}");
        }
    }

    #[tokio::test]
    async fn a_task_that_panics_is_started_again() {
        let attempts = Arc::default();
        supervised(PanicsTwice(Arc::clone(&attempts))).await.unwrap();
        assert_eq!(*attempts.lock().unwrap(), 3);
    }
}
