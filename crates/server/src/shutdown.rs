//! Signals: the first one starts the drain, the second one ends the server at once.

use anyhow::Context as _;
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::watch,
};

/// The number of SIGTERM and SIGINT signals since [`Signals::listen`].
pub(crate) struct Signals(watch::Receiver<u32>);

impl Signals {
    pub(crate) fn listen() -> anyhow::Result<Self> {
        let mut terminate =
            signal(SignalKind::terminate()).context("SIGTERM cannot be listened to")?;
        let mut interrupt =
            signal(SignalKind::interrupt()).context("SIGINT cannot be listened to")?;
        let (count, receiver) = watch::channel(0);
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    _ = terminate.recv() => {}
                    _ = interrupt.recv() => {}
                }
                count.send_modify(|count| *count += 1);
            }
        });
        Ok(Self(receiver))
    }

    /// Waits until at least `count` signals have been received.
    pub(crate) async fn reached(&self, count: u32) {
        // The counting task lives as long as the runtime.
        let mut received = self.0.clone();
        let _reached = received.wait_for(|received| *received >= count).await;
    }
}
