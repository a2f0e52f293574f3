//! Shares of admission: bytes count as they arrive, and no caller can use every permit.

use std::{convert::Infallible, pin::Pin, time::Duration};

use axum::{
    body::{Body, Bytes},
    http::{Method, StatusCode},
    response::Response,
};
use flowruns_api::{AdmissionLimits, MinimumRate};
use futures_util::{FutureExt as _, StreamExt as _, future::join_all, stream};
use serde_json::json;

use crate::app::{App, TestRun, read};

const MIB: usize = 1024 * 1024;
const OTHER_TENANT: &str = "5b0f1f5e-0d3a-4d6f-9d0e-2f6a1c9b8e11";

async fn app(requests: usize, bytes: usize) -> App {
    App::start_with(|options| {
        options.limits.admission = AdmissionLimits { requests, bytes, caller_percent: 25 };
    })
    .await
}

/// A body that sends one byte and then stalls.
fn stalled() -> Body {
    let first = stream::once(async { Ok::<_, Infallible>(Bytes::from_static(b"{")) });
    Body::from_stream(first.chain(stream::pending()))
}

type Pending<'a> = Pin<Box<dyn Future<Output = Response> + 'a>>;

/// Begins a request and returns it while it waits; `None` if the response is immediate.
fn begin<'a>(
    app: &'a App,
    method: Method,
    url: &str,
    length: usize,
    body: Body,
) -> Option<Pending<'a>> {
    let url = url.to_owned();
    let mut request: Pending<'a> = Box::pin(async move {
        let length = length.to_string();
        let headers = [("content-type", "application/json"), ("content-length", length.as_str())];
        app.begin(method, &url, &headers, body).await
    });
    // The request yields a few times before it is rejected.
    let has_response = (0..16).any(|_| request.as_mut().now_or_never().is_some());
    (!has_response).then_some(request)
}

async fn statuses(app: &App, run: &TestRun) -> Vec<StatusCode> {
    let report = json!({"statistics": {"rows": 1}});
    let end = json!({"status": "completed"});
    let created = json!({"displayName": "R"});
    vec![
        app.get(&run.url).await.status,
        app.get(&run.list_url()).await.status,
        app.post(&run.list_url(), created).await.status,
        app.patch(&run.url, report).await.status,
        app.patch(&run.url, end).await.status,
    ]
}

const SERVED: [StatusCode; 5] =
    [StatusCode::OK, StatusCode::OK, StatusCode::CREATED, StatusCode::OK, StatusCode::OK];

#[tokio::test]
async fn announced_bodies_that_do_not_arrive_block_no_other_request() {
    let app = app(4096, 128 * MIB).await;
    let run = app.run(json!({"displayName": "Stalled"})).await;
    let other = app.as_tenant(OTHER_TENANT);
    let other_run = other.run(json!({"displayName": "Other"})).await;
    let batches = (0..5).map(|_| begin(&app, Method::POST, "/$batch", 20 * MIB, stalled()));
    let reports = (0..128).map(|_| begin(&app, Method::PATCH, &run.url, MIB, stalled()));
    let held: Vec<_> = batches.chain(reports).map(Option::unwrap).collect();
    assert_eq!(statuses(&other, &other_run).await, SERVED);
    // The small requests of the same caller succeed, too.
    assert_eq!(statuses(&app, &run).await, SERVED);
    drop(held);
}

#[tokio::test]
async fn one_caller_cannot_use_every_permit_and_another_is_served() {
    let app = app(64, 16 * MIB).await;
    let run = app.run(json!({"displayName": "Flood"})).await;
    let other = app.as_tenant(OTHER_TENANT);
    let other_run = other.run(json!({"displayName": "Other"})).await;
    let next = || begin(&app, Method::PATCH, &run.url, 100, stalled());
    // A quarter of the permits of requests that may not end a run is left.
    let held: Vec<_> = std::iter::from_fn(next).take(64).collect();
    assert_eq!(held.len(), 42);
    assert_eq!(statuses(&other, &other_run).await, SERVED);
    drop(held);
    assert_eq!(statuses(&app, &run).await, SERVED);
}

