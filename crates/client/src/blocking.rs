//! The same client for code without an async runtime. Its methods block the calling thread.
//!
//! ```no_run
//! use flowruns_client::{Outcome, blocking::Client};
//!
//! # fn import() -> std::io::Result<u64> { Ok(7) }
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let flow = Client::from_env()?.flow("Nightly rosters")?;
//! flow.run("Rosters of 1 March", |run| {
//!     let rows = import()?;
//!     run.progress(&serde_json::json!({"rows": rows}))?;
//!     Ok(Outcome::Completed)
//! })?;
//! # Ok(())
//! # }
//! ```

mod wait;

use std::time::Duration;

use flowruns_domain::id::{FlowId, RunId};
use serde::Serialize;

use self::wait::{iterate, wait};
use crate::{
    BlockingError, ConfigError, Ended, Error, FlowQuery, FlowRecord, Flushed, HistoryEntry,
    InvalidDisplayName, JobError, NewRun, Outcome, ReportError, RunAddress, RunError, RunQuery,
    RunRecord, RunRow, SpoolError, SpoolFlushed, StatisticsError, Timestamp,
};

/// As [`crate::Client`].
#[derive(Clone, Debug)]
pub struct Client(crate::Client);

/// As [`crate::Flow`].
#[derive(Clone, Debug)]
pub struct Flow(crate::Flow);

/// As [`crate::Run`]: dropped without an outcome it reports `failed`.
///
/// ```compile_fail,E0382
/// # fn example(run: flowruns_client::blocking::Run) {
/// run.complete(());
/// run.complete(());
/// # }
/// ```
#[must_use = "dropped without an outcome it reports failed"]
#[derive(Debug)]
pub struct Run(crate::Run);

impl From<crate::Client> for Client {
    fn from(client: crate::Client) -> Self {
        Self(client)
    }
}

impl Client {
    /// As [`crate::Client::from_env`].
    ///
    /// # Errors
    ///
    /// [`ConfigError`], which names the variable.
    pub fn from_env() -> Result<Self, ConfigError> {
        crate::Client::from_env().map(Self)
    }

    /// The same client for async code.
    pub const fn asynchronous(&self) -> &crate::Client {
        &self.0
    }

    /// As [`crate::Client::flow`].
    ///
    /// # Errors
    ///
    /// Those of the async method.
    pub fn flow(&self, name_or_id: &str) -> Result<Flow, Error> {
        wait(self.0.flow(name_or_id)).map(Flow)
    }

    /// As [`crate::Client::flow_by_id`].
    pub fn flow_by_id(&self, id: FlowId) -> Flow {
        Flow(self.0.flow_by_id(id))
    }

    /// As [`crate::Client::create_flow`].
    ///
    /// # Errors
    ///
    /// Those of the async method.
    pub fn create_flow(&self, name: &str) -> Result<Flow, Error> {
        wait(self.0.create_flow(name)).map(Flow)
    }

    /// As [`crate::Client::flows`].
    pub fn flows(
        &self,
        query: &FlowQuery,
    ) -> impl Iterator<Item = Result<FlowRecord, Error>> + use<> {
        iterate(self.0.flows(query))
    }

    /// As [`crate::Client::runs`].
    pub fn runs(&self, query: &RunQuery) -> impl Iterator<Item = Result<RunRow, Error>> + use<> {
        iterate(self.0.runs(query))
    }

    /// As [`crate::Client::run`].
    ///
    /// # Errors
    ///
    /// Those of the async method.
    pub fn run(&self, address: RunAddress) -> Result<RunRecord, Error> {
        wait(self.0.run(address))
    }

    /// As [`crate::Client::flow_record`].
    ///
    /// # Errors
    ///
    /// Those of the async method.
    pub fn flow_record(&self, id: FlowId) -> Result<FlowRecord, Error> {
        wait(self.0.flow_record(id))
    }

    /// As [`crate::Client::find_run`].
    ///
    /// # Errors
    ///
    /// Those of the async method.
    pub fn find_run(&self, run: RunId) -> Result<RunRecord, Error> {
        wait(self.0.find_run(run))
    }

    /// As [`crate::Client::run_if_changed`].
    ///
    /// # Errors
    ///
    /// Those of the async method.
    pub fn run_if_changed(
        &self,
        address: RunAddress,
        etag: &str,
    ) -> Result<Option<RunRecord>, Error> {
        wait(self.0.run_if_changed(address, etag))
    }

    /// As [`crate::Client::merge_statistics`].
    ///
    /// # Errors
    ///
    /// Those of the async method.
    pub fn merge_statistics(
        &self,
        address: RunAddress,
        statistics: &impl Serialize,
    ) -> Result<(), Error> {
        wait(self.0.merge_statistics(address, statistics))
    }

    /// As [`crate::Client::watch`].
    pub fn watch(
        &self,
        address: RunAddress,
    ) -> impl Iterator<Item = Result<RunRecord, Error>> + use<> {
        iterate(self.0.watch(address))
    }

