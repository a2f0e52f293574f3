//! A server that accepts the tokens of an issuer on loopback.

use flowruns_testing::{
    harness::{DEADLINE, ServerProcess},
    issuer::LocalIssuer,
    tokens::{self, SigningKey},
};
use reqwest::{Client, Response};
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::FLOWRUNS;

pub(crate) const AUDIENCE: &str = "api://flowruns";
pub(crate) const TENANT: &str = "1e0c5e0a-4f7b-4a35-9a5c-7b0f2d7f3c55";

pub(crate) struct Server {
    process: ServerProcess,
    list: String,
    http: Client,
}

impl Server {
    pub(crate) fn start(settings: &[(&str, &str)]) -> Self {
        let process = FLOWRUNS.server().envs(settings.iter().copied()).start();
        Self { list: process.url("/industryData/incomingFlows"), process, http: Client::new() }
    }

    /// Trusts one issuer, and fetches its keys again for an unknown key as soon as possible, unless these settings say otherwise.
    pub(crate) fn trusting(issuer: &LocalIssuer, others: &[(&str, &str)]) -> Self {
        let mut settings = vec![
            ("FLOWRUNS_AUTH__ISSUER", issuer.name()),
            ("FLOWRUNS_AUTH__AUDIENCE", AUDIENCE),
            ("FLOWRUNS_AUTH__REFRESH_COOLDOWN_MS", "100"),
        ];
        settings.extend(others);
        Self::start(&settings)
    }

    pub(crate) async fn get(&self, token: &str) -> Response {
        let request = self.http.get(&self.list).bearer_auth(token);
        request.send().await.unwrap()
    }

    /// The URL of a list that any token may read.
    pub(crate) fn list(&self) -> &str {
        &self.list
    }

    /// The highest resident memory of the process so far, in bytes.
    pub(crate) fn peak_bytes(&self) -> u64 {
        self.process.memory().peak
    }

    pub(crate) async fn status(&self, token: &str) -> u16 {
        self.get(token).await.status().as_u16()
    }

    /// Sends requests until the token is accepted.
    pub(crate) async fn until_accepted(&self, token: &str) {
        in_time(async { while self.status(token).await != 200 {} }).await;
    }
}

/// Waits for what must happen before [`DEADLINE`].
pub(crate) async fn in_time<T>(event: impl Future<Output = T>) -> T {
    timeout(DEADLINE, event).await.unwrap()
}

/// The claims of a valid token of an issuer; no two tokens with different subjects are equal.
pub(crate) fn claims(issuer: &str, subject: &str) -> Value {
    let roles = ["IndustryData-Run.Read.All"];
    let mut claims = tokens::claims(issuer, AUDIENCE, TENANT, &roles);
    claims["sub"] = json!(subject);
    claims
}

/// A valid token, if the key is the issuer's.
pub(crate) fn token(issuer: &LocalIssuer, key: &SigningKey, subject: &str) -> String {
    key.token(&claims(issuer.name(), subject))
}
