//! The client: what it can find, list and flush.

use std::{sync::Arc, sync::atomic::Ordering, time::Duration};

use flowruns_domain::{
    display_name::DisplayName,
    id::{FlowId, RunId},
};
use futures_util::{Stream, TryStreamExt as _};
use http::Method;
use reqwest::Url;
use serde::Serialize;
use serde_json::json;
use tokio::time::Instant;

use crate::{
    ClientBuilder, ConfigError, Error, Flow, FlowQuery, FlowRecord, HistoryEntry, RunAddress,
    RunQuery, RunRecord, RunRow, SpoolError, SpoolFlushed,
    read::{pages, read_if_changed, watch},
    report::Step,
    send::{Answer, IDEMPOTENCY_KEY, Limit, PREFER, Prepared},
    spool,
    statistics::members_of,
    worker::{Shared, Worker},
};

/// A client of a server. It is cheap to clone: all clones share the connections, the queue and the thread on which everything is
/// sent. So reports go out from drops, panics, any async runtime, and programs without one.
///
/// When the last clone, [`Flow`] and [`Run`](crate::Run) are dropped, it waits until everything reported is acknowledged. After 5 seconds
/// ([`ClientBuilder::exit_wait`]) it puts the rest into the spool, which has 6 more. `std::process::exit` drops nothing, and a client in a
/// `static` is never dropped: call [`flush`](Self::flush) before the program ends.
#[derive(Clone)]
pub struct Client {
    pub(crate) core: Arc<Core>,
}

/// What all clones share.
pub(crate) struct Core {
    pub(crate) shared: Arc<Shared>,
    pub(crate) worker: Worker,
}

impl Drop for Core {
    fn drop(&mut self) {
        self.worker.stop(&self.shared);
    }
}

/// What became of the ends of runs since the client was made, and what is not settled.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Flushed {
    /// Stored by the server.
    pub acknowledged: u64,
    /// Refused by the server: see the error of each.
    pub refused: u64,
    /// In the spool, to be sent later.
    pub spooled: u64,
    /// Neither: the server was away, and there is no spool or it is full.
    pub lost: u64,
    /// Creations, statistics and ends that still wait.
    pub pending: usize,
}

impl Client {
    /// A client of the server that `FLOWRUNS_URL` names. See [`ClientBuilder::from_env`] for the other variables.
    ///
    /// # Errors
    ///
    /// [`ConfigError`], which names the variable.
    pub fn from_env() -> Result<Self, ConfigError> {
        ClientBuilder::from_env()?.build()
    }

    /// A client of the server at a base URL, such as `https://flowruns.example`. It needs a token provider.
    pub fn builder(url: Url) -> ClientBuilder {
        ClientBuilder::new(url)
    }

    /// The base URL of the server, without a slash at the end.
    pub fn server(&self) -> &str {
        self.core.shared.server.text()
    }

    /// The URL of a run in the API.
    pub fn run_url(&self, address: RunAddress) -> Url {
        self.core.shared.server.run(address)
    }

    /// Finds the flow of this id or exact display name.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] and [`Error::NoSuchFlow`]; [`Error::SeveralFlows`] when several have the name.
    pub async fn flow(&self, name_or_id: &str) -> Result<Flow, Error> {
        if let Ok(id) = name_or_id.parse() {
            return self.flow_record(id).await.map(|record| self.flow_of(record.id));
        }
        let found = self.find_flow(name_or_id).await?;
        found.ok_or_else(|| Error::NoSuchFlow(name_or_id.to_owned()))
    }

    /// The flow of this id, without asking the server whether it exists.
    pub fn flow_by_id(&self, id: FlowId) -> Flow {
        self.flow_of(id)
    }

    /// Finds the flow of this exact display name, or creates it. Processes with the same token that do so at the same time get the
    /// same flow.
    ///
    /// # Errors
    ///
    /// As for [`flow`](Self::flow); [`Error::NotAllowed`] when the token may not create flows.
    pub async fn create_flow(&self, name: &str) -> Result<Flow, Error> {
        let name = DisplayName::new(name)?;
        if let Some(flow) = self.find_flow(name.as_str()).await? {
            return Ok(flow);
        }
        let key = format!("flowruns-client-flow-{:032x}", fnv1a(name.as_str().as_bytes()));
        let created = FlowRecord::read(&self.post_flow(&name, key).await?)?;
        match self.flow_record(created.id).await {
            // It was created with the key before and then deleted.
            Err(Error::NotFound(_)) => {
                let key = self.core.shared.next_id().to_string();
                let created = FlowRecord::read(&self.post_flow(&name, key).await?)?;
                Ok(self.flow_of(created.id))
            }
            found => found.map(|record| self.flow_of(record.id)),
        }
    }

    /// A flow with its properties.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] and those of any request.
    pub async fn flow_record(&self, id: FlowId) -> Result<FlowRecord, Error> {
        FlowRecord::read(&self.get(self.core.shared.server.flow(id)).await?)
    }

    /// Lists flows. The stream follows the pages.
    pub fn flows(
        &self,
        query: &FlowQuery,
    ) -> impl Stream<Item = Result<FlowRecord, Error>> + Send + use<> {
        let url = self.core.shared.server.flows();
        pages(Arc::clone(&self.core), url, &query.options(), FlowRecord::of)
    }

    /// Lists the runs of all flows. The stream follows the pages.
    pub fn runs(
        &self,
        query: &RunQuery,
    ) -> impl Stream<Item = Result<RunRow, Error>> + Send + use<> {
        let url = self.core.shared.server.all_runs();
        pages(Arc::clone(&self.core), url, &query.options(), |row| RunRow::of(row, None))
    }

