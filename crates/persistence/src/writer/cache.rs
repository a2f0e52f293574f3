//! Runs as this process wrote them last, so that the next report of a busy run needs no read.
//!
//! Another process may have changed such a run since. So only a change may be decided from here: its write is guarded
//! by the version, and finds out.

use flowruns_domain::{Run, RunKey};
use lru::LruCache;

/// What a run takes beside its JSON, about.
const OVERHEAD: usize = 1024;

/// Runs by key, the least recently used go first.
pub(super) struct Cache {
    runs: LruCache<RunKey, (Run, usize)>,
    bytes: usize,
    most_bytes: usize,
}

impl Cache {
    pub(super) fn new(most_bytes: usize) -> Self {
        Self {
            runs: LruCache::unbounded(),
            bytes: 0,
            most_bytes,
        }
    }

    pub(super) fn keep(&mut self, run: Run) {
        // Parsed JSON takes several times its text.
        let properties = &run.properties;
        let error = properties.blocking_error.as_ref();
        let json = properties.statistics.members().compact_length()
            + error.map_or(0, |error| error.members().compact_length());
        let bytes = OVERHEAD + 4 * json;
        self.take(run.key);
        if bytes > self.most_bytes {
            return;
        }
        self.bytes += bytes;
        self.runs.put(run.key, (run, bytes));
        while self.bytes > self.most_bytes
            && let Some((_, (_, bytes))) = self.runs.pop_lru()
        {
            self.bytes -= bytes;
        }
    }

    /// Takes a run out, if it is there.
    pub(super) fn take(&mut self, key: RunKey) -> Option<Run> {
        let (run, bytes) = self.runs.pop(&key)?;
        self.bytes -= bytes;
        Some(run)
    }
}
