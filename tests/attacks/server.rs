//! A server on a database of its own, which accepts the tokens of an issuer on loopback.

use std::time::{Duration, Instant};

use flowruns_testing::{
    harness::{ApiClient, DEADLINE, ServerProcess},
    issuer::LocalIssuer,
    scratch::ScratchDatabase,
    tokens::{SigningKey, claims},
};
use serde_json::{Value, json};

use crate::FLOWRUNS;

const AUDIENCE: &str = "api://flowruns";
const BYTES_SETTING: &str = "FLOWRUNS_LIMITS__BYTES";
/// `limits.bytes` where a test sets no other: small, so that the bound of the memory is sharp.
const LIMIT_BYTES: u64 = 32 * 1024 * 1024;
/// Between two readings of the metrics.
const POLL: Duration = Duration::from_millis(50);

/// A setting of the server, as a variable of its environment.
pub(crate) type Setting = (&'static str, String);

/// The process, its database and its issuer; all three end when the value is dropped.
pub(crate) struct Server {
    pub(crate) process: ServerProcess,
    /// `limits.bytes`.
    pub(crate) limit_bytes: u64,
    issuer: LocalIssuer,
    key: SigningKey,
    _database: ScratchDatabase,
}

/// What a token allows.
#[derive(Clone, Copy)]
pub(crate) enum Role {
    Read,
    Write,
}

impl Server {
    /// Starts a server with these settings in addition to those that all attacks have in common.
    pub(crate) async fn start(settings: &[Setting]) -> Self {
        let database = ScratchDatabase::create().await;
        let (issuer, key) = (LocalIssuer::start().await, SigningKey::es256("attacks"));
        issuer.publish(&[&key]);
        let limit = settings.iter().find(|(name, _)| *name == BYTES_SETTING);
        let limit_bytes = limit.map_or(LIMIT_BYTES, |(_, bytes)| bytes.parse().unwrap());
        let server = FLOWRUNS
            .server()
            .env("DATABASE_URL", database.service_url())
            .env("FLOWRUNS_AUTH__ISSUER", issuer.name())
            .env("FLOWRUNS_AUTH__AUDIENCE", AUDIENCE)
            .env(BYTES_SETTING, limit_bytes.to_string())
            .envs(settings.iter().map(|(name, value)| (name, value)));
        let process = tokio::task::spawn_blocking(|| server.start()).await;
        Self { process: process.unwrap(), limit_bytes, issuer, key, _database: database }
    }

    /// A token of an application of a tenant.
    pub(crate) fn token(&self, tenant: &str, application: &str, role: Role) -> String {
        let roles: &[&str] = match role {
            Role::Read => &["IndustryData-Run.Read.All"],
            Role::Write => &["IndustryData-InboundFlow.ReadWrite.All"],
        };
        let mut claims = claims(self.issuer.name(), AUDIENCE, tenant, roles);
        claims["azp"] = json!(application);
        self.key.token(&claims)
    }

    /// A client with this token.
    pub(crate) fn client(&self, token: &str) -> ApiClient {
        ApiClient::new(&self.process.url(""), token)
    }

    /// Waits until no request is in flight and no bytes are held, as the metrics say.
    pub(crate) async fn assert_idle(&self) {
        let metrics = format!("{}/metrics", self.process.admin_url());
        let begun = Instant::now();
        loop {
            let text = reqwest::get(&metrics).await.unwrap().text().await.unwrap();
            let held: Vec<&str> = text.lines().filter(|line| is_held(line)).collect();
            if held.is_empty() {
                return;
            }
            assert!(begun.elapsed() < DEADLINE, "after the attack: {held:#?}");
            tokio::time::sleep(POLL).await;
        }
    }
}

/// Whether a line of the metrics is a gauge of what is held now, and is not 0.
fn is_held(line: &str) -> bool {
    let Some((series, value)) = line.rsplit_once(' ') else {
        return false;
    };
    let is_gauge = series.contains("_in_flight") && !series.contains("limit")
        || ["flowruns_writer_queue_reports", "flowruns_writer_queue_bytes"].contains(&series);
    !line.starts_with('#') && is_gauge && value.parse::<f64>().unwrap() != 0.0
}

/// Sends a request and waits for its response; no response is status 0.
pub(crate) async fn send(
    client: &ApiClient,
    method: &str,
    target: &str,
    body: impl Into<reqwest::Body>,
) -> (u16, Value) {
    match client.try_send(method, target, body).await {
        Ok(response) => (response.status, response.json),
        Err(_) => (0, Value::Null),
    }
}
