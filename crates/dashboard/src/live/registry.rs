//! All watches and streams of a server, within their limits.

use std::{
    collections::{HashMap, VecDeque, hash_map::Entry},
    hash::{BuildHasher as _, RandomState},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use flowruns_domain::clock::Clock;
use flowruns_http::{Admission, CallerId, Draining};
use tokio::{
    sync::{
        Semaphore,
        watch::{self, Receiver, Sender},
    },
    task::AbortHandle,
};
use uuid::Uuid;

use super::{
    event::Bye,
    limits::LiveLimits,
    meter::{LiveMeter, StreamRefused},
    signature::ViewKey,
    view::{Audience, LiveViews},
    watch::{Update, Watch, WatchKey},
};

/// What live pages need.
pub(crate) struct LiveOptions {
    pub(crate) limits: LiveLimits,
    /// Signs the addresses of live pages.
    pub(crate) key: ViewKey,
    /// Tells when a session ends.
    pub(crate) clock: Arc<dyn Clock>,
    /// Admits each tick.
    pub(crate) admission: Arc<Admission>,
    /// Ends all streams.
    pub(crate) draining: Draining,
}

/// The live pages of a server.
pub(crate) struct Live {
    pub(super) options: LiveOptions,
    pub(super) views: Arc<dyn LiveViews>,
    pub(super) meter: LiveMeter,
    /// The bytes of events that may still be kept.
    pub(super) kept_bytes: Arc<Semaphore>,
    hasher: RandomState,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    streams: usize,
    /// How many streams were opened so far.
    opened: u64,
    sessions: HashMap<Uuid, Session>,
    watches: HashMap<WatchKey, RunningWatch>,
}

/// The streams of a session, the oldest first, each with its number. A stream that must end receives the reason, and remains here
/// until its connection has taken its last event.
#[derive(Default)]
struct Session(VecDeque<(u64, Sender<Option<Bye>>)>);

struct RunningWatch {
    subscriptions: usize,
    updates: Receiver<Update>,
    task: AbortHandle,
}

/// Counts a stream until it is dropped.
pub(super) struct StreamSlot {
    live: Arc<Live>,
    session: Uuid,
    number: u64,
    /// Why the stream must end before its time.
    pub(super) ended: Receiver<Option<Bye>>,
}

/// The updates of a watch, which runs while it has a subscription.
pub(super) struct Subscription {
    live: Arc<Live>,
    key: WatchKey,
    pub(super) updates: Receiver<Update>,
}

impl Live {
    /// No streams and no watches. Metrics go to the recorder that is installed now.
    pub(crate) fn new(options: LiveOptions, views: Arc<dyn LiveViews>) -> Arc<Self> {
        let kept_bytes = Semaphore::new(options.limits.kept_bytes.min(Semaphore::MAX_PERMITS));
        Arc::new(Self {
            options,
            views,
            kept_bytes: Arc::new(kept_bytes),
            meter: LiveMeter::new(),
            hasher: RandomState::new(),
            state: Mutex::default(),
        })
    }

    /// Ends the streams that a session has on this server: the person signed out.
    pub(crate) fn end_session(&self, session: Uuid) {
        let state = self.state();
        for (_, ended) in state.sessions.get(&session).iter().flat_map(|session| &session.0) {
            ended.send_replace(Some(Bye::Session));
        }
    }

    /// The time between two ticks of each watch now.
    pub(super) fn interval(&self) -> Duration {
        let watches = self.state().watches.len();
        self.options.limits.interval_of(watches)
    }

    /// The watches of a tenant as a caller for admission: all its visitors share one share.
    pub(super) fn caller(&self, audience: &Audience) -> CallerId {
        CallerId(self.hasher.hash_one(("watches", audience.tenant)))
    }

    /// Counts one more stream of a session. If the session has as many as it may have, its oldest one ends: that of a page that
    /// was left may still be open here, since nothing says so until the next write.
    ///
    /// # Errors
    ///
    /// The server has as many streams as it may have; or the session also has as many streams that must end and whose clients do
    /// not read, which must not hold the streams of others.
    pub(super) fn begin_stream(
        self: &Arc<Self>,
        session: Uuid,
    ) -> Result<StreamSlot, StreamRefused> {
        let limits = &self.options.limits;
        let mut state = self.state();
        if state.streams >= limits.streams {
            return Err(StreamRefused::Server);
        }
        let of_session = state.sessions.get(&session).map_or(0, |session| session.0.len());
        if of_session >= 2 * limits.streams_of_session {
            return Err(StreamRefused::Session);
        }
        state.streams += 1;
        state.opened += 1;
        let number = state.opened;
        let Session(of_session) = state.sessions.entry(session).or_default();
        let is_open = |(_, ended): &&(u64, Sender<Option<Bye>>)| ended.borrow().is_none();
        let mut open = of_session.iter().filter(is_open);
        if let Some((_, oldest)) = open.next()
            && open.count() + 1 >= limits.streams_of_session
        {
            oldest.send_replace(Some(Bye::Full));
            self.meter.count_refused(StreamRefused::Session);
        }
        let (sender, ended) = watch::channel(None);
        of_session.push_back((number, sender));
        self.meter.streams.increment(1);
        Ok(StreamSlot { live: Arc::clone(self), session, number, ended })
    }

    /// Subscribes to the watch of a page, which is started if this is its first subscription. Needs a runtime of Tokio.
    pub(super) fn subscribe(self: &Arc<Self>, key: WatchKey) -> Subscription {
        let mut state = self.state();
        let running = state.watches.entry(key.clone()).or_insert_with(|| self.start(key.clone()));
        running.subscriptions += 1;
        let updates = running.updates.clone();
        drop(state);
        Subscription { live: Arc::clone(self), key, updates }
    }

    fn start(self: &Arc<Self>, key: WatchKey) -> RunningWatch {
        let (watch, updates) = Watch::new(Arc::clone(self), key);
        let task = tokio::spawn(watch.run()).abort_handle();
        self.meter.watches.increment(1);
        RunningWatch { subscriptions: 0, updates, task }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // No code panics while the lock is held.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The number of streams, sessions and watches.
    #[cfg(test)]
    pub(super) fn counts(&self) -> (usize, usize, usize) {
        let state = self.state();
        (state.streams, state.sessions.len(), state.watches.len())
    }
}

impl StreamSlot {
    pub(super) fn live(&self) -> &Live {
        &self.live
    }
}

impl Drop for StreamSlot {
    fn drop(&mut self) {
        self.live.meter.streams.decrement(1);
        let mut state = self.live.state();
        state.streams -= 1;
        if let Entry::Occupied(mut session) = state.sessions.entry(self.session) {
            session.get_mut().0.retain(|(number, _)| *number != self.number);
            if session.get().0.is_empty() {
                session.remove();
            }
        }
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        let mut state = self.live.state();
        if let Some(running) = state.watches.get_mut(&self.key) {
            running.subscriptions -= 1;
            if running.subscriptions == 0 {
                running.task.abort();
                state.watches.remove(&self.key);
                self.live.meter.watches.decrement(1);
            }
        }
    }
}
