//! Issuers that change their keys, fail, lie and dawdle.

use std::sync::Arc;

use flowruns_testing::issuer::{LocalIssuer, Reply, SigningKey, document};
use serde_json::{Value, json};

use crate::site::{Server, in_time, token};

/// More than a key set may be.
const BOMB_BYTES: usize = 4 * 1024 * 1024;
const FLOOD: usize = 500;

#[tokio::test(flavor = "multi_thread")]
async fn a_new_key_is_taken_without_a_restart_and_a_withdrawn_one_is_not() {
    let issuer = LocalIssuer::start().await;
    let (first, second) = (SigningKey::es256("first"), SigningKey::rs256("second"));
    issuer.publish(&[&first]);
    let server = Server::of(&issuer, &[]);
    let old = token(&issuer, &first, "old");
    server.until_taken(&old).await;
    issuer.publish(&[&second]);
    server.until_taken(&token(&issuer, &second, "new")).await;
    // Although it had been verified before.
    assert_eq!(server.status(&old).await, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn old_keys_survive_whatever_an_issuer_answers_instead_of_new_ones() {
    let issuer = LocalIssuer::start().await;
    let (key, unknown) = (SigningKey::es256("known"), SigningKey::es256("unknown"));
    issuer.publish(&[&key]);
    let server = Server::of(&issuer, &[("FLOWRUNS_AUTH__FETCH_TIMEOUT_MS", "300")]);
    server.until_taken(&token(&issuer, &key, "first")).await;
    let many = vec![key.jwk(); 100_000];
    let replies = [
        Reply::Status(500),
        Reply::Bytes(b"<html>".to_vec()),
        Reply::Bytes("[".repeat(100_000).into_bytes()),
        Reply::Bytes(vec![b' '; BOMB_BYTES]),
        Reply::Json(json!({"keys": many})),
        Reply::Json(json!({})),
        Reply::Json(json!({"keys": {}})),
        Reply::Json(Value::Null),
        Reply::Redirect(issuer.keys_url()),
        Reply::Endless,
        Reply::Drip,
        Reply::Silence,
    ];
    for (number, reply) in replies.into_iter().enumerate() {
        let said = format!("{reply:.60?}");
        issuer.keys_are(reply);
        let fetches = issuer.fetches();
        let wanted = token(&issuer, &unknown, "wanted");
        in_time(async {
            while issuer.fetches() == fetches {
                assert_ne!(server.status(&wanted).await, 200, "{said}");
            }
        })
        .await;
        let fresh = token(&issuer, &key, &number.to_string());
        assert_eq!(server.status(&fresh).await, 200, "{said}");
        // A success, since each failure in a row makes the issuer be asked more rarely.
        let next = SigningKey::es256(&format!("next-{number}"));
        issuer.publish(&[&key, &next]);
        server.until_taken(&token(&issuer, &next, "next")).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_issuer_that_withdraws_all_keys_has_no_token_accepted_until_it_has_keys_again() {
    let issuer = LocalIssuer::start().await;
    let (key, unknown) = (SigningKey::es256("known"), SigningKey::es256("unknown"));
    issuer.publish(&[&key]);
    let server = Server::of(&issuer, &[]);
    let verified = token(&issuer, &key, "verified");
    let unknown = token(&issuer, &unknown, "unknown");
    for (subject, keys) in [
        ("first", json!([])),
        (
            "second",
            json!([{"kty": "oct", "kid": "known", "k": "AAAA", "alg": "HS256"}, {"kty": "new"}]),
        ),
    ] {
        server.until_taken(&verified).await;
        issuer.keys_are(Reply::Json(json!({"keys": keys})));
        // An unknown key has the set fetched anew, once the cool-down is over.
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
    server.until_taken(&verified).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_starts_without_its_issuer_and_takes_its_tokens_once_it_is_back() {
    let issuer = LocalIssuer::start().await;
    let key = SigningKey::es256("key");
    issuer.publish(&[&key]);
    issuer.document_is(Reply::Status(503));
    let server = Server::of(&issuer, &[]);
    let token = token(&issuer, &key, "early");
    let answer = server.ask(&token).await;
    assert_eq!(answer.status(), 503);
    assert!(answer.headers().contains_key("retry-after"));
    let body: Value = answer.json().await.unwrap();
    assert_eq!(body["error"]["innerError"]["code"], "issuerUnavailable");
    issuer.document_is(document(issuer.name(), &issuer.keys_url()));
    server.until_taken(&token).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_that_lies_is_not_believed() {
    let issuer = LocalIssuer::start().await;
    let key = SigningKey::es256("key");
    issuer.publish(&[&key]);
    issuer.document_is(document("http://127.0.0.1:1", &issuer.keys_url()));
    let server = Server::of(&issuer, &[]);
    let token = token(&issuer, &key, "any");
    let lies = [
        document("http://127.0.0.1:1", &issuer.keys_url()),
        document(issuer.name(), "http://keys.example/"),
        document(issuer.name(), "file:///etc/passwd"),
        Reply::Redirect(issuer.keys_url()),
        Reply::Json(json!({"issuer": issuer.name()})),
    ];
    for lie in lies {
        let said = format!("{lie:?}");
        issuer.document_is(lie);
        let asked = issuer.requests().len();
        in_time(async {
            while issuer.requests().len() == asked {
                assert_eq!(server.status(&token).await, 503, "{said}");
            }
        })
        .await;
        assert_eq!(server.status(&token).await, 503, "{said}");
    }
    assert_eq!(issuer.fetches(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_issuer_holds_up_no_token_whose_key_is_known() {
    let issuer = LocalIssuer::start().await;
    let (key, unknown) = (SigningKey::es256("known"), SigningKey::es256("unknown"));
    issuer.publish(&[&key]);
    let settings = [("FLOWRUNS_AUTH__FETCH_TIMEOUT_MS", "60000")];
    let server = Arc::new(Server::of(&issuer, &settings));
    server.until_taken(&token(&issuer, &key, "first")).await;
    issuer.keys_are(Reply::Silence);
    let wanted = token(&issuer, &unknown, "wanted");
    let next_fetch = issuer.next_fetch();
    let asking = Arc::clone(&server);
    let waiting = tokio::spawn(async move {
        // Until the cool-down is over an unknown key is refused at once.
        while asking.status(&wanted).await == 401 {}
    });
    in_time(next_fetch).await;
    let fresh = token(&issuer, &key, "fresh");
    assert_eq!(server.status(&fresh).await, 200);
    assert!(!waiting.is_finished());
    waiting.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_unknown_keys_asks_the_issuer_no_further() {
    let issuer = LocalIssuer::start().await;
    let key = SigningKey::es256("known");
    issuer.publish(&[&key]);
    let settings = [("FLOWRUNS_AUTH__REFRESH_COOLDOWN_MS", "3600000")];
    let server = Server::of(&issuer, &settings);
    server.until_taken(&token(&issuer, &key, "first")).await;
    let forger = SigningKey::es256("forged");
    let claims = crate::site::claims(issuer.name(), "flood");
    for number in 0..FLOOD {
        let kid = json!({"kid": format!("unknown-{number}")});
        let forged = forger.token_with_header(&kid, &claims);
        assert_eq!(server.status(&forged).await, 401);
    }
    assert_eq!(issuer.fetches(), 1);
}
