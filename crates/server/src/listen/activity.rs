//! What one connection is doing, and until when it may.

use std::{
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    task::Waker,
};

use axum::http::StatusCode;
use flowruns_api::ConnectionAuthentication;
use futures_util::task::AtomicWaker;
use tokio::time::Instant;

use super::{
    patience::Patience,
    rate::Transfer,
    state::{Expiry, Order, Phase, State},
};

/// Shared by the stream, the requests and the supervisor of a connection.
pub(super) struct Activity {
    state: Mutex<State>,
    supervisor: AtomicWaker,
    /// Of a read that was kept waiting for the end of the stream.
    reader: AtomicWaker,
    /// Bytes that this connection holds of the budget of all.
    pub(super) charged: AtomicUsize,
    pub(super) authentication: ConnectionAuthentication,
    is_authenticated: AtomicBool,
}

impl Activity {
    pub(super) fn new() -> Self {
        Self {
            state: Mutex::new(State::new(Instant::now())),
            supervisor: AtomicWaker::new(),
            reader: AtomicWaker::new(),
            charged: AtomicUsize::new(0),
            authentication: ConnectionAuthentication::default(),
            is_authenticated: AtomicBool::new(false),
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
        state.is_flush_due = is_http2;
        state.enter(Phase::Idle);
    }

    /// Frames of HTTP/2 have come, which may hold requests that have not begun yet. The end of the stream waits until they
    /// were looked at, which ends with a flush.
    pub(super) fn frames_came(&self) {
        self.state().is_flush_due = true;
    }

    /// Whether bytes of a head are there that is not complete.
    pub(super) fn head_is_incomplete(&self, is_incomplete: bool) {
        let mut state = self.state();
        match is_incomplete {
            true => drop(state.head_began.get_or_insert_with(Instant::now)),
            false => state.head_began = None,
        }
    }

    /// A head is complete.
    pub(super) fn request_began(&self, is_write: bool) {
        let mut state = self.state();
        state.requests += 1;
        state.writes += usize::from(is_write);
        if state.phase != Phase::Answering {
            state.enter(Phase::Answering);
        }
    }

    /// A response is complete, or given up.
    pub(super) fn request_ended(&self, is_write: bool) {
        let mut state = self.state();
        state.requests = state.requests.saturating_sub(1);
        state.writes = state.writes.saturating_sub(usize::from(is_write));
        state.is_flush_due = true;
        if state.requests > 0 {
            return;
        }
        state.enter(Phase::Idle);
        state.progressed = state.since;
        // What came of the next head meanwhile has its time from now on.
        if state.head_began.is_some() {
            state.head_began = Some(state.since);
        }
        let is_http2 = state.is_http2;
        drop(state);
        // HTTP/2 answers in tasks of their own; HTTP/1 within the supervisor, which looks again by itself.
        if is_http2 {
            self.supervisor.wake();
        }
    }

    /// A request is answered, and the rest of its body is thrown away.
    pub(super) fn discard_began(&self) {
        self.state().discards += 1;
    }

    pub(super) fn discard_ended(&self) {
        let mut state = self.state();
        state.discards = state.discards.saturating_sub(1);
    }

    /// The client does not take what is written.
    pub(super) fn write_blocked(&self) {
        let mut state = self.state();
        if state.blocked_since.is_none() {
            let now = Instant::now();
            state.blocked_since = Some(now);
            state.transfer.get_or_insert(Transfer::begin(now));
        }
    }

    /// The kernel has taken bytes. With HTTP/2 they may be of anything, so that its responses are counted instead.
    pub(super) fn written(&self, bytes: usize) {
        let mut state = self.state();
        if !state.is_http2
            && let Some(transfer) = &mut state.transfer
        {
            transfer.add(bytes);
        }
    }

    /// The kernel has taken all that was written.
    pub(super) fn write_drained(&self) {
        let mut state = self.state();
        state.blocked_since = None;
        if state.unsent == 0 {
            state.transfer = None;
        }
        state.is_flush_due = false;
        if state.half_closed.is_some() {
            drop(state);
            self.reader.wake();
        }
    }

    /// Bytes of a response of HTTP/2 wait for the client, also where no write is blocked: its windows may be closed.
    pub(super) fn response_waits(&self, bytes: usize) {
        let mut state = self.state();
        if !state.is_http2 || bytes == 0 {
            return;
        }
        state.unsent += bytes;
        if state.transfer.is_none() {
            state.transfer = Some(Transfer::begin(Instant::now()));
            drop(state);
            self.supervisor.wake();
        }
    }

    /// They were sent, or given up.
    pub(super) fn response_taken(&self, bytes: usize) {
        let mut state = self.state();
        if !state.is_http2 || bytes == 0 {
            return;
        }
        state.unsent = state.unsent.saturating_sub(bytes);
        if let Some(transfer) = &mut state.transfer {
            transfer.add(bytes);
        }
        if state.unsent == 0 && state.blocked_since.is_none() {
            state.transfer = None;
        }
    }

    /// Until when the connection may go on as it does, and what happens then.
    pub(super) fn deadline(&self, patience: &Patience) -> Option<(Instant, Expiry)> {
        self.state().deadline(patience, Instant::now())
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

    /// The client will send no more.
    pub(super) fn half_closed(&self) {
        self.state().half_closed.get_or_insert_with(Instant::now);
    }

    /// Gives up the requests in flight.
    pub(super) fn abandon(&self) {
        self.state().is_abandoned = true;
        self.reader.wake();
    }

    pub(super) fn is_abandoned(&self) -> bool {
        self.state().is_abandoned
    }

    /// Whether the end of a stream of HTTP/2 may be passed on. It would take what is not answered and flushed with it, so
    /// the reader is woken again when that is done.
    pub(super) fn may_end(&self, reader: &Waker) -> bool {
        self.reader.register(reader);
        let state = self.state();
        let is_sent = !state.is_flush_due && state.unsent == 0 && state.blocked_since.is_none();
        state.is_abandoned || (state.requests == 0 && is_sent)
    }

    /// Refuses the next request.
    pub(super) fn refuse_next(&self, status: StatusCode) {
        self.state().refusal = Some(status);
    }

    pub(super) fn take_refusal(&self) -> Option<StatusCode> {
        self.state().refusal.take()
    }

    /// Since when it has made no progress, if it may be closed for another. A client that takes its time to read is only
    /// let be if it has shown a token.
    pub(super) fn evictable_since(&self) -> Option<Instant> {
        let is_authenticated = self.authentication.is_confirmed();
        self.state().evictable_since(is_authenticated)
    }

    /// Whether it may end by itself when another connection waits to be accepted: it is idle between two requests. Others are
    /// closed in the order of their progress.
    pub(super) fn may_leave(&self) -> bool {
        self.evictable_since().is_some() && self.state().is_idle_after_response()
    }

    /// Whether it has shown a token, and this was not asked since.
    pub(super) fn is_newly_authenticated(&self) -> bool {
        self.authentication.is_confirmed() && !self.is_authenticated.swap(true, Ordering::Relaxed)
    }

    /// Whether it ends at once already.
    pub(super) fn is_leaving(&self) -> bool {
        self.state().order >= Order::Evict
    }

    /// Bytes that it holds of the budget of all.
    pub(super) fn charged(&self) -> usize {
        self.charged.load(Ordering::Relaxed)
    }
}
