//! Signals: the first asks for a drain, the second ends at once.

use anyhow::Context as _;
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::watch,
};

/// How many of SIGTERM and SIGINT have come since [`Signals::listen`].
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

    /// Waits until so many have come.
    pub(crate) async fn reached(&self, count: u32) {
        // The counting task lives as long as the runtime.
        let mut come = self.0.clone();
        let _reached = come.wait_for(|come| *come >= count).await;
    }
}
