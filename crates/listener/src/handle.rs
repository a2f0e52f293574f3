//! The shared state of one connection: its stream and its requests record what happens, its driver acts on it.

use std::{
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU8, AtomicU16, AtomicUsize, Ordering},
    },
    task::Waker,
};

use axum::http::StatusCode;
use futures_util::task::AtomicWaker;
use tokio::time::Instant;

use crate::{
    ConnectionAuthentication,
    rate::TransferWindow,
    state::{CloseRequest, ConnectionState, DeadlineAction, Phase},
    timeouts::Timeouts,
};

/// What every request reads is an atomic of its own, so that the lock is needed only when the state changes.
pub(crate) struct ConnectionHandle {
    state: Mutex<ConnectionState>,
    /// [`ConnectionState::awaits_writes`], written while the lock is held.
    awaits_writes: AtomicBool,
    close_request: AtomicU8,
    is_abandoned: AtomicBool,
    /// The status that rejects the next request; 0: it is not rejected.
    next_rejection: AtomicU16,
    driver: AtomicWaker,
    /// A read of HTTP/2 for which the end of the stream is held back.
    reader: AtomicWaker,
    /// Bytes of the memory budget that this connection holds.
    pub(crate) held_bytes: AtomicUsize,
    pub(crate) authentication: ConnectionAuthentication,
    is_known_authenticated: AtomicBool,
}

impl ConnectionHandle {
    pub(crate) fn new() -> Self {
        Self {
            state: Mutex::new(ConnectionState::new(Instant::now())),
            awaits_writes: AtomicBool::new(false),
            close_request: AtomicU8::new(CloseRequest::None as u8),
            is_abandoned: AtomicBool::new(false),
            next_rejection: AtomicU16::new(0),
            driver: AtomicWaker::new(),
            reader: AtomicWaker::new(),
            held_bytes: AtomicUsize::new(0),
            authentication: ConnectionAuthentication::default(),
            is_known_authenticated: AtomicBool::new(false),
        }
    }

