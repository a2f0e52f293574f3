//! Sends the reports of one run, in order: the creation, statistics at most once a second, the end.

use std::{collections::VecDeque, future::pending, sync::Arc, time::Duration};

use flowruns_domain::json::JsonObject;
use tokio::{
    select,
    sync::oneshot,
    time::{Instant, sleep_until},
};
use tracing::warn;

use super::{
    delivery::Delivery,
    end::{End, EndReason},
    mailbox::{Mailbox, Work},
    step::Step,
    ticket::Ticket,
};
use crate::{
    Error,
    address::RunAddress,
    blocking_error::error_chain,
    send::{Attempt, Backoff, Limit, PREFER, Prepared},
    worker::Shared,
};

/// Statistics of a run are sent at most this often.
const PROGRESS_INTERVAL: Duration = Duration::from_secs(1);

/// A creation that is not acknowledged.
#[derive(Debug)]
pub(crate) struct Creation {
    pub(crate) step: Step,
    /// The final refusal. Then it is not sent again, and nothing else of the run is sent.
    pub(crate) refused: Option<Error>,
    /// Who waits for the creation, and how long.
    pub(crate) answer: Option<(oneshot::Sender<Result<(), Error>>, Instant)>,
    /// Unsettled until it is dropped.
    pub(crate) _ticket: Ticket,
}

/// Sends the reports of one run.
pub(crate) struct Reporter {
    pub(crate) shared: Arc<Shared>,
    pub(crate) address: RunAddress,
    pub(crate) mailbox: Arc<Mailbox>,
    pub(crate) creation: Option<Creation>,
}

impl Reporter {
    /// Runs until the guard has ended and what it reported is settled.
    pub(crate) async fn run(mut self) {
        if let Some(creation) = self.creation.take() {
            self.creation = self.create(creation).await;
        }
        let mut not_before = Instant::now();
        let mut backoff = Backoff::new();
        loop {
            match self.mailbox.next(not_before).await {
                Work::End(end, patches) => return self.end(*end, patches).await,
                // What belongs to a run that cannot be created is not stored.
                Work::Progress(..) if self.is_refused() => {}
                Work::Progress(patch, ticket) => {
                    let sent = match self.create_again().await {
                        Ok(()) => self.progress(patch, ticket).await,
                        Err(after) => {
                            self.mailbox.put_back(patch, ticket);
                            Err(after)
                        }
                    };
                    let pause = match sent {
                        Ok(()) => {
                            backoff = Backoff::new();
                            PROGRESS_INTERVAL
                        }
                        Err(after) => {
                            self.shared.sender.pause(&mut backoff, after).max(PROGRESS_INTERVAL)
                        }
                    };
                    not_before = Instant::now() + pause;
                }
            }
        }
    }

    /// Creates the run, until that is acknowledged or finally refused, or the guard ends. Returns the creation if it is still to be
    /// sent with the end.
    async fn create(&self, mut creation: Creation) -> Option<Creation> {
        let request = creation.step.request(&self.shared.server, self.address);
        let limit = self.mailbox.limit();
        let mut backoff = Backoff::new();
        let mut attempts = 0;
        loop {
            attempts += 1;
            let awaited_until = creation.answer.as_ref().map(|(_, deadline)| *deadline);
            let attempt = select! {
                biased;
                attempt = self.attempt(&request, &limit) => attempt,
                () = passed(awaited_until) => {
                    Attempt::Again { cause: "no response until the deadline".into(), after: None }
                }
            };
            let (cause, after) = match attempt {
                Attempt::Done(response) => match creation.step.check(&response, self.address) {
                    Ok(()) => {
                        answer(&mut creation, Ok(()));
                        return None;
                    }
                    Err(error) => (error.into(), None),
                },
                Attempt::Final(error) => {
                    if creation.answer.is_some() {
                        answer(&mut creation, Err(error));
                    } else {
                        self.not_created(&mut creation, error);
                    }
                    return Some(creation);
                }
                Attempt::Again { cause, after } => (cause, after),
            };
            let next = Instant::now() + self.shared.sender.pause(&mut backoff, after);
            if creation.answer.as_ref().is_some_and(|(_, deadline)| next >= *deadline) {
                let server = self.shared.server.text().to_owned();
                answer(&mut creation, Err(Error::Away { server, attempts, last: Some(cause) }));
            }
            self.mailbox.ended_or(next).await;
            if self.mailbox.has_ended() {
                return Some(creation);
            }
        }
    }

