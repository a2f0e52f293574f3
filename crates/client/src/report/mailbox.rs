//! What waits to be sent for one run. Statistics are merged while they wait.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use flowruns_domain::{json::JsonObject, run::Statistics};
use tokio::{
    select,
    sync::Notify,
    time::{Instant, sleep_until},
};

use super::{
    end::End,
    ticket::{Ticket, TicketKind, Tickets},
};
use crate::{
    StatisticsError,
    send::{Limit, LimitSetter},
    statistics::combine,
};

/// A patch is at most this large as compact JSON. Statistics that are stored have at most 64 KiB, but a patch also has the nulls that
/// remove members, and a service accepts bodies of 1 MiB.
const MAX_PATCH_BYTES: usize = 256 * 1024;
/// At most this many patches of a run wait that cannot be combined. Each is a request of its own before the end.
const MAX_PATCHES: usize = 16;

/// What waits in all runs of a client, in bytes.
#[derive(Debug)]
pub(crate) struct QueueBytes {
    waiting: AtomicUsize,
    limit: usize,
}

impl QueueBytes {
    pub(crate) const fn new(limit: usize) -> Self {
        Self { waiting: AtomicUsize::new(0), limit }
    }

    fn replace(&self, former: usize, bytes: usize) -> Result<(), StatisticsError> {
        let replaced = |waiting: usize| {
            let waiting = (waiting + bytes).saturating_sub(former);
            (bytes <= former || waiting <= self.limit).then_some(waiting)
        };
        let order = Ordering::Relaxed;
        let result = self.waiting.fetch_update(order, order, replaced);
        result
            .map(|_| ())
            .map_err(|waiting| StatisticsError::QueueFull { waiting, limit: self.limit })
    }

    fn release(&self, bytes: usize) {
        self.waiting.fetch_sub(bytes, Ordering::Relaxed);
    }
}

/// The mailbox of a run: the guard fills it, the reporter empties it.
#[derive(Debug)]
pub(crate) struct Mailbox {
    state: Mutex<State>,
    changed: Notify,
    limit: LimitSetter,
    queue: Arc<QueueBytes>,
    tickets: Arc<Tickets>,
}

#[derive(Debug, Default)]
struct State {
    /// Patches that cannot be combined, in order.
    waiting: VecDeque<Waiting>,
    ticket: Option<Ticket>,
    end: Option<End>,
    has_ended: bool,
    /// What this guard knows of the stored statistics.
    known: Statistics,
}

#[derive(Debug)]
struct Waiting {
    patch: JsonObject,
    bytes: usize,
}

fn bytes_of(patch: &JsonObject) -> Result<usize, StatisticsError> {
    let bytes = patch.compact_length();
    if bytes > MAX_PATCH_BYTES {
        return Err(StatisticsError::PatchTooLarge { bytes, limit: MAX_PATCH_BYTES });
    }
    Ok(bytes)
}

/// What to send next.
#[derive(Debug)]
pub(crate) enum Work {
    /// Statistics, settled when the ticket is dropped.
    Progress(JsonObject, Option<Ticket>),
    /// The end, after these patches.
    End(Box<End>, VecDeque<JsonObject>),
}

