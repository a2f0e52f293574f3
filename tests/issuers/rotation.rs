//! Issuers that change their keys, fail, or respond slowly or wrongly.

use std::sync::Arc;

use flowruns_testing::{
    issuer::{IssuerResponse, LocalIssuer, document},
    tokens::SigningKey,
};
use serde_json::{Value, json};

use crate::server::{Server, in_time, token};

/// More than a key set may have.
const BOMB_BYTES: usize = 4 * 1024 * 1024;
const FLOOD: usize = 500;

#[tokio::test(flavor = "multi_thread")]
async fn a_new_key_is_accepted_without_a_restart_and_a_withdrawn_one_is_not() {
    let issuer = LocalIssuer::start().await;
    let (first, second) = (SigningKey::es256("first"), SigningKey::rs256("second"));
    issuer.publish(&[&first]);
    let server = Server::trusting(&issuer, &[]);
    let old = token(&issuer, &first, "old");
    server.until_accepted(&old).await;
    issuer.publish(&[&second]);
    server.until_accepted(&token(&issuer, &second, "new")).await;
    // Although the token was verified before.
    assert_eq!(server.status(&old).await, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn old_keys_stay_valid_when_an_issuer_responds_with_anything_but_keys() {
    let issuer = LocalIssuer::start().await;
    let (key, unknown) = (SigningKey::es256("known"), SigningKey::es256("unknown"));
    issuer.publish(&[&key]);
    let server = Server::trusting(&issuer, &[("FLOWRUNS_AUTH__FETCH_TIMEOUT_MS", "300")]);
    server.until_accepted(&token(&issuer, &key, "first")).await;
    let many = vec![key.jwk(); 100_000];
    let responses = [
        IssuerResponse::Status(500),
        IssuerResponse::Bytes(b"<html>".to_vec()),
        IssuerResponse::Bytes("[".repeat(100_000).into_bytes()),
        IssuerResponse::Bytes(vec![b' '; BOMB_BYTES]),
        IssuerResponse::Json(json!({"keys": many})),
        IssuerResponse::Json(json!({})),
        IssuerResponse::Json(json!({"keys": {}})),
        IssuerResponse::Json(Value::Null),
        IssuerResponse::Redirect(issuer.keys_url()),
        IssuerResponse::Endless,
        IssuerResponse::Drip,
        IssuerResponse::Silence,
    ];
    for (number, response) in responses.into_iter().enumerate() {
        let shown = format!("{response:.60?}");
        issuer.set_keys(response);
        let fetches = issuer.fetches();
        let wanted = token(&issuer, &unknown, "wanted");
        in_time(async {
            while issuer.fetches() == fetches {
                assert_ne!(server.status(&wanted).await, 200, "{shown}");
            }
        })
        .await;
        let fresh = token(&issuer, &key, &number.to_string());
        assert_eq!(server.status(&fresh).await, 200, "{shown}");
        // A success, because the pause before the next request grows with each failure in a row.
        let next = SigningKey::es256(&format!("next-{number}"));
        issuer.publish(&[&key, &next]);
        server.until_accepted(&token(&issuer, &next, "next")).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_issuer_that_withdraws_all_keys_has_no_token_accepted_until_it_has_keys_again() {
    let issuer = LocalIssuer::start().await;
    let (key, unknown) = (SigningKey::es256("known"), SigningKey::es256("unknown"));
    issuer.publish(&[&key]);
    let server = Server::trusting(&issuer, &[]);
    let verified = token(&issuer, &key, "verified");
    let unknown = token(&issuer, &unknown, "unknown");
    for (subject, keys) in [
        ("first", json!([])),
        (
            "second",
            json!([{"kty": "oct", "kid": "known", "k": "AAAA", "alg": "HS256"}, {"kty": "new"}]),
        ),
    ] {
        server.until_accepted(&verified).await;
        issuer.set_keys(IssuerResponse::Json(json!({"keys": keys})));
        // A token with an unknown key makes the server fetch the set again, once the cool-down has passed.
        in_time(async {
            while server.status(&verified).await == 200 {
                assert_ne!(server.status(&unknown).await, 200);
            }
        })
        .await;
        assert_eq!(server.status(&verified).await, 401);
        assert_eq!(server.status(&token(&issuer, &key, subject)).await, 401);
        issuer.publish(&[&key]);
    }
    server.until_accepted(&verified).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_starts_without_its_issuer_and_accepts_its_tokens_once_it_responds() {
    let issuer = LocalIssuer::start().await;
    let key = SigningKey::es256("key");
    issuer.publish(&[&key]);
    issuer.set_document(IssuerResponse::Status(503));
    let server = Server::trusting(&issuer, &[]);
    let token = token(&issuer, &key, "early");
    let response = server.get(&token).await;
    assert_eq!(response.status(), 503);
    assert!(response.headers().contains_key("retry-after"));
    let body: Value = response.json().await.unwrap();
    assert_eq!(body["error"]["innerError"]["code"], "issuerUnavailable");
    issuer.set_document(document(issuer.name(), &issuer.keys_url()));
    server.until_accepted(&token).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_discovery_document_of_another_issuer_or_with_an_untrusted_url_is_rejected() {
    let issuer = LocalIssuer::start().await;
    let key = SigningKey::es256("key");
    issuer.publish(&[&key]);
    issuer.set_document(document("http://127.0.0.1:1", &issuer.keys_url()));
    let server = Server::trusting(&issuer, &[]);
    let token = token(&issuer, &key, "any");
    let wrong = [
        document("http://127.0.0.1:1", &issuer.keys_url()),
        document(issuer.name(), "http://keys.example/"),
        document(issuer.name(), "file:///etc/passwd"),
        IssuerResponse::Redirect(issuer.keys_url()),
        IssuerResponse::Json(json!({"issuer": issuer.name()})),
    ];
    for document in wrong {
        let shown = format!("{document:?}");
        issuer.set_document(document);
        let before = issuer.requests().len();
        in_time(async {
            while issuer.requests().len() == before {
                assert_eq!(server.status(&token).await, 503, "{shown}");
            }
        })
        .await;
        assert_eq!(server.status(&token).await, 503, "{shown}");
    }
    assert_eq!(issuer.fetches(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_issuer_delays_no_token_whose_key_is_known() {
    let issuer = LocalIssuer::start().await;
    let (key, unknown) = (SigningKey::es256("known"), SigningKey::es256("unknown"));
    issuer.publish(&[&key]);
    let settings = [("FLOWRUNS_AUTH__FETCH_TIMEOUT_MS", "60000")];
    let server = Arc::new(Server::trusting(&issuer, &settings));
    server.until_accepted(&token(&issuer, &key, "first")).await;
    issuer.set_keys(IssuerResponse::Silence);
    let wanted = token(&issuer, &unknown, "wanted");
    let next_fetch = issuer.next_fetch();
    let sender = Arc::clone(&server);
    let waiting = tokio::spawn(async move {
        // Until the cool-down has passed, a token with an unknown key is rejected at once.
        while sender.status(&wanted).await == 401 {}
    });
    in_time(next_fetch).await;
    let fresh = token(&issuer, &key, "fresh");
    assert_eq!(server.status(&fresh).await, 200);
    assert!(!waiting.is_finished());
    waiting.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn many_unknown_keys_cause_no_more_requests_to_the_issuer() {
    let issuer = LocalIssuer::start().await;
    let key = SigningKey::es256("known");
    issuer.publish(&[&key]);
    let settings = [("FLOWRUNS_AUTH__REFRESH_COOLDOWN_MS", "3600000")];
    let server = Server::trusting(&issuer, &settings);
    server.until_accepted(&token(&issuer, &key, "first")).await;
    let forger = SigningKey::es256("forged");
    let claims = crate::server::claims(issuer.name(), "flood");
    for number in 0..FLOOD {
        let kid = json!({"kid": format!("unknown-{number}")});
        let forged = forger.token_with_header(&kid, &claims);
        assert_eq!(server.status(&forged).await, 401);
    }
    assert_eq!(issuer.fetches(), 1);
}
