//! Reports the run beside the command, on a thread of its own.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::mpsc::Sender,
    thread,
    time::Duration,
};

use flowruns_client::{
    Client, ClientBuilder, Ended, Error, Flow, FlowId, JsonObject, NewRun, ReportError, Run, RunId,
    Timestamp, error_chain,
};
use tokio::{select, sync::mpsc};

use super::{
    event::Event,
    inbox::{Ending, Inbox, Message},
    known_flows::KnownFlows,
    outcome::Reported,
};
use crate::exit::Failure;

/// The time after the end of the command in which reports are sent. Then they go to the spool.
pub(super) const DEADLINE: Duration = Duration::from_secs(10);
/// How long one attempt may take: shorter, so that a connection that hangs is not the only one.
const ATTEMPT_TIME: Duration = Duration::from_secs(5);
/// How long the reports of earlier commands may be sent.
const SPOOL_TIME: Duration = Duration::from_secs(5);
/// How often the server is asked for the flow again while it does not allow it.
const PAUSE: Duration = Duration::from_secs(10);

/// The run to report.
#[derive(Debug)]
pub(super) struct Plan {
    /// As it was given, and the id that it contains, if it is not a name.
    pub(super) flow: String,
    pub(super) flow_id: Option<FlowId>,
    /// Ids of names that were found before.
    pub(super) known_flows: Option<KnownFlows>,
    pub(super) create_flow: bool,
    pub(super) name: String,
    pub(super) run: RunId,
    pub(super) start: Timestamp,
    /// Whether the run must be stored before the command starts.
    pub(super) must_be_created: bool,
}

/// What became of the report.
#[derive(Debug)]
pub(super) enum Delivery {
    /// The server has stored it. The text says what of it could not be.
    Stored(Option<String>),
    /// It is in the spool; why.
    Spooled(String),
    /// Neither; why.
    Lost(String),
}

/// Sends messages to the thread that reports.
#[derive(Debug)]
pub(super) struct Reporter(mpsc::UnboundedSender<Message>);

impl Reporter {
    /// Starts the thread. If the run need not be created before the command starts, it waits for that: the start of the command
    /// comes first. What becomes of the report is an event.
    pub(super) fn start(
        plan: Plan,
        builder: Result<ClientBuilder, Failure>,
        events: &Sender<Event>,
    ) -> Self {
        let (sender, receiver) = mpsc::unbounded_channel();
        let thread_events = events.clone();
        let report = move || {
            // The runtime panics if it gets no files, for example. Nobody would tell what became of the report.
            let reported = AssertUnwindSafe(|| report(&plan, builder, receiver, &thread_events));
            let delivery = match catch_unwind(reported) {
                Ok(Ok(notes)) => Delivery::Stored(notes),
                Ok(Err(delivery)) => delivery,
                Err(_panic) => Delivery::Lost("the thread that reports panicked".to_owned()),
            };
            let _gone = thread_events.send(Event::Reported(delivery));
        };
        let thread = thread::Builder::new().name("report".to_owned()).spawn(report);
        if let Err(error) = thread {
            let _gone = events.send(Event::Reported(Delivery::Lost(error.to_string())));
        }
        Self(sender)
    }

    /// Sends a message. When the thread has ended, it has reported the result already.
    pub(super) fn tell(&self, message: Message) {
        let _ended = self.0.send(message);
    }
}

fn report(
    plan: &Plan,
    builder: Result<ClientBuilder, Failure>,
    mut messages: mpsc::UnboundedReceiver<Message>,
    events: &Sender<Event>,
) -> Result<Option<String>, Delivery> {
    if !plan.must_be_created {
        let _started = messages.blocking_recv();
    }
    let lost = |error: &dyn std::fmt::Display| Delivery::Lost(error.to_string());
    let builder = builder.map_err(|failure| lost(&failure))?;
    let client = builder
        .deadline(DEADLINE)
        .attempt_timeout(ATTEMPT_TIME)
        .build()
        .map_err(|error| Delivery::Lost(error_chain(&error)))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    let runtime = runtime.map_err(|error| lost(&error))?;
    let mut inbox = Inbox::new(messages, DEADLINE);
    runtime.block_on(async {
        let session = Session { plan, client };
        let run = session.start(&mut inbox, events).await?;
        session.finish(run, &mut inbox).await
    })
}

struct Session<'a> {
    plan: &'a Plan,
    client: Client,
}

