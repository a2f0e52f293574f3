//! A client of the API that sends and receives JSON.

use reqwest::{
    Body, Client,
    header::{CONTENT_TYPE, HeaderMap},
};
use serde_json::Value;

use super::DEADLINE;

/// The path of the list of flows.
const FLOWS: &str = "/industryData/incomingFlows";

/// A server and a token.
#[derive(Clone, Debug)]
pub struct ApiClient {
    http: Client,
    origin: String,
    token: String,
}

/// A response whose body was read.
#[derive(Debug)]
pub struct ApiResponse {
    /// The status code.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub text: String,
    /// The body as JSON; null when it is none.
    pub json: Value,
}

impl ApiResponse {
    /// A header; empty when it is absent.
    pub fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name);
        value.map_or("", |value| value.to_str().unwrap())
    }
}

impl ApiClient {
    /// A client of the server at this origin. Each request has a connection of its own: the server could close an idle one just
    /// when a request is sent on it.
    pub fn new(origin: &str, token: &str) -> Self {
        let http = Client::builder().timeout(DEADLINE).pool_max_idle_per_host(0);
        Self { http: http.build().unwrap(), origin: origin.to_owned(), token: token.to_owned() }
    }

    /// The same client, which keeps connections for later requests.
    #[must_use]
    pub fn keeping_connections(&self) -> Self {
        let http = Client::builder().timeout(DEADLINE);
        Self { http: http.build().unwrap(), ..self.clone() }
    }

    /// The same client with another token.
    #[must_use]
    pub fn with_token(&self, token: &str) -> Self {
        Self { token: token.to_owned(), ..self.clone() }
    }

    /// Sends a request to a path or a URL.
    pub async fn send(&self, method: &str, target: &str, body: impl Into<Body>) -> ApiResponse {
        let response = self.try_send(method, target, body).await;
        response.unwrap_or_else(|error| panic!("{method} {target}: {error:?}"))
    }

    /// The same, where the connection may end without a response.
    ///
    /// # Errors
    ///
    /// There was no complete response.
    pub async fn try_send(
        &self,
        method: &str,
        target: &str,
        body: impl Into<Body>,
    ) -> reqwest::Result<ApiResponse> {
        let url = match target.starts_with('/') {
            true => format!("{}{target}", self.origin),
            false => target.to_owned(),
        };
        let request = self.http.request(method.parse().unwrap(), url);
        let request = request.bearer_auth(&self.token).header(CONTENT_TYPE, "application/json");
        let response = request.body(body).send().await?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await?;
        Ok(ApiResponse {
            status,
            headers,
            json: serde_json::from_str(&text).unwrap_or_default(),
            text,
        })
    }

    /// Sends a GET.
    pub async fn get(&self, target: &str) -> ApiResponse {
        self.send("GET", target, "").await
    }

    /// Creates an entity in a list; the path of the entity.
    pub async fn create(&self, list: &str, body: &str) -> String {
        let response = self.send("POST", list, body.to_owned()).await;
        assert_eq!(response.status, 201, "{}", response.text);
        format!("{list}/{}", response.json["id"].as_str().unwrap())
    }

    /// The path of a new flow.
    pub async fn create_flow(&self) -> String {
        self.create(FLOWS, r#"{"displayName":"Flow"}"#).await
    }

    /// The path of a new run in progress of the flow at this path.
    pub async fn create_run(&self, flow: &str) -> String {
        self.create(&format!("{flow}/runs"), r#"{"displayName":"Run"}"#).await
    }

    /// The whole history of the run at this path.
    pub async fn history(&self, run: &str) -> Vec<Value> {
        let mut entries = Vec::new();
        let mut next = Some(format!("{run}/history?$top=1000"));
        while let Some(target) = next {
            let mut page = self.get(&target).await;
            assert_eq!(page.status, 200, "{}", page.text);
            entries.append(page.json["value"].as_array_mut().unwrap());
            next = page.json["@odata.nextLink"].as_str().map(str::to_owned);
        }
        entries
    }
}
