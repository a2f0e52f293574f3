//! The time by which a request must be done. It can be set while the request is being sent.

use std::future::pending;

use tokio::{
    select,
    sync::watch,
    time::{Instant, sleep_until},
};

/// A deadline that may not be known yet.
#[derive(Clone, Debug)]
pub(crate) struct Limit(watch::Receiver<Option<Instant>>);

/// Sets the deadline of a [`Limit`].
#[derive(Clone, Debug)]
pub(crate) struct LimitSetter(watch::Sender<Option<Instant>>);

impl LimitSetter {
    pub(crate) fn new() -> Self {
        Self(watch::Sender::new(None))
    }

    pub(crate) fn limit(&self) -> Limit {
        Limit(self.0.subscribe())
    }

    pub(crate) fn set(&self, at: Instant) {
        self.0.send_replace(Some(at));
    }
}

impl Limit {
    /// A deadline that does not change.
    pub(crate) fn at(at: Instant) -> Self {
        Self(watch::Sender::new(Some(at)).subscribe())
    }

    pub(crate) fn get(&self) -> Option<Instant> {
        *self.0.borrow()
    }

    /// Waits until the deadline has passed.
    pub(crate) async fn passed(&self) {
        let mut deadline = self.0.clone();
        loop {
            let at = *deadline.borrow_and_update();
            let wait = async {
                match at {
                    Some(at) => sleep_until(at).await,
                    None => pending().await,
                }
            };
            select! {
                () = wait => return,
                changed = deadline.changed() => {
                    if changed.is_err() {
                        // The setter is gone: the deadline does not change any more.
                        return match at {
                            Some(at) => sleep_until(at).await,
                            None => pending().await,
                        };
                    }
                }
            }
        }
    }
}
