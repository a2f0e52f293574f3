//! All watches and streams of a server, within their limits.

use std::{
    collections::{HashMap, hash_map::Entry},
    hash::{BuildHasher as _, RandomState},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use flowruns_domain::clock::Clock;
use flowruns_http::{Admission, CallerId, Draining};
use tokio::{
    sync::watch::{self, Receiver, Sender},
    task::AbortHandle,
};
use uuid::Uuid;

use super::{
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
    hasher: RandomState,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    streams: usize,
    sessions: HashMap<Uuid, Session>,
    watches: HashMap<WatchKey, RunningWatch>,
}

/// The open streams of a session.
struct Session {
    streams: usize,
    ended: Sender<bool>,
}

struct RunningWatch {
    subscriptions: usize,
    updates: Receiver<Update>,
    task: AbortHandle,
}

/// Counts a stream until it is dropped.
pub(super) struct StreamSlot {
    live: Arc<Live>,
    session: Uuid,
    /// Becomes true when the session is ended before its time.
    pub(super) ended: Receiver<bool>,
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
        Arc::new(Self {
            options,
            views,
            meter: LiveMeter::new(),
            hasher: RandomState::new(),
            state: Mutex::default(),
        })
    }

    /// Ends the streams that a session has on this server: the person signed out.
    pub(crate) fn end_session(&self, session: Uuid) {
        if let Some(session) = self.state().sessions.get(&session) {
            session.ended.send_replace(true);
        }
    }

    /// The time between two ticks of each watch now.
    pub(super) fn interval(&self) -> Duration {
        let watches = self.state().watches.len();
        self.options.limits.interval_of(watches)
    }

    /// The watches of a tenant as a caller for admission: they share one share, whoever looks.
    pub(super) fn caller(&self, audience: &Audience) -> CallerId {
        CallerId(self.hasher.hash_one(("watches", audience.tenant)))
    }

    /// Counts one more stream of a session.
    ///
    /// # Errors
    ///
    /// The limit that it would exceed.
    pub(super) fn begin_stream(
        self: &Arc<Self>,
        session: Uuid,
    ) -> Result<StreamSlot, StreamRefused> {
        let limits = &self.options.limits;
        let mut state = self.state();
        if state.streams >= limits.streams {
            return Err(StreamRefused::Server);
        }
        let of_session = state.sessions.entry(session);
        let of_session =
            of_session.or_insert_with(|| Session { streams: 0, ended: watch::channel(false).0 });
        // A session without streams has no entry, so a refused one had an entry before.
        if of_session.streams >= limits.streams_of_session {
            return Err(StreamRefused::Session);
        }
        of_session.streams += 1;
        let ended = of_session.ended.subscribe();
        state.streams += 1;
        self.meter.streams.increment(1);
        Ok(StreamSlot { live: Arc::clone(self), session, ended })
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
            session.get_mut().streams -= 1;
            if session.get().streams == 0 {
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