    /// As [`crate::Client::history`].
    pub fn history(
        &self,
        address: RunAddress,
    ) -> impl Iterator<Item = Result<HistoryEntry, Error>> + use<> {
        iterate(self.0.history(address))
    }

    /// As [`crate::Client::flush`].
    pub fn flush(&self, within: Duration) -> Flushed {
        wait(self.0.flush(within))
    }

    /// As [`crate::Client::flush_spool`].
    ///
    /// # Errors
    ///
    /// Those of the async method.
    pub fn flush_spool(&self, within: Duration) -> Result<SpoolFlushed, SpoolError> {
        wait(self.0.flush_spool(within))
    }
}

impl Flow {
    /// Its id.
    pub const fn id(&self) -> FlowId {
        self.0.id()
    }

    /// As [`crate::Flow::run`]: what the closure returns is the outcome; an error and a panic are `failed`.
    ///
    /// # Errors
    ///
    /// Those of the async method.
    pub fn run(
        &self,
        run: impl Into<NewRun>,
        job: impl FnOnce(&Run) -> Result<Outcome, JobError>,
    ) -> Result<Ended, RunError> {
        let run = self.start_detached(run)?;
        match job(&run) {
            Ok(outcome) => run.end(outcome).map_err(RunError::Report),
            Err(error) => {
                let report = run.fail(BlockingError::from_error("jobFailed", &*error));
                Err(RunError::Job { error, report })
            }
        }
    }

    /// As [`crate::Flow::start`].
    ///
    /// # Errors
    ///
    /// Those of the async method.
    pub fn start(&self, run: impl Into<NewRun>) -> Result<Run, Error> {
        wait(self.0.start(run)).map(Run)
    }

    /// As [`crate::Flow::start_detached`].
    ///
    /// # Errors
    ///
    /// [`InvalidDisplayName`].
    pub fn start_detached(&self, run: impl Into<NewRun>) -> Result<Run, InvalidDisplayName> {
        self.0.start_detached(run).map(Run)
    }

    /// As [`crate::Flow::adopt`].
    ///
    /// # Errors
    ///
    /// Those of the async method.
    pub fn adopt(&self, run: RunId) -> Result<Run, Error> {
        wait(self.0.adopt(run)).map(Run)
    }

    /// As [`crate::Flow::adopt_detached`].
    pub fn adopt_detached(&self, run: RunId) -> Run {
        Run(self.0.adopt_detached(run))
    }

    /// As [`crate::Flow::runs`].
    pub fn runs(&self, query: &RunQuery) -> impl Iterator<Item = Result<RunRow, Error>> + use<> {
        iterate(self.0.runs(query))
    }
}

impl Run {
    /// Its id.
    pub const fn id(&self) -> RunId {
        self.0.id()
    }

    /// Its flow and id.
    pub const fn address(&self) -> RunAddress {
        self.0.address()
    }

    /// As [`crate::Run::progress`]. It does not block.
    ///
    /// # Errors
    ///
    /// [`StatisticsError`].
    pub fn progress(&self, statistics: &impl Serialize) -> Result<(), StatisticsError> {
        self.0.progress(statistics)
    }

    /// As [`crate::Run::set_end`].
    pub const fn set_end(&mut self, at: Timestamp) {
        self.0.set_end(at);
    }

    /// As [`crate::Run::complete`].
    ///
    /// # Errors
    ///
    /// [`ReportError`].
    pub fn complete(self, statistics: impl Serialize) -> Result<Ended, ReportError> {
        wait(self.0.complete(statistics))
    }

    /// As [`crate::Run::end`].
    ///
    /// # Errors
    ///
    /// [`ReportError`].
    pub fn end(self, outcome: Outcome) -> Result<Ended, ReportError> {
        wait(self.0.end(outcome))
    }

    /// As [`crate::Run::end_with`].
    ///
    /// # Errors
    ///
    /// [`ReportError`].
    pub fn end_with(
        self,
        outcome: Outcome,
        statistics: impl Serialize,
    ) -> Result<Ended, ReportError> {
        wait(self.0.end_with(outcome, statistics))
    }

    /// As [`crate::Run::fail`].
    ///
    /// # Errors
    ///
    /// [`ReportError`].
    pub fn fail(self, error: BlockingError) -> Result<Ended, ReportError> {
        wait(self.0.fail(error))
    }

    /// As [`crate::Run::fail_with`].
    ///
    /// # Errors
    ///
    /// [`ReportError`].
    pub fn fail_with(
        self,
        error: Option<BlockingError>,
        statistics: impl Serialize,
    ) -> Result<Ended, ReportError> {
        wait(self.0.fail_with(error, statistics))
    }

    /// As [`crate::Run::hand_over`].
    pub fn hand_over(self) -> RunId {
        self.0.hand_over()
    }
}
