//! What one connection is doing, and until when it may.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    task::Waker,
};

use futures_util::task::AtomicWaker;
use tokio::time::Instant;

use super::patience::Patience;

/// What a connection waits for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Phase {
    /// Its first bytes, which tell the version of HTTP; with TLS also the handshake.
    Silent,
    /// The rest of the head of a request of HTTP/1.
    Head,
    /// Requests are under way.
    Answering,
    /// The next request.
    Idle,
}

/// What a connection is told from outside.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Order {
    /// To go on.
    #[default]
    Stay,
    /// To end when what is under way is answered.
    Finish,
    /// To end at once.
    Leave,
}

/// What happens when a deadline passes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Expiry {
    /// The connection ends in order.
    Finish,
    /// The connection is closed, for this reason.
    Close(&'static str),
}

/// What bytes are of.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Bytes {
    /// They begin a head of HTTP/1.
    NewHead,
    /// They go on with it, or begin the first.
    SameHead,
    /// A body, or frames of HTTP/2.
    Other,
}

struct State {
    phase: Phase,
    since: Instant,
    is_http2: bool,
    /// Requests under way.
    requests: usize,
    has_asked: bool,
    /// Since when bytes wait that the client does not take.
    blocked_since: Option<Instant>,
    order: Order,
}

/// Shared by the stream, the requests and the supervisor of a connection.
pub(super) struct Activity {
    state: Mutex<State>,
    supervisor: AtomicWaker,
}

impl Activity {
    pub(super) fn new() -> Self {
        Self {
            state: Mutex::new(State {
                phase: Phase::Silent,
                since: Instant::now(),
                is_http2: false,
                requests: 0,
                has_asked: false,
                blocked_since: None,
                order: Order::Stay,
            }),
            supervisor: AtomicWaker::new(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing panics while it is held.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The first bytes have told the version.
    pub(super) fn version_told(&self, is_http2: bool) {
        let mut state = self.state();
        state.is_http2 = is_http2;
        state.enter(if is_http2 { Phase::Idle } else { Phase::Head });
    }

    /// Bytes have come. What they are of, as far as can be told: those that come while a request is under way belong to
    /// its body.
    pub(super) fn bytes_came(&self) -> Bytes {
        let mut state = self.state();
        match state.phase {
            Phase::Idle if !state.is_http2 => {
                state.enter(Phase::Head);
                Bytes::NewHead
            }
            Phase::Head => Bytes::SameHead,
            Phase::Silent | Phase::Idle | Phase::Answering => Bytes::Other,
        }
    }

    /// A head is complete.
    pub(super) fn request_began(&self) {
        let mut state = self.state();
        state.requests += 1;
        state.has_asked = true;
        state.phase = Phase::Answering;
    }

    /// An answer is complete, or given up.
    pub(super) fn request_ended(&self) {
        let mut state = self.state();
        state.requests = state.requests.saturating_sub(1);
        if state.requests == 0 {
            state.enter(Phase::Idle);
            let is_http2 = state.is_http2;
            drop(state);
            // HTTP/2 answers in tasks of their own; HTTP/1 within the supervisor, which looks again by itself.
            if is_http2 {
                self.supervisor.wake();
            }
        }
    }

    /// The client does not take what is written.
    pub(super) fn write_blocked(&self) {
        self.state().blocked_since.get_or_insert_with(Instant::now);
    }

    /// The client has taken all that was written.
    pub(super) fn write_drained(&self) {
        self.state().blocked_since = None;
    }

    /// Until when the connection may go on as it does, and what happens then.
    pub(super) fn deadline(&self, patience: &Patience) -> Option<(Instant, Expiry)> {
        let state = self.state();
        let phase = match state.phase {
            Phase::Silent => Some((
                patience.first_byte,
                Expiry::Close("it did not say anything in time"),
            )),
            Phase::Head => Some((
                patience.head,
                Expiry::Close("the head of a request took too long"),
            )),
            Phase::Idle => Some((patience.idle, Expiry::Finish)),
            // The request's own time-out holds, and that of the body in it.
            Phase::Answering => None,
        };
        let phase = phase.map(|(limit, expiry)| (state.since + limit, expiry));
        let blocked = state.blocked_since.map(|since| {
            (
                since + patience.write,
                Expiry::Close("the client did not read its answer in time"),
            )
        });
        [phase, blocked]
            .into_iter()
            .flatten()
            .min_by_key(|(at, _)| *at)
    }

    /// Tells the connection what to do; it is never told to do less.
    pub(super) fn order(&self, order: Order) {
        let mut state = self.state();
        state.order = state.order.max(order);
        drop(state);
        self.supervisor.wake();
    }

    pub(super) fn ordered(&self) -> Order {
        self.state().order
    }

    /// Whom to wake on an order.
    pub(super) fn register(&self, supervisor: &Waker) {
        self.supervisor.register(supervisor);
    }

    /// Whether it has sent no request yet.
    pub(super) fn has_not_asked(&self) -> bool {
        let state = self.state();
        !state.has_asked && state.order < Order::Leave
    }

    /// Since when it has had nothing to do, unless it is to leave already. A client that still reads its answer is busy.
    pub(super) fn idle_since(&self) -> Option<Instant> {
        let state = self.state();
        let is_idle = state.phase == Phase::Idle && state.blocked_since.is_none();
        (is_idle && state.order < Order::Leave).then_some(state.since)
    }
}

impl State {
    fn enter(&mut self, phase: Phase) {
        self.phase = phase;
        self.since = Instant::now();
    }
}