#[tokio::test]
async fn a_report_that_ends_a_run_is_served_when_the_share_of_writes_is_used_up() {
    let app = app(16, 16 * MIB).await;
    let tenants: Vec<App> = (0..5)
        .map(|number| app.as_tenant(&format!("5b0f1f5e-0d3a-4d6f-9d0e-2f6a1c9b8e2{number}")))
        .collect();
    let runs = tenants.iter().map(|tenant| tenant.run(json!({"displayName": "R"})));
    let runs = join_all(runs).await;
    let mut held = Vec::new();
    for (tenant, run) in tenants.iter().zip(&runs).take(4) {
        let next = || begin(tenant, Method::PATCH, &run.url, 100, stalled());
        held.extend(std::iter::from_fn(next).take(16));
    }
    assert_eq!(held.len(), 14, "seven eighths");
    let (tenant, run) = (&tenants[4], &runs[4]);
    let report = tenant.patch(&run.url, json!({"statistics": {"rows": 1}})).await;
    assert_eq!(report.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(report.code(), "overloaded");
    let end = tenant.patch(&run.url, json!({"status": "failed"})).await;
    assert_eq!(end.status, StatusCode::OK, "{}", end.body);
}

#[tokio::test]
async fn a_body_that_arrives_below_the_minimum_rate_is_408_and_one_above_it_is_read() {
    let app = App::start_with(|options| {
        options.limits.minimum_rate =
            MinimumRate { bytes_per_second: 4, window: Duration::from_millis(500) };
    })
    .await;
    let run = app.run(json!({"displayName": "Slow"})).await;
    let headers = [("content-type", "application/json")];
    let slow = app.begin(Method::PATCH, &run.url, &headers, stalled()).await;
    let slow = read(slow).await;
    assert_eq!(slow.status, StatusCode::REQUEST_TIMEOUT);
    assert_eq!(slow.code(), "bodyTooSlow");

    // Each byte arrives after a pause, but fast enough.
    let body = json!({"@note": "x".repeat(500), "statistics": {"rows": 1}}).to_string();
    let bytes = stream::iter(body.into_bytes()).then(|byte| async move {
        tokio::task::yield_now().await;
        Ok::<_, Infallible>(Bytes::from(vec![byte]))
    });
    let body = Body::from_stream(bytes);
    let steady = app.begin(Method::PATCH, &run.url, &headers, body).await;
    assert_eq!(steady.status(), StatusCode::OK);
}

#[tokio::test]
async fn unread_responses_are_charged_until_they_are_dropped() {
    let app = app(4096, MIB).await;
    let statistics = json!({"log": "x".repeat(60 * 1024)});
    let run = app.run(json!({"displayName": "Long", "statistics": statistics})).await;
    let get = || app.begin(Method::GET, &run.url, &[], Body::empty());
    let mut unread = Vec::new();
    let rejected = loop {
        let response = get().await;
        if response.status() != StatusCode::OK {
            break read(response).await;
        }
        unread.push(response);
        assert!(unread.len() < 20, "nothing is charged");
    };
    assert_eq!(rejected.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(rejected.code(), "overloaded");
    // The write has happened, so the response is a short success and not a rejection.
    let headers = [("content-type", "application/json")];
    let written = loop {
        let body = json!({"displayName": format!("R{}", unread.len())}).to_string();
        let response = app.begin(Method::PATCH, &run.url, &headers, Body::from(body)).await;
        if response.status() != StatusCode::OK {
            break read(response).await;
        }
        unread.push(response);
        assert!(unread.len() < 40, "nothing is charged");
    };
    assert_eq!(written.status, StatusCode::NO_CONTENT, "{}", written.body);
    assert_eq!(written.header("preference-applied"), "return=minimal");
    let tag = written.header("etag").to_owned();
    let name = format!("R{}", unread.len());
    drop(unread);
    let stored = app.get(&run.url).await;
    assert_eq!(stored.header("etag"), tag);
    assert_eq!(stored.json["displayName"], name);
}
