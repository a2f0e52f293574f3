//! What fails inside is answered in the envelope too, and says nothing of the inside.

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

use crate::app::{Answer, App};

/// Panics at the second id: the first is that of the request.
struct PanickingIds(AtomicUsize);

impl Ids for PanickingIds {
    fn next(&self, now: Timestamp) -> uuid::Uuid {
        assert_eq!(self.0.fetch_add(1, Ordering::Relaxed), 0, "secret of the inside");
        TimeOrderedIds.next(now)
    }
}

fn assert_envelope(answer: &Answer, status: StatusCode, code: &str) {
    assert_eq!(
        (answer.status, answer.json["error"]["code"].as_str()),
        (status, Some(code)),
        "{}",
        answer.body
    );
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(
        answer.json["error"]["innerError"]["request-id"],
        json!(answer.header("request-id"))
    );
    for inside in ["secret", "SELECT", "sqlx", "pool", "panicked"] {
        assert!(!answer.body.contains(inside), "{}", answer.body);
    }
}

#[tokio::test]
async fn a_panic_is_500() {
    let app = App::start_with(|options| {
        options.environment.ids = Arc::new(PanickingIds(AtomicUsize::new(0)))
    })
    .await;
    let answer = app.post("/industryData/incomingFlows", json!({"displayName": "F"})).await;
    assert_envelope(&answer, StatusCode::INTERNAL_SERVER_ERROR, "internalServerError");
}

#[tokio::test]
async fn a_time_out_is_503() {
    let app = App::start_with(|options| options.request_timeout = Duration::from_millis(300)).await;
    let run = app.run(json!({"displayName": "R"})).await;
    // Somebody's session holds the row.
    let mut holder = PgConnection::connect_with(&app.database.owner()).await.unwrap();
    sqlx::raw_sql("BEGIN; SELECT 1 FROM runs FOR UPDATE").execute(&mut holder).await.unwrap();
    let answer = app.patch(&run.url, json!({"displayName": "x"})).await;
    assert_envelope(&answer, StatusCode::SERVICE_UNAVAILABLE, "serviceUnavailable");
    assert_eq!((answer.code(), answer.header("retry-after")), ("requestTimeout", "1"));
}

#[tokio::test]
async fn a_database_that_is_gone_is_503() {
    let app = App::start().await;
    let run = app.run(json!({"displayName": "R"})).await;
    app.store.close().await;
    for (method, body) in [(Method::GET, ""), (Method::PATCH, r#"{"displayName":"x"}"#)] {
        let answer = app.send(method, &run.url, &[], body).await;
        assert_envelope(&answer, StatusCode::SERVICE_UNAVAILABLE, "serviceUnavailable");
        assert_eq!((answer.code(), answer.header("retry-after")), ("databaseUnavailable", "1"));
    }
    let ready = app.get("/readyz").await;
    assert_eq!(ready.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(app.get("/livez").await.status, StatusCode::OK);
}
