//! A server, over HTTP.

use std::time::Duration;

use async_trait::async_trait;
use flowruns_domain::{
    id::{FlowId, RunId},
    version::IfMatch,
};
use reqwest::{Client, Method, RequestBuilder, header};
use serde_json::Value;
use thiserror::Error;

use super::{
    http,
    report::{Creation, Report},
    target::{Answer, Entry, Listing, Seen, Target},
};

const JSON: &str = "application/json";
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);
const HISTORY_ROWS: u16 = 1000;

/// Why a server cannot be a target.
#[derive(Debug, Error)]
pub enum TargetFailed {
    /// No client could be made.
    #[error("no HTTP client can be made")]
    Client(#[from] reqwest::Error),
    /// It created no flow; the text is its response.
    #[error("the server created no flow: {0}")]
    Flow(String),
}

/// A server, as its clients use it. Connections that fail, time-outs and 5xx are unknown outcomes.
#[derive(Clone)]
pub struct HttpTarget {
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
    /// [`TargetFailed::Client`] when no client can be made.
    pub fn new(base_url: &str, token: &str, flow: FlowId) -> Result<Self, TargetFailed> {
        Self::with_timeout(base_url, token, flow, DEFAULT_TIMEOUT)
    }

    /// As [`new`](Self::new), but a response may take this long.
    ///
    /// # Errors
    ///
    /// [`TargetFailed::Client`] when no client can be made.
    pub fn with_timeout(
        base_url: &str,
        token: &str,
        flow: FlowId,
        timeout: Duration,
    ) -> Result<Self, TargetFailed> {
        Ok(Self {
            client: Client::builder().timeout(timeout).build()?,
            flow,
            runs_url: format!("{}/{flow}/runs", flows_url(base_url)),
            token: token.to_owned(),
        })
    }

    /// Creates a flow for a load; the token must allow it.
    ///
    /// # Errors
    ///
    /// [`TargetFailed`] when the server does not create it.
    pub async fn create_flow(base_url: &str, token: &str) -> Result<FlowId, TargetFailed> {
        let request = Client::builder().timeout(DEFAULT_TIMEOUT).build()?;
        let request = request.post(flows_url(base_url)).bearer_auth(token);
        let request = request.header(header::CONTENT_TYPE, JSON);
        let sent = request.body(r#"{"displayName":"Checker"}"#).send().await;
        let id = |body: &Value| body["id"].as_str()?.parse().ok();
        match http::read(sent).await {
            Answer::Done(body) => id(&body).ok_or(TargetFailed::Flow(body.to_string())),
            Answer::Refused(refusal) => Err(TargetFailed::Flow(refusal.to_string())),
            Answer::Unknown(reason) => Err(TargetFailed::Flow(reason)),
        }
    }

    fn request(&self, method: Method, url: &str) -> RequestBuilder {
        self.client.request(method, url).bearer_auth(&self.token)
    }

    async fn read_run(&self, request: RequestBuilder) -> Answer<Seen> {
        let response = http::read(request.send().await).await;
        response.and_then(|body| http::readable(http::seen(body)))
    }

    /// Reads a list page by page, at most `pages` pages. Returns the items, and whether the list was read to its end.
    async fn read_pages(&self, url: &str, rows: u16, pages: usize) -> Answer<(Vec<Value>, bool)> {
        let mut items = Vec::new();
        let mut query = format!("$top={rows}");
        for _ in 0..pages {
            let request = self.request(Method::GET, &format!("{url}?{query}"));
            let mut body = match http::read(request.send().await).await {
                Answer::Done(body) => body,
                Answer::Refused(refusal) => return Answer::Refused(refusal),
                Answer::Unknown(reason) => return Answer::Unknown(reason),
            };
            let Value::Array(page) = body["value"].take() else {
                return http::readable(None);
            };
            items.extend(page);
            // The token is sent to this server only, whatever the link says.
            let next = body["@odata.nextLink"].as_str();
            let Some((_, next)) = next.and_then(|link| link.split_once('?')) else {
                return Answer::Done((items, true));
            };
            query = next.to_owned();
        }
        Answer::Done((items, false))
    }
}

#[async_trait]
impl Target for HttpTarget {
    fn flow(&self) -> FlowId {
        self.flow
    }

    async fn create(&self, creation: &Creation) -> Answer<Seen> {
        let request = self.request(Method::POST, &self.runs_url);
        self.read_run(request.json(&creation.body)).await
    }

    async fn patch(&self, run: RunId, report: &Report) -> Answer<Seen> {
        let request = self.request(Method::PATCH, &format!("{}/{run}", self.runs_url));
        let request = request.json(&report.body);
        let request = match &report.if_match {
            IfMatch::Absent | IfMatch::AbsentButRequired => request,
            IfMatch::Any => request.header(header::IF_MATCH, "*"),
            IfMatch::OneOf(tags) => request.header(header::IF_MATCH, http::shown_tags(tags)),
        };
        self.read_run(request).await
    }

    async fn get(&self, run: RunId) -> Answer<Seen> {
        let url = format!("{}/{run}", self.runs_url);
        self.read_run(self.request(Method::GET, &url)).await
    }

    async fn list(&self, page_rows: u16) -> Answer<Listing> {
        let read = self.read_pages(&self.runs_url, page_rows, Listing::MAX_PAGES);
        read.await.and_then(|(items, complete)| {
            let rows: Option<_> = items.into_iter().map(http::seen).collect();
            http::readable(rows.map(|rows| Listing { rows, complete }))
        })
    }

    async fn history(&self, run: RunId) -> Answer<Vec<Entry>> {
        let url = format!("{}/{run}/history", self.runs_url);
        let read = self.read_pages(&url, HISTORY_ROWS, usize::MAX).await;
        read.and_then(|(items, _)| http::readable(items.iter().map(http::entry).collect()))
    }
}

fn flows_url(base_url: &str) -> String {
    let base = base_url.trim_end_matches('/');
    format!("{base}/industryData/incomingFlows")
}
