//! A flow, and the runs that it starts.

use std::sync::Arc;

use flowruns_domain::{
    display_name::{DisplayName, InvalidDisplayName},
    id::{FlowId, RunId},
    run::Statistics,
    timestamp::Timestamp,
};
use futures_util::Stream;
use tokio::{sync::oneshot, time::Instant};

use crate::{
    BlockingError, Client, Ended, Error, JobError, Outcome, Run, RunAddress, RunError, RunQuery,
    RunRow,
    read::pages,
    report::{Creation, EndReason, Mailbox, Reporter, Step, TicketKind},
};

/// A flow: a process that brings data in again and again. It owns its runs.
#[derive(Clone, Debug)]
pub struct Flow {
    pub(crate) client: Client,
    pub(crate) id: FlowId,
}

/// A run to start: its name, and what else is not left to the client. A text is a run with this name.
///
/// ```
/// use flowruns_client::NewRun;
///
/// let run = NewRun::new("Rosters of 1 March").start("2026-03-01T08:30:00Z".parse().unwrap());
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct NewRun {
    name: String,
    id: Option<RunId>,
    start: Option<Timestamp>,
}

impl NewRun {
    /// A run with this name, which starts now.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), id: None, start: None }
    }

    /// An id of the caller. With the same id, name and start, a repeated start finds the run that the first one created.
    #[must_use]
    pub const fn id(mut self, id: RunId) -> Self {
        self.id = Some(id);
        self
    }

    /// When it started. Without it, by the clock of this machine at the call.
    #[must_use]
    pub const fn start(mut self, start: Timestamp) -> Self {
        self.start = Some(start);
        self
    }
}

impl From<&str> for NewRun {
    fn from(name: &str) -> Self {
        Self::new(name)
    }
}

impl From<&String> for NewRun {
    fn from(name: &String) -> Self {
        Self::new(name)
    }
}

impl From<String> for NewRun {
    fn from(name: String) -> Self {
        Self::new(name)
    }
}

impl Flow {
    /// Its id.
    pub const fn id(&self) -> FlowId {
        self.id
    }

    /// The client.
    pub const fn client(&self) -> &Client {
        &self.client
    }

    /// Runs a job as a run of this flow. What the job returns is the outcome: an error, a panic and a dropped future are `failed`.
    ///
    /// The job starts at once and never waits for the server; the end waits for its acknowledgement. `?` in the job accepts any error
    /// of Rust, and those of `anyhow`.
    ///
    /// ```no_run
    /// use flowruns_client::{Client, Outcome};
    /// use serde_json::json;
    ///
    /// # async fn import() -> std::io::Result<u64> { Ok(7) }
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// let flow = Client::from_env()?.flow("Nightly rosters").await?;
    /// flow.run("Rosters of 1 March", async |run| {
    ///     let rows = import().await?;
    ///     run.progress(&json!({"rows": rows}))?;
    ///     Ok(Outcome::Completed)
    /// })
    /// .await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`RunError`]: the job failed, or its outcome was not acknowledged. With a name that the service does not accept, the job does
    /// not start.
    pub async fn run(
        &self,
        run: impl Into<NewRun>,
        job: impl AsyncFnOnce(&Run) -> Result<Outcome, JobError>,
    ) -> Result<Ended, RunError> {
        let run = self.start_detached(run)?;
        match job(&run).await {
            Ok(outcome) => run.end(outcome).await.map_err(RunError::Report),
            Err(error) => {
                let report = run.fail(BlockingError::from_error("jobFailed", &*error)).await;
                Err(RunError::Job { error, report })
            }
        }
    }

    /// Starts a run, for code that has no one place to return from. Waits until the run is stored.
    ///
    /// # Errors
    ///
    /// The run was not stored, or that is not known; then it is ended as failed if it was stored after all.
    pub async fn start(&self, run: impl Into<NewRun>) -> Result<Run, Error> {
        let (answer, created) = oneshot::channel();
        let deadline = Instant::now() + self.client.core.shared.deadline;
        let run = self.create(&run.into(), Some((answer, deadline)))?;
        match created.await.unwrap_or(Err(Error::Closed)) {
            Ok(()) => Ok(run),
            Err(error) => {
                run.abandon(EndReason::NotStarted);
                Err(error)
            }
        }
    }

    /// Starts a run without waiting for the server: it is created beside the job. If that fails, the error is returned at the end.
    ///
    /// # Errors
    ///
    /// [`InvalidDisplayName`].
    pub fn start_detached(&self, run: impl Into<NewRun>) -> Result<Run, InvalidDisplayName> {
        self.create(&run.into(), None)
    }

    /// Goes on with a run that another process started and did not end: one that was handed over, or a job that was restarted.
    ///
    /// # Errors
    ///
    /// [`Error::AlreadyEnded`], [`Error::NotFound`] and those of any request.
    pub async fn adopt(&self, run: RunId) -> Result<Run, Error> {
        let address = RunAddress { flow: self.id, run };
        let record = self.client.run(address).await?;
        if record.status.is_terminal() {
            return Err(Error::AlreadyEnded(record.status));
        }
        let known = Statistics::from_stored(&record.statistics);
        Ok(self.guard(address, known, None))
    }

    /// As [`adopt`](Self::adopt), without asking the server whether the run exists and is running.
    pub fn adopt_detached(&self, run: RunId) -> Run {
        self.guard(RunAddress { flow: self.id, run }, Statistics::default(), None)
    }

    /// Lists the runs of this flow. The stream follows the pages.
    pub fn runs(
        &self,
        query: &RunQuery,
    ) -> impl Stream<Item = Result<RunRow, Error>> + Send + use<> {
        let (core, flow) = (Arc::clone(&self.client.core), self.id);
        let url = core.shared.server.runs(flow);
        pages(core, url, &query.options(), move |row| RunRow::of(row, Some(flow)))
    }

    fn create(
        &self,
        new: &NewRun,
        answer: Option<(oneshot::Sender<Result<(), Error>>, Instant)>,
    ) -> Result<Run, InvalidDisplayName> {
        let shared = &self.client.core.shared;
        let name = DisplayName::new(&new.name)?;
        let run = new.id.unwrap_or_else(|| new_run_id(|| shared.next_id()));
        let address = RunAddress { flow: self.id, run };
        let start = new.start.unwrap_or_else(|| shared.clock.now());
        let creation = Creation {
            step: Step::create(shared.next_id(), address, name.as_str(), start),
            refused: None,
            answer,
            _ticket: shared.tickets.issue(TicketKind::Report),
        };
        Ok(self.guard(address, Statistics::default(), Some(creation)))
    }

    fn guard(&self, address: RunAddress, known: Statistics, creation: Option<Creation>) -> Run {
        let shared = &self.client.core.shared;
        let mailbox = Mailbox::new(known, Arc::clone(&shared.queue), Arc::clone(&shared.tickets));
        let mailbox = Arc::new(mailbox);
        shared.register(&mailbox);
        let reporter = Reporter {
            shared: Arc::clone(shared),
            address,
            mailbox: Arc::clone(&mailbox),
            creation,
        };
        self.client.core.worker.spawn(reporter.run());
        Run::new(self.client.clone(), address, mailbox)
    }
}

fn new_run_id(next: impl Fn() -> uuid::Uuid) -> RunId {
    loop {
        if let Ok(id) = RunId::new(next()) {
            return id;
        }
    }
}
