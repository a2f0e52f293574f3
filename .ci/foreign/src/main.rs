//! Uses the packaged crates as another team does: verifies a store with the conformance suite, and serves the routes on it.

use std::{error::Error, sync::Arc, time::Duration};

use axum::{
    Router,
    body::Body,
    http::{Request, StatusCode, header},
};
use flowruns_api::{
    ApiOptions, CursorKey, Draining, HeadLimits, Limits, Readiness,
    auth::{Expectations, KeySet, Permission, TokenVerifier},
    router,
};
use flowruns_domain::{Clock as _, Environment, Store, SystemClock, TimeOrderedIds};
use flowruns_persistence::PostgresStore;
use flowruns_testing::{conformance, fixtures, issuer::SigningKey, scratch::ScratchDatabase};
use serde_json::json;
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
    let token = key.token(&json!({
        "iss": NAME, "aud": NAME, "sub": NAME,
        "tid": fixtures::fresh_tenant().to_string(),
        "roles": [Permission::WriteFlows.name()],
        "exp": SystemClock.now().date_time().timestamp() + 60,
    }));
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
    let keys = json!({"keys": [key.jwk()]}).to_string();
    let verifier = TokenVerifier::new(
        KeySet::from_jwks(keys.as_bytes())?,
        Expectations {
            issuer: NAME.to_owned(),
            audiences: vec![NAME.to_owned()],
            leeway_seconds: 0,
        },
    );
    Ok(router(ApiOptions {
        readiness: Readiness::new(Arc::clone(&store), Draining::default()),
        environment: Environment {
            store,
            clock: Arc::new(SystemClock),
            ids: Arc::new(TimeOrderedIds),
        },
        verifier: Arc::new(verifier),
        max_body_bytes: 1024 * 1024,
        head_limits: HeadLimits::default(),
        request_timeout: Duration::from_secs(30),
        body_timeout: Duration::from_secs(10),
        require_if_match: false,
        trusted_proxies: Vec::new(),
        cors_origins: Vec::new(),
        cursor_key: CursorKey::new(b"a secret that all servers share"),
        tracer: None,
        limits: Limits::default(),
    }))
}
