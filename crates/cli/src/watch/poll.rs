//! Reads again and again, with growing pauses, until a time.

use std::{
    thread,
    time::{Duration, Instant},
};

use crate::{
    exit::{Exit, Failure},
    print::Waiting,
};

/// The first pause between two reads. It doubles while nothing changes.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LAST_PAUSE: Duration = Duration::from_secs(5);
/// A server that does not respond for this long, such as during a restart, does not end a watch.
const AWAY: Duration = Duration::from_secs(120);

/// A time, or none.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deadline(Option<Instant>);

impl Deadline {
    /// Without a duration there is none; with one that is too long, too.
    pub(super) fn after(duration: Option<Duration>) -> Self {
        Self(duration.and_then(|duration| Instant::now().checked_add(duration)))
    }

    /// The earlier one.
    pub(super) fn min(self, other: Self) -> Self {
        Self(self.0.into_iter().chain(other.0).min())
    }

    fn left(self) -> Duration {
        self.0.map_or(Duration::MAX, |at| at.saturating_duration_since(Instant::now()))
    }
}

/// The pauses of a watch.
pub(super) struct Poll {
    end: Deadline,
    pause: Duration,
    has_answered: bool,
    away_since: Option<Instant>,
}

impl Poll {
    pub(super) const fn new(end: Deadline) -> Self {
        Self { end, pause: FIRST_PAUSE, has_answered: false, away_since: None }
    }

    /// Reads once, with the retries of the client. `None` while a server that has responded before does not respond.
    ///
    /// # Errors
    ///
    /// Those of the read; [`Exit::Away`] after two minutes.
    pub(super) fn read<T>(
        &mut self,
        read: impl FnOnce() -> Result<T, Failure>,
    ) -> Result<Option<T>, Failure> {
        match read() {
            Ok(answer) => {
                (self.has_answered, self.away_since) = (true, None);
                Ok(Some(answer))
            }
            Err(failure) if failure.exit() == Exit::Away && self.has_answered => {
                let since = *self.away_since.get_or_insert_with(Instant::now);
                if since.elapsed() < AWAY { Ok(None) } else { Err(failure) }
            }
            Err(failure) => Err(failure),
        }
    }

    /// The next pause is the first one: something has changed.
    pub(super) const fn reset(&mut self) {
        self.pause = FIRST_PAUSE;
    }

    /// Waits before the next read. Returns false, without a pause, if the time is over.
    pub(super) fn pause(&mut self, why: &'static str) -> bool {
        let left = self.end.left();
        if left.is_zero() {
            return false;
        }
        let _waiting = Waiting::new(why);
        thread::sleep(self.pause.min(left));
        self.pause = (self.pause * 2).min(LAST_PAUSE);
        true
    }
}
