//! Sends what is in the spool.

use std::{collections::VecDeque, fs, io, path::PathBuf, sync::Arc, time::Duration};

use tokio::time::{Instant, sleep};
use tracing::warn;

use super::{
    entry::Entry,
    folder::{Spool, SpoolError},
};
use crate::{
    Error, RunAddress,
    blocking_error::error_chain,
    report::{Fallback, Step, StepKind, fallback},
    send::Limit,
    worker::Shared,
};

/// How often the lock of another process is tried.
const LOCK_INTERVAL: Duration = Duration::from_millis(50);
/// With less time than this no entry is sent any more.
const LEAST: Duration = Duration::from_millis(10);

/// What became of the entries of the spool.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct SpoolFlushed {
    /// Delivered and removed.
    pub delivered: usize,
    /// Refused by the server, because they contradict what is stored, and removed. The log names each.
    pub refused: usize,
    /// Kept: the server is away, or does not allow it.
    pub kept: usize,
    /// Kept: for another server, or not readable by this version.
    pub other: usize,
    /// Older than seven days, and removed.
    pub expired: usize,
}

enum Delivered {
    Yes,
    Refused,
    No,
    /// It is too old to be sent.
    Expired,
    /// It is for another server.
    Other,
}

/// Sends the entries for this server, those of a run in order. One process at a time sends; another one waits for it.
pub(crate) async fn flush(
    shared: Arc<Shared>,
    within: Duration,
) -> Result<SpoolFlushed, SpoolError> {
    let Some(spool) = shared.spool.clone() else {
        return Ok(SpoolFlushed::default());
    };
    let end = Instant::now() + within;
    spool.check_permissions()?;
    if list(&spool).await?.is_empty() {
        return Ok(SpoolFlushed::default());
    }
    let lock = loop {
        match spool.try_lock_for_flush().map_err(|error| spool.failed(error))? {
            Some(lock) => break Some(lock),
            None if Instant::now() >= end => break None,
            None => sleep(LOCK_INTERVAL).await,
        }
    };
    let paths = list(&spool).await?;
    if lock.is_none() {
        return Ok(SpoolFlushed { kept: paths.len(), ..SpoolFlushed::default() });
    }
    send_all(&shared, &spool, paths, end).await
}

async fn list(spool: &Arc<Spool>) -> Result<Vec<PathBuf>, SpoolError> {
    let listed = Arc::clone(spool);
    let listed = tokio::task::spawn_blocking(move || listed.list()).await;
    let listed = listed.map_err(io::Error::other).flatten();
    listed.map_err(|error| spool.failed(error))
}

async fn send_all(
    shared: &Shared,
    spool: &Spool,
    paths: Vec<PathBuf>,
    end: Instant,
) -> Result<SpoolFlushed, SpoolError> {
    let mut flushed = SpoolFlushed::default();
    let mut blocked = None;
    for path in paths {
        let Some(text) = spool.read(&path).map_err(|error| spool.failed(error))? else {
            continue;
        };
        let Some(entry) = Entry::read(&text) else {
            flushed.other += 1;
            continue;
        };
        match send_in_order(shared, spool, &entry, end, &mut blocked).await {
            Delivered::Yes => flushed.delivered += 1,
            Delivered::Refused => flushed.refused += 1,
            Delivered::Expired => {
                warn!(file = %path.display(), "a report in the spool is too old and is removed");
                flushed.expired += 1;
            }
            Delivered::No => {
                flushed.kept += 1;
                continue;
            }
            Delivered::Other => {
                flushed.other += 1;
                continue;
            }
        }
        remove(spool, &path)?;
    }
    Ok(flushed)
}

/// Sends an entry for this server, unless an earlier one of the same run was kept.
async fn send_in_order(
    shared: &Shared,
    spool: &Spool,
    entry: &Entry,
    end: Instant,
    blocked: &mut Option<RunAddress>,
) -> Delivered {
    if spool.is_expired(entry, shared.clock.now()) {
        return Delivered::Expired;
    }
    if entry.server != shared.server.text() {
        return Delivered::Other;
    }
    let Ok(address) = entry.address() else {
        return Delivered::Refused;
    };
    let left = end.saturating_duration_since(Instant::now());
    if left < LEAST || *blocked == Some(address) {
        return Delivered::No;
    }
    // Half of the time for each, so that one that the server cannot answer leaves time for those that follow.
    let limit = Limit::at(Instant::now() + left / 2);
    let delivered = deliver(shared, entry, address, &limit).await;
    if matches!(delivered, Delivered::No) {
        *blocked = Some(address);
    }
    delivered
}

/// Removes an entry. Another process may have removed it because it is too old.
fn remove(spool: &Spool, path: &PathBuf) -> Result<(), SpoolError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(spool.failed(error)),
        _ => Ok(()),
    }
}

/// Sends the writes of an entry. What was delivered by an earlier attempt is repeated, which is harmless.
async fn deliver(shared: &Shared, entry: &Entry, address: RunAddress, limit: &Limit) -> Delivered {
    let send = async |step: &Step| {
        let request = step.request(&shared.server, address);
        let answer = shared.sender.send(&request, limit).await?;
        step.check(&answer, address)
    };
    let mut steps: VecDeque<_> = entry.steps().collect();
    while let Some(step) = steps.pop_front() {
        let Err(error) = send(&step).await else {
            continue;
        };
        if error.is_temporary() || is_of_another_tenant(&error) {
            return Delivered::No;
        }
        match fallback(&step, &error, shared.next_id()) {
            Some(Fallback::SameOutcome(instead)) => {
                steps.push_front(instead);
                continue;
            }
            Some(Fallback::Failed(instead))
                if send(&instead).await.is_err_and(|error| error.is_temporary()) =>
            {
                return Delivered::No;
            }
            _ => {}
        }
        let run = shared.server.run(address);
        warn!(%run, error = error_chain(&error), "a report in the spool is refused");
        if step.kind != StepKind::Progress {
            return Delivered::Refused;
        }
    }
    Delivered::Yes
}

/// The token may be one of another tenant, which does not see the flow.
fn is_of_another_tenant(error: &Error) -> bool {
    matches!(error, Error::NotFound(refusal) if refusal.rule.code() == "flowNotFound")
}