impl Session<'_> {
    async fn start(&self, inbox: &mut Inbox, events: &Sender<Event>) -> Result<Run, Delivery> {
        let Plan { name, run, start, .. } = self.plan;
        let new = NewRun::new(name).id(*run).start(*start);
        let flow = self.flow(inbox).await?;
        if !self.plan.must_be_created {
            return flow.start_detached(new).map_err(|error| Delivery::Lost(error.to_string()));
        }
        let run = flow.start(new).await.map_err(|error| Delivery::Lost(error_chain(&error)))?;
        let _gone = events.send(Event::Created);
        Ok(run)
    }

    /// The flow: its id is given, or the server is asked for its name until the time is over. Then an id that was found before is
    /// good enough for the spool.
    async fn flow(&self, inbox: &mut Inbox) -> Result<Flow, Delivery> {
        let name = &self.plan.flow;
        if let Some(id) = self.plan.flow_id {
            return Ok(self.client.flow_by_id(id));
        }
        let mut last = None;
        loop {
            let was_ended = inbox.has_ended();
            let found = select! {
                biased;
                found = self.find(name) => found,
                () = inbox.out_of_time() => break,
            };
            let error = match found {
                Ok(flow) => {
                    if let Some(known) = &self.plan.known_flows {
                        let _only_for_the_spool = known.keep(name, flow.id());
                    }
                    return Ok(flow);
                }
                Err(error) => error,
            };
            let text = error_chain(&error);
            if self.plan.must_be_created || !error.is_temporary() {
                return Err(Delivery::Lost(text));
            }
            last = Some(text);
            let is_away = matches!(error, Error::Away { .. });
            match was_ended {
                // A token that is not accepted is still not accepted some seconds later.
                true if !is_away => break,
                true => {}
                false => inbox.ended_within(PAUSE).await,
            }
        }
        let known = self.plan.known_flows.as_ref().and_then(|known| known.find(name));
        known.map(|id| self.client.flow_by_id(id)).ok_or_else(|| {
            let away = || format!("the server at {} did not respond in time", self.client.server());
            let error = last.unwrap_or_else(away);
            Delivery::Lost(format!("{error}; the id of the flow {name:?} is not known here, so the report cannot be spooled"))
        })
    }

    async fn find(&self, name: &str) -> Result<Flow, Error> {
        match self.plan.create_flow {
            true => self.client.create_flow(name).await,
            false => self.client.flow(name).await,
        }
    }

    /// Passes statistics on until the command has ended, and then tells its outcome.
    async fn finish(&self, mut run: Run, inbox: &mut Inbox) -> Result<Option<String>, Delivery> {
        let mut note = None;
        let mut tell = |run: &Run, statistics: Vec<JsonObject>| {
            for statistics in statistics {
                if let Err(error) = run.progress(&statistics) {
                    note =
                        Some(format!("some statistics are not reported: {}", error_chain(&error)));
                }
            }
        };
        let Ending { reported, statistics, at } = loop {
            tell(&run, inbox.statistics());
            match inbox.ending() {
                Some(ending) => break ending,
                None => inbox.changed().await,
            }
        };
        tell(&run, statistics);
        run.set_end(at);
        let ended = self.end(run, reported, inbox).await;
        let delivered = delivered(ended).map(|()| note);
        if delivered.is_ok() && !inbox.is_hurried() {
            // What is not sent now is sent later.
            let _later = self.client.flush_spool(SPOOL_TIME).await;
        }
        delivered
    }

    async fn end(
        &self,
        run: Run,
        reported: Reported,
        inbox: &mut Inbox,
    ) -> Result<Ended, ReportError> {
        let ended = async {
            match reported {
                Ok(outcome) => run.end(outcome).await,
                Err(error) => run.fail(error).await,
            }
        };
        let mut ended = std::pin::pin!(ended);
        select! {
            biased;
            ended = &mut ended => return ended,
            () = inbox.out_of_time() => {}
        }
        // What has not arrived goes to the spool.
        select! {
            ended = &mut ended => ended,
            _ = self.client.flush(Duration::ZERO) => ended.await,
        }
    }
}

fn delivered(ended: Result<Ended, ReportError>) -> Result<(), Delivery> {
    let error = match ended {
        Ok(_) => return Ok(()),
        Err(error) => error,
    };
    match &error {
        ReportError::Unknown { spooled: true, last } => Err(Delivery::Spooled(error_chain(last))),
        ReportError::NotAllowed { spooled: true, error } => {
            Err(Delivery::Spooled(error_chain(error)))
        }
        error => Err(Delivery::Lost(error_chain(error))),
    }
}
