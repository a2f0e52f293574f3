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
    target::{Entry, Listing, Seen, Target, TargetResponse},
};

const JSON: &str = "application/json";
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);
const HISTORY_ROWS: u16 = 1000;

/// Why a server cannot be a target.
#[derive(Debug, Error)]
pub enum TargetFailed {
    /// No client could be made.
    #[error("could not create an HTTP client")]
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
            TargetResponse::Done(body) => id(&body).ok_or(TargetFailed::Flow(body.to_string())),
            TargetResponse::Rejected(rejection) => Err(TargetFailed::Flow(rejection.to_string())),
            TargetResponse::Unknown(reason) => Err(TargetFailed::Flow(reason)),
        }
    }

    fn request(&self, method: Method, url: &str) -> RequestBuilder {
        self.client.request(method, url).bearer_auth(&self.token)
    }

    async fn read_run(&self, request: RequestBuilder) -> TargetResponse<Seen> {
        let response = http::read(request.send().await).await;
        response.and_then(|body| http::readable(http::seen(body)))
    }

    /// The items of a list page by page, until it ends or `pages` pages were read; and whether it ended.
    async fn walk(&self, url: &str, rows: u16, pages: usize) -> TargetResponse<(Vec<Value>, bool)> {
        let mut items = Vec::new();
        let mut query = format!("$top={rows}");
        for _ in 0..pages {
            let request = self.request(Method::GET, &format!("{url}?{query}"));
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
        let walked = self.walk(&self.runs_url, page_rows, Listing::MAX_PAGES);
        walked.await.and_then(|(items, complete)| {
            let rows: Option<_> = items.into_iter().map(http::seen).collect();
            http::readable(rows.map(|rows| Listing { rows, complete }))
        })
    }

    async fn history(&self, run: RunId) -> TargetResponse<Vec<Entry>> {
        let url = format!("{}/{run}/history", self.runs_url);
        let walked = self.walk(&url, HISTORY_ROWS, usize::MAX).await;
        walked.and_then(|(items, _)| http::readable(items.iter().map(http::entry).collect()))
    }
}

fn flows_url(base_url: &str) -> String {
    let base = base_url.trim_end_matches('/');
    format!("{base}/industryData/incomingFlows")
}