    /// Tries a creation again that was not allowed, before statistics. The error is the pause that the server asks for.
    async fn create_again(&mut self) -> Result<(), Option<Duration>> {
        let Some(creation) = &self.creation else {
            return Ok(());
        };
        let request = creation.step.request(&self.shared.server, self.address);
        let limit = self.mailbox.limit();
        match self.attempt(&request, &limit).await {
            Attempt::Done(response) => {
                creation.step.check(&response, self.address).map_err(|_unreadable| None)?;
                self.creation = None;
                Ok(())
            }
            Attempt::Final(error) => {
                if let Some(mut creation) = self.creation.take() {
                    self.not_created(&mut creation, error);
                    self.creation = Some(creation);
                }
                Err(None)
            }
            Attempt::Again { after, .. } => Err(after),
        }
    }

    /// Keeps a final refusal for the end. A token that is not accepted may be replaced, so the creation is tried again.
    fn not_created(&self, creation: &mut Creation, error: Error) {
        warn!(run = %self.url(), error = %error_chain(&error), "the run was not created");
        creation.refused = Some(error).filter(|error| !error.is_temporary());
    }

    fn is_refused(&self) -> bool {
        self.creation.as_ref().is_some_and(|creation| creation.refused.is_some())
    }

    /// One attempt, until the deadline of the end passes.
    async fn attempt(&self, request: &Prepared, limit: &Limit) -> Attempt {
        select! {
            biased;
            attempt = self.shared.sender.attempt(request) => attempt,
            () = limit.passed() => Attempt::Again { cause: "the run has ended meanwhile".into(), after: None },
        }
    }

    /// One attempt to send statistics. What was not acknowledged waits again. The error is the pause that the server asks for.
    async fn progress(
        &self,
        patch: JsonObject,
        ticket: Option<Ticket>,
    ) -> Result<(), Option<Duration>> {
        let step = Step::progress(self.shared.next_id(), &patch);
        let request = step.request(&self.shared.server, self.address);
        let request = request.header(PREFER, "return=minimal");
        let limit = self.mailbox.limit();
        match self.attempt(&request, &limit).await {
            Attempt::Done(_) => Ok(()),
            Attempt::Final(error) if !error.is_temporary() => {
                warn!(run = %self.url(), %error, "statistics were refused and are dropped");
                Ok(())
            }
            Attempt::Again { after, .. } => {
                self.mailbox.put_back(patch, ticket);
                Err(after)
            }
            Attempt::Final(_temporary) => {
                self.mailbox.put_back(patch, ticket);
                Err(None)
            }
        }
    }

    async fn end(mut self, end: End, patches: VecDeque<JsonObject>) {
        let creation = match end.reason {
            // If it was not created, there is nothing to end.
            EndReason::NotStarted => None,
            _ => self.creation.take(),
        };
        let (creation, refused) = match creation {
            None => (None, None),
            Some(Creation { refused: Some(error), .. }) => (None, Some(error)),
            Some(creation) => (Some(creation.step), None),
        };
        let url = self.url();
        if end.reason == EndReason::Dropped {
            warn!(run = %url, "the run was dropped without an outcome; it is reported as failed");
        }
        let delivery =
            Delivery { shared: &self.shared, address: self.address, limit: self.mailbox.limit() };
        match refused {
            Some(error) => delivery.not_created(end, error).await,
            None => delivery.end(end, creation, patches).await,
        }
    }

    fn url(&self) -> String {
        self.shared.server.run(self.address).to_string()
    }
}

/// Waits until a deadline, forever without one.
async fn passed(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => pending().await,
    }
}

fn answer(creation: &mut Creation, result: Result<(), Error>) {
    if let Some((answer, _)) = creation.answer.take() {
        // If the caller has gone, its guard was dropped, which is reported.
        let _gone = answer.send(result);
    }
}
