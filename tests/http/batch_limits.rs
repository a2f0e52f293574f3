//! Failures that affect only one request of a batch: limits, panics, timeouts.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::http::StatusCode;
use flowruns_domain::{
    clock::{Ids, TimeOrderedIds},
    timestamp::Timestamp,
};
use serde_json::{Value, json};
use sqlx::{Connection as _, PgConnection};

use crate::{
    app::App,
    batch::{batch_responses, code, send, statuses},
};

const FLOWS: &str = "/industryData/incomingFlows";

#[tokio::test]
async fn the_size_limit_applies_to_each_request() {
    let app = App::start_with(|options| options.max_body_bytes = 1024).await;
    let named = |length: usize| json!({"displayName": "F", "dataDomain": "educationRostering", "eTag": "x".repeat(length)});
    let item = |id: usize, length| json!({"id": id.to_string(), "method": "POST", "url": FLOWS, "body": named(length)});
    let responses = batch_responses(&app, json!([item(1, 900), item(2, 900), item(3, 2000)])).await;
    assert_eq!(statuses(&responses), [("1", 201), ("2", 201), ("3", 413)]);
    let response = send(&app, json!([item(1, 20 * (1024 + 16 * 1024))])).await;
    assert_eq!(response.status, StatusCode::PAYLOAD_TOO_LARGE);
}

/// Panics at one of the ids that are requested.
struct PanicsAt(usize, AtomicUsize);

impl Ids for PanicsAt {
    fn next(&self, now: Timestamp) -> uuid::Uuid {
        assert_ne!(self.1.fetch_add(1, Ordering::Relaxed), self.0, "secret of the inside");
        TimeOrderedIds.next(now)
    }
}

#[tokio::test]
async fn a_panic_fails_one_request() {
    // The ids of the batch, of the first request and its flow, of the second and its flow.
    let ids = PanicsAt(4, AtomicUsize::new(0));
    let app = App::start_with(|options| options.environment.ids = Arc::new(ids)).await;
    let create = |id: &str, before: Value| json!({"id": id, "method": "POST", "url": FLOWS, "body": {"displayName": "F"}, "dependsOn": before});
    let responses = batch_responses(
        &app,
        json!([create("a", json!([])), create("b", json!(["a"])), create("c", json!(["b"]))]),
    )
    .await;
    assert_eq!(statuses(&responses), [("a", 201), ("b", 500), ("c", 424)]);
    assert!(!responses[1].to_string().contains("secret"));
}

#[tokio::test]
async fn a_timeout_fails_one_request() {
    let app = App::start().await;
    let run = app.run(json!({"displayName": "R"})).await;
    let app = app.with_options(|options| options.request_timeout = Duration::from_secs(5));
    // Another session holds the row lock.
    let mut holder = PgConnection::connect_with(&app.database.owner()).await.unwrap();
    sqlx::raw_sql("BEGIN; SELECT 1 FROM runs FOR UPDATE").execute(&mut holder).await.unwrap();
    let responses = batch_responses(
        &app,
        json!([
            {"id": "held", "method": "PATCH", "url": run.url, "body": {"displayName": "x"}},
            {"id": "free", "method": "GET", "url": run.url},
            {"id": "after", "method": "GET", "url": run.url, "dependsOn": ["held"]},
        ]),
    )
    .await;
    assert_eq!(statuses(&responses), [("held", 503), ("free", 200), ("after", 424)]);
    assert_eq!(code(&responses[0]), "requestTimeout");
    assert_eq!(responses[0]["headers"]["Retry-After"], "1");
}

#[tokio::test]
async fn twenty_reports_of_one_run_and_more_batches_than_connections_succeed() {
    let app = App::start().await;
    let run = app.run(json!({"displayName": "R"})).await;
    let report = |number: usize| {
        json!({"id": number.to_string(), "method": "PATCH", "url": run.url,
            "body": {"statistics": {format!("n{number}"): number}}})
    };
    let create = |number: usize| json!({"id": number.to_string(), "method": "POST", "url": run.list_url(), "body": {"displayName": "C"}});
    let reports: Vec<Value> = (0..20).map(report).collect();
    let creations: Vec<Value> = (0..20).map(create).collect();
    let batches = (0..10).map(|number| {
        let requests = if number % 2 == 0 { &reports } else { &creations };
        batch_responses(&app, json!(requests))
    });
    for responses in futures_util::future::join_all(batches).await {
        assert!(
            responses.iter().all(|response| response["status"].as_u64() < Some(300)),
            "{responses:?}"
        );
    }
    let stored = app.get(&run.url).await;
    assert_eq!(stored.json["statistics"].as_object().unwrap().len(), 21);
}