    /// Reads a run.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] and those of any request.
    pub async fn run(&self, address: RunAddress) -> Result<RunRecord, Error> {
        RunRecord::read(&self.get(self.core.shared.server.run(address)).await?)
    }

    /// Reads a run whose flow is not known.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`]; [`Error::Refused`] when several flows have a run with this id.
    pub async fn find_run(&self, run: RunId) -> Result<RunRecord, Error> {
        RunRecord::read(&self.get(self.core.shared.server.run_by_id(run)).await?)
    }

    /// Reads a run if its entity tag is no longer `etag`.
    ///
    /// # Errors
    ///
    /// Those of [`run`](Self::run).
    pub async fn run_if_changed(
        &self,
        address: RunAddress,
        etag: &str,
    ) -> Result<Option<RunRecord>, Error> {
        let (shared, etag) = (Arc::clone(&self.core.shared), etag.to_owned());
        let read = async move { read_if_changed(&shared, address, &etag).await };
        self.core.worker.call(read).await
    }

    /// Watches a run: as it is, then after each change, until it has ended. It is read after 1 s, and then up to every 5 s; changes
    /// between two reads are one.
    pub fn watch(
        &self,
        address: RunAddress,
    ) -> impl Stream<Item = Result<RunRecord, Error>> + Send + use<> {
        watch(Arc::clone(&self.core), address)
    }

    /// Merges statistics into a run at once, and waits for the acknowledgement. The run may have ended: its status stays as it is.
    /// For programs that report one step of a run and end; while a program runs, [`Run::progress`](crate::Run::progress) costs less.
    ///
    /// # Errors
    ///
    /// [`Error::Statistics`], [`Error::NotFound`], and [`Error::Invalid`] over a limit after the merge.
    pub async fn merge_statistics(
        &self,
        address: RunAddress,
        statistics: &impl Serialize,
    ) -> Result<(), Error> {
        let shared = &self.core.shared;
        let step = Step::progress(shared.next_id(), &members_of(statistics)?);
        let request = step.request(&shared.server, address).header(PREFER, "return=minimal");
        self.send(request).await.map(drop)
    }

    /// The history of a run, oldest first. The stream follows the pages.
    pub fn history(
        &self,
        address: RunAddress,
    ) -> impl Stream<Item = Result<HistoryEntry, Error>> + Send + use<> {
        let url = self.core.shared.server.history(address);
        pages(Arc::clone(&self.core), url, &[], HistoryEntry::of)
    }

    /// Waits until everything reported so far is acknowledged, refused or spooled. Ends that are not acknowledged `within` this time go
    /// to the spool; without a spool they are still sent, and counted as pending. Call it before `std::process::exit`.
    pub async fn flush(&self, within: Duration) -> Flushed {
        let shared = Arc::clone(&self.core.shared);
        let settled = async move {
            shared.settle(within, false).await;
            Ok(())
        };
        // A client without its thread has nothing that waits.
        let _settled = self.core.worker.call(settled).await;
        let Shared { totals, tickets, .. } = &*self.core.shared;
        let unsettled = tickets.unsettled();
        let count = |total: &std::sync::atomic::AtomicU64| total.load(Ordering::Relaxed);
        Flushed {
            acknowledged: count(&totals.acknowledged),
            refused: count(&totals.refused),
            spooled: count(&totals.spooled),
            lost: count(&totals.lost),
            pending: unsettled.ends + unsettled.reports,
        }
    }

    /// Sends what earlier processes, or this one, put into the spool for this server.
    ///
    /// # Errors
    ///
    /// The folder cannot be used.
    pub async fn flush_spool(&self, within: Duration) -> Result<SpoolFlushed, SpoolError> {
        let shared = Arc::clone(&self.core.shared);
        let flushed = async move { Ok(spool::flush(shared, within).await) };
        self.core.worker.call(flushed).await.unwrap_or(Ok(SpoolFlushed::default()))
    }

    fn flow_of(&self, id: FlowId) -> Flow {
        Flow { client: self.clone(), id }
    }

    async fn find_flow(&self, name: &str) -> Result<Option<Flow>, Error> {
        let query = FlowQuery::new().name(name);
        let mut flows = Box::pin(self.flows(&query));
        let mut found = Vec::new();
        while let Some(flow) = flows.try_next().await? {
            found.push(flow.id);
            if found.len() == 50 {
                break;
            }
        }
        match found[..] {
            [] => Ok(None),
            [id] => Ok(Some(self.flow_of(id))),
            _ => Err(Error::SeveralFlows { name: name.to_owned(), flows: found }),
        }
    }

    async fn post_flow(&self, name: &DisplayName, key: String) -> Result<Answer, Error> {
        let body = json!({"displayName": name.as_str()}).to_string();
        let url = self.core.shared.server.flows();
        let request = Prepared::with_body(Method::POST, url, body.into());
        self.send(request.header(IDEMPOTENCY_KEY, &key)).await
    }

    async fn get(&self, url: Url) -> Result<Answer, Error> {
        self.send(Prepared::get(url)).await
    }

    async fn send(&self, request: Prepared) -> Result<Answer, Error> {
        let shared = Arc::clone(&self.core.shared);
        let sent = async move {
            let limit = Limit::at(Instant::now() + shared.deadline);
            shared.sender.send(&request, &limit).await
        };
        self.core.worker.call(sent).await
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("server", &self.server()).finish_non_exhaustive()
    }
}

/// FNV-1a of 128 bits: the same key for the same name in every process. It is no secret.
fn fnv1a(bytes: &[u8]) -> u128 {
    const BASIS: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;
    bytes.iter().fold(BASIS, |hash, byte| (hash ^ u128::from(*byte)).wrapping_mul(PRIME))
}
