//! Ctrl-C and SIGTERM end a measurement as an error does, so that its processes end and its folder is removed.

use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::bail;
use tokio::{
    runtime::Runtime,
    signal::unix::{SignalKind, signal},
    sync::Notify,
};

static INTERRUPTED: AtomicBool = AtomicBool::new(false);
static NOTICE: Notify = Notify::const_new();

/// Listens from now on.
pub(crate) fn listen(runtime: &Runtime) -> anyhow::Result<()> {
    let _context = runtime.enter();
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    runtime.spawn(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        INTERRUPTED.store(true, Ordering::Relaxed);
        // The permit stays for the next caller.
        NOTICE.notify_one();
    });
    Ok(())
}

/// An error once a signal has come.
pub(crate) fn check() -> anyhow::Result<()> {
    if INTERRUPTED.load(Ordering::Relaxed) {
        bail!("interrupted by a signal");
    }
    Ok(())
}

/// The result of some work, or an error as soon as a signal comes.
pub(crate) async fn or<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    check()?;
    tokio::select! {
        result = work => result,
        () = NOTICE.notified() => bail!("interrupted by a signal"),
    }
}