impl Mailbox {
    pub(crate) fn new(known: Statistics, queue: Arc<QueueBytes>, tickets: Arc<Tickets>) -> Self {
        Self {
            state: Mutex::new(State { known, ..State::default() }),
            changed: Notify::new(),
            limit: LimitSetter::new(),
            queue,
            tickets,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The deadline of the end, once it is reported.
    pub(crate) fn limit(&self) -> Limit {
        self.limit.limit()
    }

    /// Sends what is left until now only, if the end was reported.
    pub(crate) fn hurry(&self) {
        if self.state().has_ended {
            self.limit.set(Instant::now());
        }
    }

    /// Adds statistics.
    pub(crate) fn progress(&self, patch: JsonObject) -> Result<(), StatisticsError> {
        if patch.is_empty() {
            return Ok(());
        }
        let mut state = self.state();
        let known = state.known.merged(&patch).map_err(StatisticsError::OverLimit)?;
        let bytes = bytes_of(&patch)?;
        self.add(&mut state.waiting, Waiting { patch, bytes })?;
        state.known = known;
        if state.ticket.is_none() {
            state.ticket = Some(self.tickets.issue(TicketKind::Report));
        }
        drop(state);
        self.changed.notify_one();
        Ok(())
    }

    /// Checks the statistics of an end against what is known, without keeping them.
    pub(crate) fn check(&self, patch: &JsonObject) -> Result<(), StatisticsError> {
        self.state().known.merged(patch).map_err(StatisticsError::OverLimit)?;
        bytes_of(patch).map(|_| ())
    }

    fn add(&self, waiting: &mut VecDeque<Waiting>, added: Waiting) -> Result<(), StatisticsError> {
        if let Some(last) = waiting.back_mut() {
            let mut combined = last.patch.clone();
            if combine(&mut combined, &added.patch) {
                let bytes = combined.compact_length();
                if bytes <= MAX_PATCH_BYTES {
                    self.queue.replace(last.bytes, bytes)?;
                    *last = Waiting { patch: combined, bytes };
                    return Ok(());
                }
            }
        }
        if waiting.len() >= MAX_PATCHES {
            return Err(StatisticsError::TooManyPatches { limit: MAX_PATCHES });
        }
        self.queue.replace(0, added.bytes)?;
        waiting.push_back(added);
        Ok(())
    }

    /// Puts statistics back that were not acknowledged, before what was added since. What waits is then over the limit of the queue
    /// for a moment, by as much as was on its way.
    pub(crate) fn put_back(&self, patch: JsonObject, ticket: Option<Ticket>) {
        let mut state = self.state();
        let state = &mut *state;
        let mut first = patch;
        if let Some(next) = state.waiting.front() {
            let mut combined = first.clone();
            if combine(&mut combined, &next.patch) && combined.compact_length() <= MAX_PATCH_BYTES {
                self.queue.release(next.bytes);
                state.waiting.pop_front();
                first = combined;
            }
        }
        let bytes = first.compact_length();
        self.queue.waiting.fetch_add(bytes, Ordering::Relaxed);
        state.waiting.push_front(Waiting { patch: first, bytes });
        state.ticket = state.ticket.take().or(ticket);
    }

    /// Tells the end. The first one counts.
    pub(crate) fn end(&self, end: End, deadline: Instant) {
        let mut state = self.state();
        if !state.has_ended {
            state.has_ended = true;
            state.end = Some(end);
            self.limit.set(deadline);
        }
        drop(state);
        self.changed.notify_one();
    }

    /// Waits until there is something to send: statistics not before `not_before`, the end at once.
    pub(crate) async fn next(&self, not_before: Instant) -> Work {
        loop {
            let has_waiting = {
                let mut state = self.state();
                if let Some(end) = state.end.take() {
                    let patches: Vec<_> = state.waiting.drain(..).collect();
                    self.queue.release(patches.iter().map(|waiting| waiting.bytes).sum());
                    state.ticket = None;
                    let patches = patches.into_iter().map(|waiting| waiting.patch);
                    return Work::End(Box::new(end), patches.collect());
                }
                if Instant::now() >= not_before
                    && let Some(next) = state.waiting.pop_front()
                {
                    self.queue.release(next.bytes);
                    let ticket = match state.waiting.is_empty() {
                        true => state.ticket.take(),
                        false => None,
                    };
                    return Work::Progress(next.patch, ticket);
                }
                !state.waiting.is_empty()
            };
            select! {
                () = self.changed.notified() => {}
                () = sleep_until(not_before), if has_waiting => {}
            }
        }
    }

    /// Waits until the end is reported, or the time has come.
    pub(crate) async fn ended_or(&self, at: Instant) {
        while !self.state().has_ended && Instant::now() < at {
            select! {
                () = self.changed.notified() => {}
                () = sleep_until(at) => {}
            }
        }
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.state().has_ended
    }
}