    fn state(&self) -> MutexGuard<'_, ConnectionState> {
        // No code panics while it holds the lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn update_awaits_writes(&self, state: &ConnectionState) {
        self.awaits_writes.store(state.awaits_writes(), Ordering::Release);
    }

    fn awaits_writes(&self) -> bool {
        self.awaits_writes.load(Ordering::Acquire)
    }

    /// The first bytes have shown the version of HTTP.
    pub(crate) fn protocol_detected(&self, is_http2: bool) {
        let mut state = self.state();
        state.is_http2 = is_http2;
        state.is_flush_due = is_http2;
        state.enter(Phase::Idle);
        self.update_awaits_writes(&state);
    }

    /// Frames of HTTP/2 were read, which may contain new requests. The end of the stream is held back until they have been
    /// processed, which ends with a flush.
    pub(crate) fn frames_received(&self) {
        let mut state = self.state();
        state.is_flush_due = true;
        self.update_awaits_writes(&state);
    }

    /// Whether a part of a head was received and the rest is missing (HTTP/1).
    pub(crate) fn set_head_incomplete(&self, is_incomplete: bool) {
        let mut state = self.state();
        match is_incomplete {
            true => drop(state.head_began.get_or_insert_with(Instant::now)),
            false => state.head_began = None,
        }
    }

    /// A head is complete.
    pub(crate) fn request_began(&self, is_write: bool) {
        let mut state = self.state();
        state.requests += 1;
        state.writes += usize::from(is_write);
        if state.phase != Phase::Responding {
            state.enter(Phase::Responding);
        }
    }

    /// A response is complete or given up.
    pub(crate) fn request_ended(&self, is_write: bool) {
        let mut state = self.state();
        let is_http2 = state.is_http2;
        state.requests = state.requests.saturating_sub(1);
        state.writes = state.writes.saturating_sub(usize::from(is_write));
        if is_http2 {
            state.is_flush_due = true;
            self.update_awaits_writes(&state);
        }
        if state.requests > 0 {
            return;
        }
        state.enter(Phase::Idle);
        state.progressed = state.since;
        // The head timeout of bytes that came meanwhile begins now.
        if state.head_began.is_some() {
            state.head_began = Some(state.since);
        }
        drop(state);
        // HTTP/2 responds in separate tasks; HTTP/1 responds within the driver, which checks the deadlines afterwards.
        if is_http2 {
            self.driver.wake();
        }
    }

    /// A request is answered, and the rest of its body is being discarded.
    pub(crate) fn discard_began(&self) {
        self.state().discards += 1;
    }

    pub(crate) fn is_discarding(&self) -> bool {
        self.state().discards > 0
    }

    pub(crate) fn discard_ended(&self) {
        let mut state = self.state();
        state.discards = state.discards.saturating_sub(1);
    }

    /// A write is blocked because the client does not read.
    pub(crate) fn write_blocked(&self) {
        let mut state = self.state();
        if state.blocked_since.is_none() {
            let now = Instant::now();
            state.blocked_since = Some(now);
            state.transfer.get_or_insert(TransferWindow::new(now));
            self.update_awaits_writes(&state);
        }
    }

    /// The kernel has accepted bytes. With HTTP/2 they may belong to any frame, so the response bodies are counted instead.
    pub(crate) fn bytes_written(&self, bytes: usize) {
        if !self.awaits_writes() {
            return;
        }
        let mut state = self.state();
        if !state.is_http2
            && let Some(transfer) = &mut state.transfer
        {
            transfer.add(bytes);
        }
    }

    /// The kernel has accepted everything that was written.
    pub(crate) fn write_flushed(&self) {
        if !self.awaits_writes() {
            return;
        }
        let mut state = self.state();
        state.blocked_since = None;
        if state.unsent == 0 {
            state.transfer = None;
        }
        state.is_flush_due = false;
        self.update_awaits_writes(&state);
        let is_half_closed = state.half_closed.is_some();
        drop(state);
        if is_half_closed {
            self.reader.wake();
        }
    }

    /// Bytes of a response of HTTP/2 wait for the client. Its flow control may hold them back although no write is blocked.
    pub(crate) fn response_queued(&self, bytes: usize) {
        if bytes == 0 {
            return;
        }
        let mut state = self.state();
        state.unsent += bytes;
        if state.transfer.is_none() {
            state.transfer = Some(TransferWindow::new(Instant::now()));
            self.update_awaits_writes(&state);
            drop(state);
            self.driver.wake();
        }
    }

    /// Bytes of a response of HTTP/2 were sent or given up.
    pub(crate) fn response_sent(&self, bytes: usize) {
        if bytes == 0 {
            return;
        }
        let mut state = self.state();
        state.unsent = state.unsent.saturating_sub(bytes);
        if let Some(transfer) = &mut state.transfer {
            transfer.add(bytes);
        }
        if state.unsent == 0 && state.blocked_since.is_none() {
            state.transfer = None;
            self.update_awaits_writes(&state);
        }
    }

    /// The next deadline, and what happens then.
    pub(crate) fn deadline(
        &self,
        timeouts: &Timeouts,
        now: Instant,
    ) -> Option<(Instant, DeadlineAction)> {
        let is_abandoned = self.is_abandoned();
        self.state().deadline(timeouts, is_abandoned, now)
    }

    /// Asks the connection to end. A stronger request replaces a weaker one.
    pub(crate) fn request_close(&self, request: CloseRequest) {
        self.close_request.fetch_max(request as u8, Ordering::AcqRel);
        self.driver.wake();
    }

    pub(crate) fn close_request(&self) -> CloseRequest {
        const REQUESTS: [CloseRequest; 3] =
            [CloseRequest::Graceful, CloseRequest::Evict, CloseRequest::FreeMemory];
        let current = self.close_request.load(Ordering::Acquire);
        let found = REQUESTS.into_iter().find(|request| *request as u8 == current);
        found.unwrap_or_default()
    }

    /// Whether it was asked to end at once.
    pub(crate) fn is_closing(&self) -> bool {
        self.close_request() >= CloseRequest::Evict
    }

    /// Registers the task that acts on deadlines and on [`Self::request_close`].
    pub(crate) fn register_driver(&self, waker: &Waker) {
        self.driver.register(waker);
    }

    /// The client will send no more.
    pub(crate) fn set_half_closed(&self) {
        let mut state = self.state();
        state.half_closed.get_or_insert_with(Instant::now);
        self.update_awaits_writes(&state);
    }

    /// Gives up the read requests in flight.
    pub(crate) fn abandon_reads(&self) {
        self.is_abandoned.store(true, Ordering::Release);
        self.reader.wake();
    }

    pub(crate) fn is_abandoned(&self) -> bool {
        self.is_abandoned.load(Ordering::Acquire)
    }

    /// Whether the end of a stream of HTTP/2 may be passed on. It would cancel what is not answered and flushed, so `reader` is
    /// woken when that has happened.
    pub(crate) fn may_pass_end(&self, reader: &Waker) -> bool {
        self.reader.register(reader);
        let state = self.state();
        let is_sent = !state.is_flush_due && state.unsent == 0 && state.blocked_since.is_none();
        self.is_abandoned() || (state.requests == 0 && is_sent)
    }

    /// Rejects the next request, whatever it contains.
    pub(crate) fn reject_next(&self, status: StatusCode) {
        self.next_rejection.store(status.as_u16(), Ordering::Release);
    }

    pub(crate) fn take_rejection(&self) -> Option<StatusCode> {
        if self.next_rejection.load(Ordering::Acquire) == 0 {
            return None;
        }
        let status = self.next_rejection.swap(0, Ordering::AcqRel);
        StatusCode::from_u16(status).ok()
    }

    /// See [`ConnectionState::evictable_since`]. A connection that is closing already is not evictable.
    pub(crate) fn evictable_since(&self) -> Option<Instant> {
        let is_authenticated = self.authentication.is_confirmed();
        let since = self.state().evictable_since(is_authenticated);
        since.filter(|_| !self.is_closing())
    }

    /// Whether it may end by itself when a new connection waits for a permit: it is idle between two requests. Other
    /// connections are closed in the order of their progress.
    pub(crate) fn may_leave(&self) -> bool {
        self.evictable_since().is_some() && self.state().is_idle_after_response()
    }

    /// Whether a request has carried a valid token since the last call, for the first time.
    pub(crate) fn is_newly_authenticated(&self) -> bool {
        self.authentication.is_confirmed()
            && !self.is_known_authenticated.load(Ordering::Relaxed)
            && !self.is_known_authenticated.swap(true, Ordering::Relaxed)
    }
}
