//! Sends what is in the spool.

use std::{fs, io, path::PathBuf, sync::Arc, time::Duration};

use tokio::time::{Instant, sleep};
use tracing::warn;

use super::{
    entry::Entry,
    folder::{Spool, SpoolError},
};
use crate::{Error, report::StepKind, send::Limit, worker::Shared};

/// How often the lock of another process is tried.
const LOCK_INTERVAL: Duration = Duration::from_millis(50);

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
    send_all(&shared, &spool, paths, Limit::at(end)).await
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
    limit: Limit,
) -> Result<SpoolFlushed, SpoolError> {
    let mut flushed = SpoolFlushed::default();
    let mut blocked = None;
    for path in paths {
        let Some(text) = spool.read(&path).map_err(|error| spool.failed(error))? else {
            continue;
        };
        let entry = Entry::read(&text).filter(|entry| entry.server == shared.server.text());
        let Some(entry) = entry else {
            flushed.other += 1;
            continue;
        };
        if spool.is_expired(&entry, shared.clock.now()) {
            warn!(file = %path.display(), "a report in the spool is too old and is removed");
            flushed.expired += 1;
            remove(spool, &path)?;
            continue;
        }
        let address = entry.address().ok();
        if blocked.is_some() && blocked == address {
            flushed.kept += 1;
            continue;
        }
        match deliver(shared, &entry, &limit).await {
            Delivered::Yes => flushed.delivered += 1,
            Delivered::Refused => flushed.refused += 1,
            Delivered::No => {
                flushed.kept += 1;
                blocked = address;
                continue;
            }
        }
        remove(spool, &path)?;
    }
    Ok(flushed)
}

fn remove(spool: &Spool, path: &PathBuf) -> Result<(), SpoolError> {
    fs::remove_file(path).map_err(|error| spool.failed(error))
}

/// Sends the writes of an entry. What was delivered by an earlier attempt is repeated, which is harmless.
async fn deliver(shared: &Shared, entry: &Entry, limit: &Limit) -> Delivered {
    let Ok(address) = entry.address() else {
        return Delivered::Refused;
    };
    for step in entry.steps() {
        let request = step.request(&shared.server, address);
        match shared.sender.send(&request, limit).await {
            Ok(_) => {}
            Err(error) if error.is_temporary() => return Delivered::No,
            // The token may be one of another tenant, which does not see the flow.
            Err(Error::NotFound(refusal)) if refusal.rule.code() == "flowNotFound" => {
                return Delivered::No;
            }
            Err(error) => {
                let run = shared.server.run(address);
                let cause = crate::blocking_error::chain(&error);
                warn!(%run, error = cause, "a report in the spool is refused");
                if step.kind != StepKind::Progress {
                    return Delivered::Refused;
                }
            }
        }
    }
    Delivered::Yes
}
