//! Serves the routes on a store in memory: creates a flow with one request, and prints the response.
//!
//! `cargo run -p flowruns-api --example memory_store`

#![expect(clippy::print_stdout, reason = "an example prints its results")]

use std::{error::Error, sync::Arc};

use axum::{
    Router,
    body::{Body, to_bytes},
    http::{Request, header},
};
use flowruns_api::{
    ApiOptions, CursorKey,
    auth::{KeySet, Permission, TokenPolicy, TokenVerifier},
    router,
};
use flowruns_domain::{
    clock::{SystemClock, TimeOrderedIds},
    service::Environment,
    store::Store,
};
use flowruns_testing::{
    MemoryStore, fixtures,
    tokens::{SigningKey, claims, key_set},
};
use tower::ServiceExt as _;

const ISSUER: &str = "https://issuer.example";
const AUDIENCE: &str = "flowruns";

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    // A deployment gets keys and tokens from its identity provider.
    let key = SigningKey::es256("example");
    let routes = routes(&key, Arc::new(MemoryStore::default()))?;
    let roles = [Permission::WriteFlows.name()];
    let token = key.token(&claims(ISSUER, AUDIENCE, fixtures::fresh_tenant(), &roles));

    // A server passes the router to `flowruns_listener::serve` or `axum::serve`.
    let request = Request::post("/industryData/incomingFlows")
        .header(header::HOST, "localhost")
        .header(header::AUTHORIZATION, format!("Bearer {token}"))
        .header(header::CONTENT_TYPE, "application/json")
        .body(Body::from(r#"{"displayName": "Nightly rosters"}"#))?;
    let response = routes.oneshot(request).await?;
    println!("{}", response.status());
    let body = to_bytes(response.into_body(), usize::MAX).await?;
    println!("{}", String::from_utf8_lossy(&body));
    Ok(())
}

fn routes(key: &SigningKey, store: Arc<dyn Store>) -> Result<Router, Box<dyn Error>> {
    let keys = KeySet::from_jwks(key_set(&[key]).to_string().as_bytes())?;
    let policy = TokenPolicy {
        issuer: ISSUER.to_owned(),
        audiences: vec![AUDIENCE.to_owned()],
        leeway_seconds: 60,
    };
    let environment =
        Environment { store, clock: Arc::new(SystemClock), ids: Arc::new(TimeOrderedIds) };
    let verifier = Arc::new(TokenVerifier::new(keys, policy));
    let cursor_key = CursorKey::new(b"a secret that all servers share");
    Ok(router(ApiOptions::new(environment, verifier, cursor_key)))
}
