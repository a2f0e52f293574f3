//! A watch: renders one page again and again while streams are open for it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::sync::watch::{self, Receiver, Sender};

use super::{
    meter::TickOutcome,
    registry::Live,
    snapshot::Snapshot,
    tick,
    view::{Audience, LivePage},
};

/// What is watched: a page as an audience sees it.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(super) struct WatchKey {
    pub(super) audience: Audience,
    /// The address below the prefix.
    pub(super) address: String,
}

/// Whether the page is up to date.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum WatchState {
    /// The first tick has not ended.
    Starting,
    /// It was rendered, and will be again after this time.
    Live { every: Duration },
    /// Admission refused the last tick.
    Refused,
    /// The last tick failed.
    Failed,
    /// It does not exist any more.
    Gone,
}

/// What streams read. A stream that is slow sees only the latest one.
#[derive(Clone, Debug)]
pub(super) struct Update {
    pub(super) state: WatchState,
    /// The last page that was rendered.
    pub(super) snapshot: Option<Arc<Snapshot>>,
    /// Set by a stream that needs a part whose event the snapshot does not keep.
    pub(super) is_part_wanted: Arc<AtomicBool>,
}

/// The task of a watch.
pub(super) struct Watch {
    live: Arc<Live>,
    key: WatchKey,
    updates: Sender<Update>,
    is_part_wanted: Arc<AtomicBool>,
    /// The length of the last page, as an estimate of the memory that the next tick needs.
    length: AtomicUsize,
}

impl Watch {
    /// A watch that has not begun, and its updates.
    pub(super) fn new(live: Arc<Live>, key: WatchKey) -> (Self, Receiver<Update>) {
        let is_part_wanted = Arc::<AtomicBool>::default();
        let first = Update {
            state: WatchState::Starting,
            snapshot: None,
            is_part_wanted: Arc::clone(&is_part_wanted),
        };
        let (updates, receiver) = watch::channel(first);
        (Self { live, key, updates, is_part_wanted, length: AtomicUsize::new(0) }, receiver)
    }

    /// Ticks until the task is aborted. The time between two ticks begins when a tick ends, so that a slow store is not asked
    /// more often than it can answer.
    pub(super) async fn run(self) {
        loop {
            let length = self.length.load(Ordering::Relaxed);
            let rendered = tick::render(&self.live, &self.key, length).await;
            let outcome = match rendered {
                Ok(page) => self.publish(&page),
                Err(outcome) => {
                    self.publish_failure(outcome);
                    outcome
                }
            };
            self.live.meter.count_tick(outcome);
            tokio::time::sleep(self.live.interval()).await;
        }
    }

    fn publish(&self, page: &LivePage) -> TickOutcome {
        let keep_all = self.is_part_wanted.swap(false, Ordering::Relaxed);
        let state = WatchState::Live { every: self.live.interval() };
        let before = self.updates.borrow().snapshot.clone();
        let before = before.as_deref().map(Snapshot::revision);
        let snapshot = Snapshot::new(page, before, keep_all).within(&self.live.kept_bytes);
        let is_changed = before != Some(snapshot.revision());
        let length = page.fragments.iter().map(|fragment| fragment.html.len()).sum();
        self.length.store(length, Ordering::Relaxed);
        self.updates.send_if_modified(|update| {
            let is_news = is_changed || keep_all || update.state != state;
            update.state = state;
            update.snapshot = Some(Arc::new(snapshot));
            is_news
        });
        if is_changed { TickOutcome::Changed } else { TickOutcome::Unchanged }
    }

    /// The streams keep what they have.
    fn publish_failure(&self, outcome: TickOutcome) {
        let state = match outcome {
            TickOutcome::Refused => WatchState::Refused,
            TickOutcome::Gone => WatchState::Gone,
            TickOutcome::Changed | TickOutcome::Unchanged | TickOutcome::Failed => {
                WatchState::Failed
            }
        };
        self.updates.send_if_modified(|update| {
            let is_news = update.state != state;
            update.state = state;
            is_news
        });
    }
}
