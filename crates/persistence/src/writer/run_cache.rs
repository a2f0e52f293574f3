//! Runs as this process wrote them last, so that the next report of a busy run needs no read.
//!
//! Another process may have changed such a run since. So only a change may be decided from here: its write is guarded
//! by the version, and finds out. The guard holds only against the server that the run was written on: after a restore or
//! a failover that lost commits, a version may stand for other content. So nothing is kept beyond a generation of sessions.

use flowruns_domain::{Run, RunKey};
use lru::LruCache;

/// What a run takes beside its JSON, about.
const OVERHEAD: usize = 1024;

/// Runs by key, the least recently used go first.
pub(super) struct RunCache {
    runs: LruCache<RunKey, (Run, usize)>,
    bytes: usize,
    most_bytes: usize,
    /// The generation of sessions in which all of them were written.
    generation: u64,
}

impl RunCache {
    pub(super) fn new(most_bytes: usize) -> Self {
        Self {
            runs: LruCache::unbounded(),
            bytes: 0,
            most_bytes,
            generation: 0,
        }
    }

    /// Drops everything that was written in another generation than the current one.
    pub(super) fn renew(&mut self, current: u64) {
        if self.generation != current {
            self.generation = current;
            self.runs.clear();
            self.bytes = 0;
        }
    }

    /// The generation of what is kept.
    pub(super) const fn generation(&self) -> u64 {
        self.generation
    }

    /// Keeps a run that was written in this generation, unless it is over.
    pub(super) fn keep(&mut self, run: Run, generation: u64) {
        if generation != self.generation {
            return;
        }
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
