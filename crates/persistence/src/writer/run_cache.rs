//! Runs as this process last wrote them, so that the next report of such a run needs no read.
//!
//! The cache only proposes. Another process may have changed a run since, so only a change may be decided on it: its write
//! requires the version and the time of the last change, and does nothing if the row has others. A version says nothing about
//! another server: after a restore, or a failover that lost commits, it may have other content. So nothing is kept beyond a
//! generation of connections.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use flowruns_domain::{
    id::RunKey,
    run::{Run, RunProperties},
    version::Version,
};
use lru::LruCache;

use crate::meter::CacheMeter;

/// About the size of a run in the cache without its texts, in bytes: the run and its entry (256), its place in the table (30), and
/// what the allocator adds to each text.
const OVERHEAD: usize = 352;
/// About the size of parsed JSON in memory, as a multiple of its text.
const PARSED_SIZE: usize = 4;

/// The cache of a store, which its tasks share.
#[derive(Clone)]
pub(super) struct RunCache(Arc<SharedCache>);

struct SharedCache {
    content: Mutex<Content>,
    meter: CacheMeter,
}

struct Content {
    /// The least recently written are removed first. Each with its size in bytes.
    runs: LruCache<RunKey, (Run, usize)>,
    bytes: usize,
    max_bytes: usize,
    /// The generation of connections in which all of them were written.
    generation: u64,
    checks: VersionChecks,
}

/// The cached state of a run. A lookup removes the entry; the write of the next change inserts it again.
pub(super) enum CacheLookup {
    /// A run on which a change may be decided.
    Proposal(Run),
    /// A version on which nothing may be decided now, since too many others were outdated. It is compared with the row.
    Withheld(Version),
    Absent,
}

/// How many of the last cached versions that were compared with their rows were outdated: other processes write the same runs.
#[derive(Default)]
struct VersionChecks {
    compared: u32,
    outdated: u32,
}

impl VersionChecks {
    /// With fewer the share is not meaningful.
    const MIN_COMPARED: u32 = 32;
    /// At this number both are halved, so that older ones count less and less.
    const MAX_COMPARED: u32 = 512;

    fn count(&mut self, is_current: bool) {
        if self.compared >= Self::MAX_COMPARED {
            self.compared /= 2;
            self.outdated /= 2;
        }
        self.compared += 1;
        self.outdated += u32::from(!is_current);
    }

    /// Whether more than a quarter were outdated. Then a read costs less than a write that is not carried out.
    const fn are_unreliable(&self) -> bool {
        self.compared >= Self::MIN_COMPARED && 4 * self.outdated > self.compared
    }
}

impl RunCache {
    /// A cache of at most this size in bytes; 0 keeps nothing.
    pub(super) fn new(max_bytes: usize, meter: CacheMeter) -> Self {
        let content = Content {
            runs: LruCache::unbounded(),
            bytes: 0,
            max_bytes,
            generation: 0,
            checks: VersionChecks::default(),
        };
        Self(Arc::new(SharedCache { content: Mutex::new(content), meter }))
    }

    /// Takes a run that was written in the current generation of connections.
    pub(super) fn look_up(&self, key: RunKey, current: u64) -> CacheLookup {
        let mut content = self.content();
        content.renew(current);
        let found = match content.remove(key) {
            Some(run) if content.checks.are_unreliable() => CacheLookup::Withheld(run.version),
            Some(run) => CacheLookup::Proposal(run),
            None => CacheLookup::Absent,
        };
        self.0.meter.size(content.bytes);
        found
    }

    /// Adds runs as they were written in a generation of connections.
    pub(super) fn keep(&self, runs: impl IntoIterator<Item = Run>, generation: u64) {
        let mut content = self.content();
        content.renew(generation);
        if content.generation == generation {
            runs.into_iter().for_each(|run| content.keep(run));
        }
        self.0.meter.size(content.bytes);
    }

    /// For the metrics: the reports of a run were decided on the cache, or the run is read.
    pub(super) fn count_use(&self, is_hit: bool) {
        match is_hit {
            true => self.0.meter.hit(),
            false => self.0.meter.missed(),
        }
    }

    /// A version from the cache was still that of the row, or was not.
    pub(super) fn record_version_check(&self, is_current: bool) {
        self.content().checks.count(is_current);
        if !is_current {
            self.0.meter.outdated();
        }
    }

