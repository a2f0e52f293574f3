//! A stream of events for one open tab.

use std::{borrow::Cow, convert::Infallible, future::Future, pin::Pin, sync::atomic::Ordering};

use bytes::Bytes;
use futures_util::stream::{self, Stream};
use tokio::time::{Instant, sleep_until};

use super::{
    event::{Bye, EventKind, KEEP_ALIVE},
    registry::{Live, StreamSlot, Subscription},
    snapshot::{Change, Revision},
    watch::WatchState,
};

/// What a page shows when its session has too many.
pub(super) const TOO_MANY_OF_SESSION: &str = "not live: you have too many pages open";

/// The state of a stream. It has no queue: each time the connection takes an event, the stream compares the latest snapshot
/// with what it has sent.
pub(super) struct EventStream {
    subscription: Subscription,
    slot: StreamSlot,
    /// What the page has; `None` if it is not known.
    sent: Option<Revision>,
    /// The last state that was sent.
    told: Option<WatchState>,
    /// Whether the script knows the revision that the page has now.
    is_revision_told: bool,
    last_event: Option<Instant>,
    session_end: Instant,
    draining: Pin<Box<dyn Future<Output = ()> + Send>>,
    is_over: bool,
}

impl EventStream {
    /// A stream for a page of the revision `sent`, until the session ends.
    pub(super) fn new(
        (slot, subscription): (StreamSlot, Subscription),
        live: &Live,
        sent: Option<Revision>,
        session_end: Instant,
    ) -> Self {
        let draining = live.options.draining.clone();
        Self {
            subscription,
            slot,
            sent,
            told: None,
            is_revision_told: true,
            last_event: None,
            session_end,
            draining: Box::pin(async move { draining.begun().await }),
            is_over: false,
        }
    }

    /// The events as the frames of a body.
    pub(super) fn into_frames(self) -> impl Stream<Item = Result<Bytes, Infallible>> + Send {
        stream::unfold(self, async |mut stream| {
            let event = stream.next().await?;
            stream.slot.live().meter.bytes.increment(event.len() as u64);
            Some((Ok(event), stream))
        })
    }

    /// The next event; `None` after the last one.
    async fn next(&mut self) -> Option<Bytes> {
        if self.is_over {
            return None;
        }
        let event = match self.last_event {
            // The first bytes are sent at once, so that the tab knows that the stream is open.
            None => KEEP_ALIVE,
            Some(last) => self.next_after(last).await,
        };
        self.last_event = Some(Instant::now());
        Some(event)
    }

    async fn next_after(&mut self, last: Instant) -> Bytes {
        let keep_alive = last + self.slot.live().options.limits.keep_alive;
        loop {
            if let Some(bye) = self.reason_to_end() {
                return self.end(bye);
            }
            if let Some(event) = self.due_event() {
                return event;
            }
            tokio::select! {
                biased;
                () = &mut self.draining => return self.end(Bye::Drain),
                () = sleep_until(self.session_end) => return self.end(Bye::Session),
                // The reason is looked at when the loop begins again.
                Ok(()) = self.slot.ended.changed() => {}
                changed = self.subscription.updates.changed() => {
                    if changed.is_err() {
                        return self.end(Bye::Page);
                    }
                }
                () = sleep_until(keep_alive) => return KEEP_ALIVE,
            }
        }
    }

    /// Why the stream must end now, also if events are due.
    fn reason_to_end(&self) -> Option<Bye> {
        if self.slot.live().options.draining.is_draining() {
            return Some(Bye::Drain);
        }
        let is_session_over = Instant::now() >= self.session_end;
        is_session_over.then_some(Bye::Session).or(*self.slot.ended.borrow())
    }

    fn end(&mut self, bye: Bye) -> Bytes {
        self.is_over = true;
        match bye {
            Bye::Full => full(TOO_MANY_OF_SESSION),
            bye => bye.event(),
        }
    }

    /// The next event of the latest update: first the parts of the page, then its revision, then the state.
    fn due_event(&mut self) -> Option<Bytes> {
        let update = self.subscription.updates.borrow_and_update().clone();
        if update.state == WatchState::Gone {
            return Some(self.end(Bye::Page));
        }
        if let Some(snapshot) = &update.snapshot {
            let change = match &mut self.sent {
                Some(sent) => snapshot.next_change(sent),
                None => Change::OtherPage,
            };
            match change {
                Change::Part(event) => return Some(self.part(event)),
                Change::OtherPage => return Some(self.end(Bye::Page)),
                Change::Wanted => update.is_part_wanted.store(true, Ordering::Relaxed),
                Change::None => {}
            }
        }
        if !self.is_revision_told {
            self.is_revision_told = true;
            let sent = self.sent.as_ref()?;
            return Some(EventKind::Revision.event(&sent.to_string()));
        }
        if self.told != Some(update.state) {
            self.told = Some(update.state);
            return state_event(update.state, self.slot.live());
        }
        None
    }

    fn part(&mut self, event: Bytes) -> Bytes {
        self.is_revision_told = false;
        self.slot.live().meter.fragments.increment(1);
        event
    }
}

/// Tells a page why it is not live, and that there is no stream for it now.
pub(super) fn full(text: &str) -> Bytes {
    let mut events = EventKind::State.event(&format!("off\n{text}")).to_vec();
    events.extend_from_slice(&Bye::Full.event());
    Bytes::from(events)
}

/// What a page shows about its state.
fn state_event(state: WatchState, live: &Live) -> Option<Bytes> {
    let (is_live, text) = match state {
        WatchState::Starting | WatchState::Gone => return None,
        WatchState::Live { every } if every <= live.options.limits.interval => {
            (true, Cow::Borrowed("live"))
        }
        WatchState::Live { every } => (true, format!("live, every {} s", every.as_secs()).into()),
        WatchState::Refused => (false, "paused: the server is busy".into()),
        WatchState::Failed => (false, "reconnecting".into()),
    };
    let now = live.options.clock.now().date_time().timestamp_millis();
    let is_live = if is_live { "on" } else { "off" };
    Some(EventKind::State.event(&format!("{is_live}\n{text}\n{now}")))
}
