//! A server, over HTTP.
//!
//! `flowruns-client` does what any program does before and after a load: it creates the flow, and reads histories with retries and next
//! links. The requests of the load are sent without it. The checker places each attempt in the order of all requests by its own times,
//! needs the outcomes that the client resolves by itself (a lost response, a 5xx), compares every member of a response, and sends what the
//! client never sends: invalid reports, preconditions, reports on runs that have ended.

use std::time::Duration;

use async_trait::async_trait;
use flowruns_client::{AddressError, Client, ConfigError, FixedToken, RunAddress};
use flowruns_domain::{
    id::{FlowId, RunId},
    version::IfMatch,
};
use flowruns_testing::fixtures;
use futures_util::TryStreamExt as _;
use reqwest::{Method, RequestBuilder, header};
use serde_json::Value;
use thiserror::Error;

use super::{
    http,
    report::{Creation, Report},
    target::{Entry, Listing, Seen, Target, TargetResponse},
};

const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);

/// Why a server cannot be a target.
#[derive(Debug, Error)]
pub enum TargetFailed {
    /// No client could be made.
    #[error("could not create an HTTP client")]
    Http(#[from] reqwest::Error),
    /// The URL or the token cannot be used.
    #[error("could not create a client of the server")]
    Client(#[from] ConfigError),
    /// It created no flow.
    #[error("the server created no flow")]
    Flow(#[source] Box<flowruns_client::Error>),
}

/// A server, as its clients use it. Connections that fail, time-outs and 5xx are unknown outcomes.
#[derive(Clone)]
pub struct HttpTarget {
    http: reqwest::Client,
    client: Client,
    flow: FlowId,
    runs_url: String,
    token: String,
}

impl HttpTarget {
    /// A server by its base URL, such as `http://127.0.0.1:8080`, with a bearer token that may write runs of the flow.
    /// A response may take ten seconds.
    ///
    /// # Errors
    ///
    /// [`TargetFailed`] when no client can be made.
    pub fn new(base_url: &str, token: &str, flow: FlowId) -> Result<Self, TargetFailed> {
        Self::with_timeout(base_url, token, flow, DEFAULT_TIMEOUT)
    }

    /// As [`new`](Self::new), but a response may take this long.
    ///
    /// # Errors
    ///
    /// [`TargetFailed`] when no client can be made.
    pub fn with_timeout(
        base_url: &str,
        token: &str,
        flow: FlowId,
        timeout: Duration,
    ) -> Result<Self, TargetFailed> {
        Ok(Self {
            http: reqwest::Client::builder().timeout(timeout).build()?,
            client: client(base_url, token)?,
            flow,
            runs_url: format!(
                "{}/industryData/incomingFlows/{flow}/runs",
                base_url.trim_end_matches('/')
            ),
            token: token.to_owned(),
        })
    }

    /// Creates a flow for a load; the token must allow it.
    ///
    /// # Errors
    ///
    /// [`TargetFailed`] when the server does not create it.
    pub async fn create_flow(base_url: &str, token: &str) -> Result<FlowId, TargetFailed> {
        let name = format!("Checker {}", fixtures::fresh_uuid());
        let created = client(base_url, token)?.create_flow(&name).await;
        created.map(|flow| flow.id()).map_err(|error| TargetFailed::Flow(Box::new(error)))
    }

    fn request(&self, method: Method, url: &str) -> RequestBuilder {
        self.http.request(method, url).bearer_auth(&self.token)
    }

    async fn read_run(&self, request: RequestBuilder) -> TargetResponse<Seen> {
        let response = http::read(request.send().await).await;
        response.and_then(|body| http::readable(http::seen(body)))
    }

    /// The rows of a list page by page, until it ends or [`Listing::MAX_PAGES`] were read; and whether it ended.
    async fn walk(&self, rows: u16) -> TargetResponse<(Vec<Value>, bool)> {
        let mut items = Vec::new();
        let mut query = format!("$top={rows}");
        for _ in 0..Listing::MAX_PAGES {
            let request = self.request(Method::GET, &format!("{}?{query}", self.runs_url));
            let mut body = match http::read(request.send().await).await {
                TargetResponse::Done(body) => body,
                TargetResponse::Rejected(rejection) => return TargetResponse::Rejected(rejection),
                TargetResponse::Unknown(reason) => return TargetResponse::Unknown(reason),
            };
            let Value::Array(page) = body["value"].take() else {
                return http::readable(None);
            };
            items.extend(page);
            // The token is sent to this server only, whatever the link says.
            let next = body["@odata.nextLink"].as_str();
            let Some((_, next)) = next.and_then(|link| link.split_once('?')) else {
                return TargetResponse::Done((items, true));
            };
            query = next.to_owned();
        }
        TargetResponse::Done((items, false))
    }
}

#[async_trait]
impl Target for HttpTarget {
    fn flow(&self) -> FlowId {
        self.flow
    }

    async fn create(&self, creation: &Creation) -> TargetResponse<Seen> {
        let request = self.request(Method::POST, &self.runs_url);
        self.read_run(request.json(&creation.body)).await
    }

    async fn patch(&self, run: RunId, report: &Report) -> TargetResponse<Seen> {
        let request = self.request(Method::PATCH, &format!("{}/{run}", self.runs_url));
        let request = request.json(&report.body);
        let request = match &report.if_match {
            IfMatch::Absent | IfMatch::AbsentButRequired => request,
            IfMatch::Any => request.header(header::IF_MATCH, "*"),
            IfMatch::OneOf(tags) => request.header(header::IF_MATCH, http::shown_tags(tags)),
        };
        self.read_run(request).await
    }

    async fn get(&self, run: RunId) -> TargetResponse<Seen> {
        let url = format!("{}/{run}", self.runs_url);
        self.read_run(self.request(Method::GET, &url)).await
    }

    async fn list(&self, page_rows: u16) -> TargetResponse<Listing> {
        self.walk(page_rows).await.and_then(|(items, complete)| {
            let rows: Option<_> = items.into_iter().map(http::seen).collect();
            http::readable(rows.map(|rows| Listing { rows, complete }))
        })
    }

    async fn history(&self, run: RunId) -> TargetResponse<Vec<Entry>> {
        let entries = self.client.history(RunAddress { flow: self.flow, run });
        let entries = http::answered(entries.try_collect::<Vec<_>>().await);
        entries.and_then(|entries| {
            http::readable(entries.into_iter().map(http::entry).collect::<Option<_>>())
        })
    }
}

/// A checker is told by its user which server to load, also without TLS inside a cluster.
fn client(base_url: &str, token: &str) -> Result<Client, ConfigError> {
    let url = base_url.parse().map_err(|_| AddressError::Malformed(base_url.to_owned()))?;
    let token = FixedToken::new(token)?;
    Client::builder(url).tokens(token).allow_plain_http().build()
}
