//! Uses the packaged crates as another team does: verifies a store with the conformance suite, and serves the routes on it.

use std::{error::Error, sync::Arc};

use axum::{
    Router,
    body::Body,
    http::{Request, StatusCode, header},
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
use flowruns_persistence::PostgresStore;
use flowruns_testing::{
    conformance, fixtures,
    scratch::ScratchDatabase,
    tokens::{SigningKey, claims, key_set},
};
use tower::ServiceExt as _;

const NAME: &str = "foreign";

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    // The scratch database is created with the migrations that the package of flowruns-persistence contains.
    let database = ScratchDatabase::create().await;
    let store: PostgresStore = database.store().await;
    conformance::run_all(Arc::new(store.clone())).await;
    println!("the store passes the conformance suite");

    let key = SigningKey::es256(NAME);
    let roles = [Permission::WriteFlows.name()];
    let token = key.token(&claims(NAME, NAME, fixtures::fresh_tenant(), &roles));
    let request = Request::post("/industryData/incomingFlows")
        .header(header::HOST, "localhost")
        .header(header::AUTHORIZATION, format!("Bearer {token}"))
        .header(header::CONTENT_TYPE, "application/json")
        .body(Body::from(r#"{"displayName": "Nightly rosters"}"#))?;
    let response = routes(&key, Arc::new(store.clone()))?.oneshot(request).await?;
    assert_eq!(response.status(), StatusCode::CREATED);
    println!("the routes create a flow");
    store.close().await;
    Ok(())
}

fn routes(key: &SigningKey, store: Arc<dyn Store>) -> Result<Router, Box<dyn Error>> {
    let keys = KeySet::from_jwks(key_set(&[key]).to_string().as_bytes())?;
    let policy = TokenPolicy {
        issuer: NAME.to_owned(),
        audiences: vec![NAME.to_owned()],
        leeway_seconds: 0,
    };
    let environment =
        Environment { store, clock: Arc::new(SystemClock), ids: Arc::new(TimeOrderedIds) };
    let verifier = Arc::new(TokenVerifier::new(keys, policy));
    let cursor_key = CursorKey::new(b"a secret that all servers share");
    Ok(router(ApiOptions::new(environment, verifier, cursor_key)))
}
