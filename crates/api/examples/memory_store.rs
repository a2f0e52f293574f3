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
use flowruns_domain::{Clock as _, Environment, Store, SystemClock, TimeOrderedIds};
use flowruns_testing::{MemoryStore, issuer::SigningKey};
use serde_json::json;
use tower::ServiceExt as _;

const ISSUER: &str = "https://issuer.example";
const AUDIENCE: &str = "flowruns";

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    // A deployment gets keys and tokens from its identity provider.
    let key = SigningKey::es256("example");
    let routes = routes(&key, Arc::new(MemoryStore::default()))?;
    let token = key.token(&json!({
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": "importer",
        "tid": "7d0f1bd5-8f0a-4f4c-9d0e-2b3a0a7c9b11",
        "roles": [Permission::WriteFlows.name()],
        "exp": SystemClock.now().date_time().timestamp() + 60,
    }));

    // A server passes the router to an HTTP server such as `axum::serve`.
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
    let keys = json!({"keys": [key.jwk()]}).to_string();
    let verifier = TokenVerifier::new(
        KeySet::from_jwks(keys.as_bytes())?,
        TokenPolicy {
            issuer: ISSUER.to_owned(),
            audiences: vec![AUDIENCE.to_owned()],
            leeway_seconds: 60,
        },
    );
    let environment = Environment {
        store,
        clock: Arc::new(SystemClock),
        ids: Arc::new(TimeOrderedIds),
    };
    let cursor_key = CursorKey::new(b"a secret that all servers share");
    let options = ApiOptions::new(environment, Arc::new(verifier), cursor_key);
    Ok(router(options))
}
