//! Internal errors have the error envelope, too, and reveal no internals.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::http::{Method, StatusCode};
use flowruns_domain::{
    clock::{Ids, TimeOrderedIds},
    timestamp::Timestamp,
};
use serde_json::json;
use sqlx::{Connection as _, PgConnection};

use crate::app::{App, TestResponse};

/// Panics at the second id: the first is that of the request.
struct PanickingIds(AtomicUsize);

impl Ids for PanickingIds {
    fn next(&self, now: Timestamp) -> uuid::Uuid {
        assert_eq!(self.0.fetch_add(1, Ordering::Relaxed), 0, "secret of the inside");
        TimeOrderedIds.next(now)
    }
}

fn assert_envelope(response: &TestResponse, status: StatusCode, code: &str) {
    assert_eq!(
        (response.status, response.json["error"]["code"].as_str()),
        (status, Some(code)),
        "{}",
        response.body
    );
    assert_eq!(response.header("content-type"), "application/json");
    assert_eq!(
        response.json["error"]["innerError"]["request-id"],
        json!(response.header("request-id"))
    );
    for inside in ["secret", "SELECT", "sqlx", "pool", "panicked"] {
        assert!(!response.body.contains(inside), "{}", response.body);
    }
}

#[tokio::test]
async fn a_panic_is_500() {
    let app = App::start_with(|options| {
        options.environment.ids = Arc::new(PanickingIds(AtomicUsize::new(0)))
    })
    .await;
    let response = app.post("/industryData/incomingFlows", json!({"displayName": "F"})).await;
    assert_envelope(&response, StatusCode::INTERNAL_SERVER_ERROR, "internalServerError");
}

#[tokio::test]
async fn a_timeout_is_503() {
    let app = App::start().await;
    let run = app.run(json!({"displayName": "R"})).await;
    let app = app.with_options(|options| options.request_timeout = Duration::from_millis(300));
    // Another session holds the row lock.
    let mut holder = PgConnection::connect_with(&app.database.owner()).await.unwrap();
    sqlx::raw_sql("BEGIN; SELECT 1 FROM runs FOR UPDATE").execute(&mut holder).await.unwrap();
    let response = app.patch(&run.url, json!({"displayName": "x"})).await;
    assert_envelope(&response, StatusCode::SERVICE_UNAVAILABLE, "serviceUnavailable");
    assert_eq!((response.code(), response.header("retry-after")), ("requestTimeout", "1"));
}

#[tokio::test]
async fn an_unavailable_database_is_503() {
    let app = App::start().await;
    let run = app.run(json!({"displayName": "R"})).await;
    app.store.close().await;
    for (method, body) in [(Method::GET, ""), (Method::PATCH, r#"{"displayName":"x"}"#)] {
        let response = app.send(method, &run.url, &[], body).await;
        assert_envelope(&response, StatusCode::SERVICE_UNAVAILABLE, "serviceUnavailable");
        assert_eq!((response.code(), response.header("retry-after")), ("databaseUnavailable", "1"));
    }
    let ready = app.get("/readyz").await;
    assert_eq!(ready.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(app.get("/livez").await.status, StatusCode::OK);
}
