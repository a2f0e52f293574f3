//! Runs as this process last wrote them, so that the next report of a busy run needs no read.
//!
//! Another process may have changed such a run since. So only a change may be decided on the cache: its write requires
//! the version, and does nothing if the row has another one. That holds only on the server on which the run was written:
//! after a restore, or a failover that lost commits, a version may have other content. So nothing is kept beyond a
//! generation of connections.

use flowruns_domain::{id::RunKey, run::Run};
use lru::LruCache;

/// About the size of a run in memory without its JSON, in bytes.
const OVERHEAD: usize = 1024;
/// About the size of parsed JSON in memory, as a multiple of its text.
const PARSED_SIZE: usize = 4;

/// Runs by key; the least recently used are removed first.
pub(super) struct RunCache {
    /// Each with its size in bytes.
    runs: LruCache<RunKey, (Run, usize)>,
    bytes: usize,
    most_bytes: usize,
    /// The generation of connections in which all of them were written.
    generation: u64,
}

impl RunCache {
    pub(super) fn new(most_bytes: usize) -> Self {
        Self { runs: LruCache::unbounded(), bytes: 0, most_bytes, generation: 0 }
    }

    /// Removes everything that was written in another generation than the current one.
    pub(super) fn renew(&mut self, current: u64) {
        if self.generation != current {
            self.generation = current;
            self.runs.clear();
            self.bytes = 0;
        }
    }

    /// The generation of the cached runs.
    pub(super) const fn generation(&self) -> u64 {
        self.generation
    }

    /// Adds a run, unless it was written in another generation or is larger than the cache.
    pub(super) fn keep(&mut self, run: Run, generation: u64) {
        if generation != self.generation {
            return;
        }
        let properties = &run.properties;
        let error = properties.blocking_error.as_ref();
        let error = error.map_or(0, |error| PARSED_SIZE * error.members().compact_length());
        let bytes = OVERHEAD + properties.statistics.text().len() + error;
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

    /// Removes a run and returns it.
    pub(super) fn take(&mut self, key: RunKey) -> Option<Run> {
        let (run, bytes) = self.runs.pop(&key)?;
        self.bytes -= bytes;
        Some(run)
    }
}
