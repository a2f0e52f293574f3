//! Many tokens with unknown keys while the issuer does not answer.

use std::sync::Arc;

use flowruns_testing::issuer::{LocalIssuer, Reply, SigningKey};
use reqwest::Client;
use serde_json::json;
use tokio::task::{JoinHandle, JoinSet};

use crate::site::{Server, claims, in_time, token};

/// As many as wait for the keys of one issuer.
const MAX_WAITING: usize = 256;
/// Requests on each connection: as many as the server allows.
const STREAMS: usize = 100;
const MIB: usize = 1024 * 1024;

struct Scene {
    _issuer: LocalIssuer,
    server: Arc<Server>,
    known: String,
    /// Each with a key that nobody knows.
    forged: Vec<String>,
    /// The request that had the issuer asked; it waits as long as the issuer is silent.
    first: JoinHandle<()>,
}

/// A server whose issuer has fallen silent, and is being asked for a key.
async fn scene(requests: usize) -> Scene {
    let issuer = LocalIssuer::start().await;
    let key = SigningKey::es256("known");
    issuer.publish(&[&key]);
    let settings = [
        ("FLOWRUNS_AUTH__FETCH_TIMEOUT_MS", "60000"),
        ("FLOWRUNS_HTTP__REQUEST_TIMEOUT_MS", "120000"),
        // A busy machine may let a connection wait for its first byte.
        ("FLOWRUNS_HTTP__FIRST_BYTE_TIMEOUT_MS", "120000"),
    ];
    let server = Arc::new(Server::of(&issuer, &settings));
    server.until_taken(&token(&issuer, &key, "first")).await;
    issuer.keys_are(Reply::Silence);
    let forger = SigningKey::es256("forged");
    let claims = claims(issuer.name(), "flood");
    let forged = (0..requests).map(|number| {
        let kid = json!({"kid": format!("unknown-{number}")});
        forger.token_with_header(&kid, &claims)
    });
    let forged: Vec<_> = forged.collect();
    let asked = issuer.next_fetch();
    let (asking, wanted) = (Arc::clone(&server), token(&issuer, &forger, "first"));
    // Until the cool-down is over an unknown key is refused at once.
    let first = tokio::spawn(async move { while asking.status(&wanted).await == 401 {} });
    in_time(asked).await;
    Scene {
        server,
        known: token(&issuer, &key, "known"),
        forged,
        first,
        _issuer: issuer,
    }
}

impl Scene {
    /// Sends every forged token over connections of HTTP/2, and waits until all but those that may wait have their response.
    async fn flood(&self) -> JoinSet<()> {
        let mut requests = JoinSet::new();
        for tokens in self.forged.chunks(STREAMS) {
            let client = Client::builder().http2_prior_knowledge().build().unwrap();
            for token in tokens {
                let request = client.get(self.server.list()).bearer_auth(token);
                requests.spawn(async move {
                    let answer = request.send().await.unwrap();
                    assert_eq!(answer.status(), 503);
                    assert_eq!(answer.headers()["retry-after"], "1");
                });
            }
        }
        // The first request waits too.
        while requests.len() >= MAX_WAITING {
            in_time(requests.join_next()).await.unwrap().unwrap();
        }
        requests
    }

    /// The responses came while the issuer was still being asked, and the others wait on.
    async fn assert_waits(&self, waiting: &mut JoinSet<()>) {
        assert_eq!(self.server.status(&self.known).await, 200);
        assert!(!self.first.is_finished() && waiting.try_join_next().is_none());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn few_requests_wait_for_a_silent_issuer_and_the_others_are_503_at_once() {
    let scene = scene(6 * STREAMS).await;
    let mut waiting = scene.flood().await;
    scene.assert_waits(&mut waiting).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement of a minute: 5,000 requests on 50 connections"]
async fn thousands_of_unknown_keys_cost_little_memory() {
    let scene = scene(50 * STREAMS).await;
    let before = scene.server.peak_bytes();
    scene.flood().await;
    let grown = scene.server.peak_bytes().saturating_sub(before);
    assert!(grown < 32 * MIB, "{} MiB more", grown / MIB);
}
