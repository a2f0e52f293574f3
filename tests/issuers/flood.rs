//! Many tokens with unknown keys while the issuer does not respond.

use std::sync::Arc;

use flowruns_testing::{
    issuer::{IssuerResponse, LocalIssuer},
    tokens::SigningKey,
};
use reqwest::Client;
use serde_json::json;
use tokio::task::{JoinHandle, JoinSet};

use crate::server::{Server, claims, in_time, token};

/// How many requests may wait for the keys of one issuer.
const MAX_WAITING: usize = 256;
/// Requests on each connection: as many as the server allows.
const STREAMS: usize = 100;
const MIB: u64 = 1024 * 1024;

struct Fixture {
    _issuer: LocalIssuer,
    server: Arc<Server>,
    known: String,
    /// Each names a key id that the issuer does not have.
    forged: Vec<String>,
    /// The request that made the server fetch the keys; it waits as long as the issuer is silent.
    first: JoinHandle<()>,
}

/// A server that waits for a key of its issuer, which does not respond. Each forged token has `padding` more bytes.
async fn start(requests: usize, padding: usize) -> Fixture {
    let issuer = LocalIssuer::start().await;
    let key = SigningKey::es256("known");
    issuer.publish(&[&key]);
    let settings = [
        ("FLOWRUNS_AUTH__FETCH_TIMEOUT_MS", "60000"),
        ("FLOWRUNS_HTTP__REQUEST_TIMEOUT_MS", "120000"),
        // A busy machine may let a connection wait for its first byte.
        ("FLOWRUNS_HTTP__FIRST_BYTE_TIMEOUT_MS", "120000"),
    ];
    let server = Arc::new(Server::trusting(&issuer, &settings));
    server.until_accepted(&token(&issuer, &key, "first")).await;
    issuer.set_keys(IssuerResponse::Silence);
    let forger = SigningKey::es256("forged");
    let mut claims = claims(issuer.name(), "flood");
    claims["padding"] = "x".repeat(padding).into();
    let forged = (0..requests).map(|number| {
        let kid = json!({"kid": format!("unknown-{number}")});
        forger.token_with_header(&kid, &claims)
    });
    let forged: Vec<_> = forged.collect();
    let next_fetch = issuer.next_fetch();
    let (sender, wanted) = (Arc::clone(&server), token(&issuer, &forger, "first"));
    // Until the cool-down has passed, a token with an unknown key is rejected at once.
    let first = tokio::spawn(async move { while sender.status(&wanted).await == 401 {} });
    in_time(next_fetch).await;
    Fixture { server, known: token(&issuer, &key, "known"), forged, first, _issuer: issuer }
}

impl Fixture {
    /// Sends these tokens over connections of HTTP/2, and waits after each connection until all requests but those that may
    /// wait have their response.
    async fn send(&self, tokens: &[String], requests: &mut JoinSet<()>) {
        for tokens in tokens.chunks(STREAMS) {
            let client = Client::builder().http2_prior_knowledge().build().unwrap();
            for token in tokens {
                let request = client.get(self.server.list()).bearer_auth(token);
                requests.spawn(async move {
                    let response = request.send().await.unwrap();
                    assert_eq!(response.status(), 503);
                    assert_eq!(response.headers()["retry-after"], "1");
                });
            }
            // The first request waits too.
            while requests.len() >= MAX_WAITING {
                in_time(requests.join_next()).await.unwrap().unwrap();
            }
        }
    }

    /// The server was still waiting for the issuer when the responses came, and the other requests still wait.
    async fn assert_waits(&self, waiting: &mut JoinSet<()>) {
        assert_eq!(self.server.status(&self.known).await, 200);
        assert!(!self.first.is_finished() && waiting.try_join_next().is_none());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn few_requests_wait_for_a_silent_issuer_and_the_others_are_503_at_once() {
    let (fixture, mut waiting) = (start(6 * STREAMS, 0).await, JoinSet::new());
    fixture.send(&fixture.forged, &mut waiting).await;
    fixture.assert_waits(&mut waiting).await;
}

/// 2,000 tokens of 8 KB each are 16 MB: more than the server may keep of requests that it rejects.
#[tokio::test(flavor = "multi_thread")]
async fn rejected_requests_with_unknown_keys_hold_no_memory() {
    let (fixture, mut waiting) = (start(24 * STREAMS, 6000).await, JoinSet::new());
    let (first, others) = fixture.forged.split_at(4 * STREAMS);
    fixture.send(first, &mut waiting).await;
    let before = fixture.server.peak_bytes();
    fixture.send(others, &mut waiting).await;
    let grown = fixture.server.peak_bytes() - before;
    assert!(grown < 8 * MIB, "{} KiB more", grown / 1024);
}
