//! The state of one connection, and until when it may stay as it is.

use axum::http::StatusCode;
use tokio::time::Instant;

use super::{closed::Reason, patience::Patience, rate::Transfer};

/// What a connection waits for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Phase {
    /// Its first bytes, which tell the version of HTTP; with TLS also the handshake.
    Silent,
    /// Responses to requests that are in flight.
    Answering,
    /// The next request, or the first.
    Idle,
}

/// What a connection is told from outside.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Order {
    /// To go on.
    #[default]
    Stay,
    /// To end when the requests in flight are answered.
    Finish,
    /// To end at once, for another connection.
    Evict,
    /// To end at once, for the memory that it holds.
    Release,
}

/// What happens when a deadline passes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Expiry {
    /// The connection ends in order.
    Finish,
    /// The requests in flight are not worth the work any more.
    Abandon,
    /// The connection is closed.
    Close(Reason),
}

/// What is known of a connection, and the rules of how long it may go on.
pub(super) struct State {
    pub(super) phase: Phase,
    pub(super) since: Instant,
    pub(super) is_http2: bool,
    /// Requests in flight.
    pub(super) requests: usize,
    /// Those of them that are answered, and whose bodies are still read and thrown away.
    pub(super) discards: usize,
    /// Those of them that change something.
    pub(super) writes: usize,
    /// Since when the head of a request is incomplete (HTTP/1).
    pub(super) head_began: Option<Instant>,
    /// When it last made progress: it was accepted, or a request was complete and answered.
    pub(super) progressed: Instant,
    /// Since when bytes wait that the client does not take.
    pub(super) blocked_since: Option<Instant>,
    /// Bytes of responses of HTTP/2 that wait for the client.
    pub(super) unsent: usize,
    /// While bytes wait for the client.
    pub(super) transfer: Option<Transfer>,
    /// Whether the last response may not be flushed yet.
    pub(super) is_flush_due: bool,
    pub(super) half_closed: Option<Instant>,
    pub(super) is_abandoned: bool,
    /// What the next request is refused with, whatever it says.
    pub(super) refusal: Option<StatusCode>,
    pub(super) order: Order,
}

impl State {
    pub(super) const fn new(now: Instant) -> Self {
        Self {
            phase: Phase::Silent,
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
            is_abandoned: false,
            refusal: None,
            order: Order::Stay,
        }
    }

    pub(super) fn enter(&mut self, phase: Phase) {
        self.phase = phase;
        self.since = Instant::now();
    }

    fn phase_deadline(&self, patience: &Patience) -> Option<(Instant, Expiry)> {
        match (self.phase, self.head_began, self.half_closed) {
            (Phase::Silent, ..) => Some((
                self.since + patience.first_byte,
                Expiry::Close(Reason::Silent),
            )),
            (Phase::Idle, Some(began), _) => {
                Some((began + patience.head, Expiry::Close(Reason::SlowHead)))
            }
            (Phase::Idle, None, _) => Some((self.since + patience.idle, Expiry::Finish)),
            (Phase::Answering, _, Some(closed)) if self.writes == 0 && !self.is_abandoned => {
                let since = closed.max(self.since);
                Some((since + patience.half_closed_read, Expiry::Abandon))
            }
            // The request's own time-out holds, and that of the body in it.
            (Phase::Answering, ..) => None,
        }
    }

    pub(super) fn deadline(
        &mut self,
        patience: &Patience,
        now: Instant,
    ) -> Option<(Instant, Expiry)> {
        let phase = self.phase_deadline(patience);
        let blocked = self
            .blocked_since
            .map(|since| (since + patience.write, Expiry::Close(Reason::SlowRead)));
        let slow = match (&mut self.transfer, &patience.rate) {
            (Some(transfer), Some(rate)) => Some(transfer.deadline(rate, now)),
            _ => None,
        };
        let slow = slow.map(|at| (at, Expiry::Close(Reason::SlowRead)));
        [phase, blocked, slow]
            .into_iter()
            .flatten()
            .min_by_key(|(at, _)| *at)
    }

    /// Whether it has answered all its requests and waits for the next one. A new connection is none of these: its first
    /// request may be on its way.
    pub(super) fn is_idle_after_response(&self) -> bool {
        self.phase == Phase::Idle && self.progressed == self.since && self.head_began.is_none()
    }

    pub(super) fn evictable_since(&self, is_authenticated: bool) -> Option<Instant> {
        if self.order >= Order::Evict {
            return None;
        }
        let waits = self.transfer.map(|transfer| transfer.window_began());
        if let Some(since) = self.blocked_since.or(waits) {
            return (!is_authenticated).then_some(since.max(self.progressed));
        }
        let is_idle = self.requests == self.discards;
        is_idle.then_some(self.progressed)
    }
}
