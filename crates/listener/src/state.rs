//! The state of one connection, and the deadlines that follow from it.

use tokio::time::Instant;

use crate::{close_reason::CloseReason, rate::TransferWindow, timeouts::Timeouts};

/// What a connection waits for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Phase {
    /// The first bytes, which show the version of HTTP; with TLS also the handshake.
    AwaitingFirstByte,
    /// Responses to requests that are in flight.
    Responding,
    /// The next request, or the first one.
    Idle,
}

/// How another task asks a connection to end. A later value is stronger.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
#[repr(u8)]
pub(crate) enum CloseRequest {
    /// It was not asked.
    #[default]
    None,
    /// When the requests in flight are answered.
    Graceful,
    /// At once, for a new connection.
    Evict,
    /// At once, for the memory that it holds.
    FreeMemory,
}

/// What happens when a deadline expires.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum DeadlineAction {
    /// The connection ends gracefully.
    FinishGracefully,
    /// Read requests in flight are given up.
    AbandonReads,
    /// The connection is closed.
    Close(CloseReason),
}

pub(crate) struct ConnectionState {
    pub(crate) phase: Phase,
    /// When the phase began.
    pub(crate) since: Instant,
    pub(crate) is_http2: bool,
    /// Requests in flight.
    pub(crate) requests: usize,
    /// Requests in flight that are answered, and whose bodies are still read and discarded.
    pub(crate) discards: usize,
    /// Requests in flight that change something.
    pub(crate) writes: usize,
    /// When the first bytes of an incomplete head came (HTTP/1).
    pub(crate) head_began: Option<Instant>,
    /// When the connection was accepted or the last response was complete.
    pub(crate) progressed: Instant,
    /// Since when a write has been blocked because the client does not read.
    pub(crate) blocked_since: Option<Instant>,
    /// Bytes of responses of HTTP/2 that wait for the client.
    pub(crate) unsent: usize,
    /// The bytes that the client reads, while more are waiting for it.
    pub(crate) transfer: Option<TransferWindow>,
    /// Whether the last response of HTTP/2 may not be flushed yet.
    pub(crate) is_flush_due: bool,
    /// When the client closed its sending side.
    pub(crate) half_closed: Option<Instant>,
}

impl ConnectionState {
    pub(crate) const fn new(now: Instant) -> Self {
        Self {
            phase: Phase::AwaitingFirstByte,
            since: now,
            is_http2: false,
            requests: 0,
            discards: 0,
            writes: 0,
            head_began: None,
            progressed: now,
            blocked_since: None,
            unsent: 0,
            transfer: None,
            is_flush_due: false,
            half_closed: None,
        }
    }

    pub(crate) fn enter(&mut self, phase: Phase) {
        self.phase = phase;
        self.since = Instant::now();
    }

    /// Whether the end of a write or flush changes this state.
    pub(crate) const fn awaits_writes(&self) -> bool {
        self.blocked_since.is_some()
            || self.transfer.is_some()
            || self.is_flush_due
            || self.half_closed.is_some()
    }

    fn phase_deadline(
        &self,
        timeouts: &Timeouts,
        is_abandoned: bool,
    ) -> Option<(Instant, DeadlineAction)> {
        match (self.phase, self.head_began, self.half_closed) {
            (Phase::AwaitingFirstByte, ..) => {
                Some((self.since + timeouts.first_byte, DeadlineAction::Close(CloseReason::Silent)))
            }
            (Phase::Idle, Some(began), _) => {
                Some((began + timeouts.head, DeadlineAction::Close(CloseReason::SlowHead)))
            }
            (Phase::Idle, None, _) => {
                Some((self.since + timeouts.idle, DeadlineAction::FinishGracefully))
            }
            (Phase::Responding, _, Some(closed)) if self.writes == 0 && !is_abandoned => {
                let since = closed.max(self.since);
                let deadline = since + timeouts.half_closed_read;
                Some((deadline, DeadlineAction::AbandonReads))
            }
            // The request timeout and the body timeout of the router apply.
            (Phase::Responding, ..) => None,
        }
    }

    /// The next deadline, and what happens then.
    pub(crate) fn deadline(
        &mut self,
        timeouts: &Timeouts,
        is_abandoned: bool,
        now: Instant,
    ) -> Option<(Instant, DeadlineAction)> {
        const SLOW_READ: DeadlineAction = DeadlineAction::Close(CloseReason::SlowRead);
        let phase = self.phase_deadline(timeouts, is_abandoned);
        let blocked = self.blocked_since.map(|since| (since + timeouts.write, SLOW_READ));
        let slow = match (&mut self.transfer, &timeouts.minimum_read_rate) {
            (Some(transfer), Some(rate)) => Some((transfer.deadline(rate, now), SLOW_READ)),
            _ => None,
        };
        [phase, blocked, slow].into_iter().flatten().min_by_key(|(deadline, _)| *deadline)
    }

    /// Whether all requests are answered and the next one has not begun. A connection without any request yet is not idle in
    /// this sense: its first request may be on its way.
    pub(crate) fn is_idle_after_response(&self) -> bool {
        self.phase == Phase::Idle && self.progressed == self.since && self.head_began.is_none()
    }

    /// Since when the connection has made no progress; `None` when it must not be closed for another one. A client that reads
    /// slowly may be closed only if it is not authenticated.
    pub(crate) fn evictable_since(&self, is_authenticated: bool) -> Option<Instant> {
        let transfer_began = self.transfer.map(|transfer| transfer.start());
        if let Some(since) = self.blocked_since.or(transfer_began) {
            return (!is_authenticated).then_some(since.max(self.progressed));
        }
        let is_idle = self.requests == self.discards;
        is_idle.then_some(self.progressed)
    }
}
