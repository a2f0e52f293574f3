//! Tokens, over real connections: they go to the configured server only, and an application is refused once.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use async_trait::async_trait;
use axum::{Router, response::Redirect, routing};
use flowruns_client::{
    Client, ClientCredentials, Error, FixedToken, Timestamp, Token, TokenError, TokenProvider,
    blocking,
};
use serde_json::json;

use crate::{
    network::{Server, block_on, listen},
    service::Service,
};

#[test]
fn a_redirect_is_not_followed() {
    let other = listen();
    let target = format!("http://{}/", other.local_addr().unwrap());
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&asked);
    let steal = async move || {
        counted.fetch_add(1, Ordering::Relaxed);
    };
    let _other = Server::start(other, Router::new().fallback(steal));
    for redirect in
        [Redirect::permanent(&target), Redirect::temporary(&target), Redirect::to(&target)]
    {
        let redirects = Router::new().fallback(async move || redirect.clone());
        let server = Server::start(listen(), redirects);
        let url = format!("http://{}", server.address).parse().unwrap();
        let builder = Client::builder(url).tokens(FixedToken::new("a-token").unwrap());
        let client = builder.deadline(Duration::from_millis(200)).build().unwrap();
        let error = block_on(client.flow("Flow")).err().unwrap();
        assert!(matches!(error, Error::Away { .. }), "{error:?}");
    }
    assert_eq!(asked.load(Ordering::Relaxed), 0);
}

/// An issuer whose token end point answers with this status and body, and the number of its requests.
fn issuer(status: u16, body: String) -> (Server, String, Arc<AtomicUsize>) {
    let listener = listen();
    let name = format!("http://{}", listener.local_addr().unwrap());
    let document = json!({"issuer": name, "token_endpoint": format!("{name}/token")}).to_string();
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&asked);
    let status = http::StatusCode::from_u16(status).unwrap();
    let respond = async move || {
        counted.fetch_add(1, Ordering::Relaxed);
        (status, body)
    };
    let routes = Router::new()
        .route("/.well-known/openid-configuration", routing::get(async move || document))
        .route("/token", routing::post(respond));
    (Server::start(listener, routes), name, asked)
}

#[test]
fn an_application_that_the_issuer_refuses_is_told_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("secret");
    let (_issuer, name, asked) = issuer(401, json!({"error": "invalid_client"}).to_string());
    let credentials = ClientCredentials::new(name.parse().unwrap(), "app", &secret).unwrap();
    let fetch = || block_on(credentials.fetch(Timestamp::default()));

    let error = fetch().unwrap_err();
    assert!(matches!(error, TokenError::Misconfigured { .. }), "no secret: {error:?}");
    assert_eq!(asked.load(Ordering::Relaxed), 0);
    std::fs::write(&secret, "wrong").unwrap();
    let error = fetch().unwrap_err();
    assert!(
        error.to_string().ends_with("responded with 401 Unauthorized invalid_client"),
        "{error}"
    );
    assert!(matches!(error, TokenError::Misconfigured { .. }), "{error:?}");

    let (_issuer, name, _) = issuer(503, String::new());
    let credentials = ClientCredentials::new(name.parse().unwrap(), "app", &secret).unwrap();
    let error = block_on(credentials.fetch(Timestamp::default())).unwrap_err();
    assert!(matches!(error, TokenError::Unavailable { .. }), "{error:?}");
}

#[test]
fn the_life_of_a_token_may_be_a_text() {
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("secret");
    std::fs::write(&secret, "secret").unwrap();
    let now: Timestamp = "2026-03-01T08:30:00Z".parse().unwrap();
    for (life, expires) in [
        (json!(3600), Some("2026-03-01T09:30:00Z")),
        (json!("3600"), Some("2026-03-01T09:30:00Z")),
        (json!("soon"), None),
    ] {
        let (_issuer, name, _) =
            issuer(200, json!({"access_token": "t", "expires_in": life}).to_string());
        let credentials = ClientCredentials::new(name.parse().unwrap(), "app", &secret).unwrap();
        let token = block_on(credentials.fetch(now)).unwrap();
        assert_eq!(token.expires().map(|end| end.to_string()).as_deref(), expires);
    }
}

/// Blocks the thread that asks it, as no provider should.
struct Blocking;

#[async_trait]
impl TokenProvider for Blocking {
    async fn fetch(&self, _now: Timestamp) -> Result<Token, TokenError> {
        loop {
            std::thread::park();
        }
    }
}

#[test]
fn a_provider_that_blocks_does_not_hold_up_the_end_of_the_program() {
    let service = Service::start();
    let flow = block_on(service.create_flow("Flow"));
    let client = Client::builder("http://127.0.0.1:1".parse().unwrap()).tokens(Blocking);
    let client = client.exit_wait(Duration::ZERO).build().unwrap();
    let begun = Instant::now();
    drop(blocking::Client::from(client).flow_by_id(flow).start_detached("Run").unwrap());
    assert!(begun.elapsed() < Duration::from_secs(60));
}