    fn content(&self) -> MutexGuard<'_, Content> {
        // No code that holds the guard can panic.
        self.0.content.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Content {
    /// Removes everything that was written before this generation.
    fn renew(&mut self, generation: u64) {
        if self.generation < generation {
            self.generation = generation;
            self.runs.clear();
            self.bytes = 0;
        }
    }

    fn keep(&mut self, run: Run) {
        // A report may have been faster than the task that created its run.
        if self.runs.peek(&run.key).is_some_and(|(kept, _)| kept.version > run.version) {
            return;
        }
        self.remove(run.key);
        let bytes = size(&run);
        if bytes > self.max_bytes {
            return;
        }
        self.bytes += bytes;
        self.runs.put(run.key, (run, bytes));
        while self.bytes > self.max_bytes
            && let Some((_, (_, bytes))) = self.runs.pop_lru()
        {
            self.bytes -= bytes;
        }
    }

    fn remove(&mut self, key: RunKey) -> Option<Run> {
        let (run, bytes) = self.runs.pop(&key)?;
        self.bytes -= bytes;
        Some(run)
    }
}

/// About the size of a run in the cache, in bytes.
fn size(run: &Run) -> usize {
    let RunProperties { display_name, start: _, state: _, blocking_error, statistics } =
        &run.properties;
    let error = blocking_error.as_ref();
    OVERHEAD
        + display_name.as_str().len()
        + statistics.text().len()
        + error.map_or(0, |error| PARSED_SIZE * error.members().compact_length())
}

#[cfg(test)]
mod tests {
    use flowruns_domain::json::parse_object;
    use flowruns_testing::fixtures::{fresh_flow, fresh_tenant, fresh_uuid, new_run, origin};

    use super::*;

    fn run_of(statistics_bytes: usize) -> Run {
        let id = fresh_uuid().to_string().parse().unwrap();
        let text = format!("{{\"a\":\"{}\"}}", "x".repeat(statistics_bytes));
        let statistics = parse_object(text.as_bytes()).unwrap();
        let new = flowruns_domain::run::NewRun { statistics, ..new_run() };
        new.create(fresh_flow(fresh_tenant()).key.run(id), &origin()).unwrap().run
    }

    fn cache_of(max_bytes: usize) -> RunCache {
        RunCache::new(max_bytes, CacheMeter::new())
    }

    fn has(cache: &RunCache, run: &Run) -> bool {
        matches!(cache.look_up(run.key, 0), CacheLookup::Proposal(kept) if kept == *run)
    }

    #[test]
    fn the_size_is_bounded_and_the_oldest_are_removed_first() {
        let runs: Vec<_> = (0..100).map(|_| run_of(400)).collect();
        let max_bytes = 10 * size(&runs[0]);
        let cache = cache_of(max_bytes);
        for run in &runs {
            cache.keep([run.clone()], 0);
            assert!(cache.content().bytes <= max_bytes);
        }
        let kept: Vec<_> = runs.iter().map(|run| has(&cache, run)).collect();
        assert_eq!(kept, [vec![false; 90], vec![true; 10]].concat());
        assert_eq!(cache.content().bytes, 0);
    }

    #[test]
    fn a_run_that_is_larger_than_the_cache_is_not_kept_nor_is_its_older_version() {
        let (small, mut large) = (run_of(10), run_of(1000));
        large.key = small.key;
        large.version = small.version.next();
        let cache = cache_of(800);
        cache.keep([small.clone()], 0);
        cache.keep([large.clone()], 0);
        assert!(!has(&cache, &small) && !has(&cache, &large));
        let off = cache_of(0);
        off.keep([small.clone()], 0);
        assert!(!has(&off, &small));
    }

    #[test]
    fn an_older_version_does_not_replace_a_newer_one() {
        let created = run_of(10);
        let changed = Run { version: created.version.next(), ..created.clone() };
        let cache = cache_of(10_000);
        cache.keep([changed.clone()], 0);
        cache.keep([created], 0);
        assert!(has(&cache, &changed));
    }

    #[test]
    fn nothing_is_kept_beyond_a_generation_of_connections() {
        let run = run_of(10);
        let cache = cache_of(10_000);
        cache.keep([run.clone()], 3);
        assert!(matches!(cache.look_up(run.key, 4), CacheLookup::Absent));
        cache.keep([run.clone()], 3);
        assert!(matches!(cache.look_up(run.key, 4), CacheLookup::Absent));
    }

    #[test]
    fn while_more_than_a_quarter_of_the_versions_are_outdated_nothing_is_proposed() {
        let run = run_of(10);
        let cache = cache_of(10_000);
        let is_proposed = || {
            cache.keep([run.clone()], 0);
            match cache.look_up(run.key, 0) {
                CacheLookup::Proposal(_) => true,
                CacheLookup::Withheld(version) => {
                    assert_eq!(version, run.version);
                    false
                }
                CacheLookup::Absent => panic!("the run was kept"),
            }
        };
        let count = |is_current: bool, times: u32| {
            (0..times).for_each(|_| cache.record_version_check(is_current))
        };
        count(false, 31);
        assert!(is_proposed(), "a few say nothing");
        count(false, 1000);
        assert!(!is_proposed());
        count(true, 100);
        assert!(!is_proposed());
        count(true, 1000);
        assert!(is_proposed());
        count(false, 50);
        assert!(is_proposed(), "not more than a quarter");
        count(false, 200);
        assert!(!is_proposed());
    }
}
