//! What the thread that reports receives while it waits for the server.

use std::{future::pending, mem, time::Duration};

use flowruns_client::{JsonObject, Timestamp};
use tokio::{
    select,
    sync::mpsc::UnboundedReceiver,
    time::{Instant, sleep, sleep_until},
};

use super::outcome::Reported;

/// What the supervisor of the command tells.
#[derive(Debug)]
pub(super) enum Message {
    /// The command was started, or could not be started.
    Started,
    /// Statistics, while the command runs.
    Statistics(JsonObject),
    /// The command has ended.
    Ended(Box<Ending>),
    /// `exec` must end at once: what is not sent goes to the spool.
    Hurry,
}

/// The end of the command.
#[derive(Debug)]
pub(super) struct Ending {
    pub(super) reported: Reported,
    pub(super) statistics: Vec<JsonObject>,
    pub(super) at: Timestamp,
}

/// Messages, and the time that is left to report.
#[derive(Debug)]
pub(super) struct Inbox {
    messages: UnboundedReceiver<Message>,
    deadline: Duration,
    statistics: Vec<JsonObject>,
    ending: Option<Ending>,
    /// When the time is over, once the command has ended.
    limit: Option<Instant>,
    is_hurried: bool,
}

impl Inbox {
    /// `deadline` is the time from the end of the command in which reports are sent.
    pub(super) const fn new(messages: UnboundedReceiver<Message>, deadline: Duration) -> Self {
        let statistics = Vec::new();
        Self { messages, deadline, statistics, ending: None, limit: None, is_hurried: false }
    }

    /// Waits for the next message.
    pub(super) async fn changed(&mut self) {
        match self.messages.recv().await {
            Some(Message::Statistics(statistics)) => self.statistics.push(statistics),
            Some(Message::Ended(ending)) => {
                self.ending = Some(*ending);
                self.limit = Some(Instant::now() + self.deadline);
            }
            Some(Message::Started) => {}
            Some(Message::Hurry) => self.is_hurried = true,
            // The supervisor lives longer than this thread.
            None => pending().await,
        }
    }

    /// Waits until the command has ended and the time after its end is over.
    pub(super) async fn out_of_time(&mut self) {
        loop {
            let Some(limit) = self.limit else {
                self.changed().await;
                continue;
            };
            if self.is_hurried {
                return;
            }
            select! {
                () = self.changed() => {}
                () = sleep_until(limit) => return,
            }
        }
    }

    /// Waits until the command has ended, at most this long.
    pub(super) async fn ended_within(&mut self, time: Duration) {
        let ended = async {
            while !self.has_ended() {
                self.changed().await;
            }
        };
        select! {
            () = ended => {}
            () = sleep(time) => {}
        }
    }

    pub(super) const fn has_ended(&self) -> bool {
        self.limit.is_some()
    }

    pub(super) const fn is_hurried(&self) -> bool {
        self.is_hurried
    }

    /// The statistics that were received since the last call.
    pub(super) fn statistics(&mut self) -> Vec<JsonObject> {
        mem::take(&mut self.statistics)
    }

    /// The end, once.
    pub(super) const fn ending(&mut self) -> Option<Ending> {
        self.ending.take()
    }
}
