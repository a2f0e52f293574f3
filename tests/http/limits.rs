//! Rate limits of a caller: a request over the limit is 429, and other callers are not affected.

use std::{num::NonZeroU32, time::Duration};

use axum::http::{Method, StatusCode};
use flowruns_api::{Rate, RateOverride};
use serde_json::{Value, json};

use crate::{
    app::{AUDIENCE, App, ISSUER, TestResponse},
    batch::{batch_responses, send},
};

const FLOWS: &str = "/industryData/incomingFlows";
/// So slow that no test lasts until the next request is allowed.
const PERIOD: Duration = Duration::from_secs(3600);
const OTHER_TENANT: &str = "5b0f1f5e-0d3a-4d6f-9d0e-2f6a1c9b8e11";

fn rate(burst: u32) -> Rate {
    Rate { period: PERIOD, burst: NonZeroU32::new(burst).unwrap() }
}

async fn app(burst: u32) -> App {
    App::start_with(|options| options.limits.caller = Some(rate(burst))).await
}

/// The headers of a caller.
fn bearer(app: &App, tenant: &str, application: &str, role: &str) -> String {
    let claims = json!({"iss": ISSUER, "aud": AUDIENCE, "tid": tenant, "azp": application,
        "exp": 4_102_444_800_u64, "roles": [role]});
    format!("Bearer {}", app.token(&claims))
}

/// The whole period, less the time that has passed.
fn assert_waits(retry_after: &str) {
    let seconds: u64 = retry_after.parse().unwrap();
    assert!((1..=PERIOD.as_secs()).contains(&seconds), "{seconds}");
    assert!(seconds > PERIOD.as_secs() / 2, "{seconds}");
}

fn assert_limited(response: &TestResponse) {
    assert_eq!(response.status, StatusCode::TOO_MANY_REQUESTS);
    assert_waits(response.header("retry-after"));
    assert_eq!(response.header("content-type"), "application/json");
    assert_eq!(response.json["error"]["code"], "tooManyRequests");
    assert_eq!(response.code(), "tooManyRequests");
}

#[tokio::test]
async fn a_caller_over_its_limit_is_429_with_retry_after() {
    let app = app(3).await;
    for _ in 0..3 {
        assert_eq!(app.get(FLOWS).await.status, StatusCode::OK);
    }
    assert_limited(&app.get(FLOWS).await);
    let report = app.patch(&format!("{FLOWS}/x"), json!({"displayName": "F"})).await;
    assert_limited(&report);
    assert_eq!(app.get("/livez").await.status, StatusCode::OK);
}

#[tokio::test]
async fn the_limit_comes_after_the_permission_and_before_the_body() {
    let app = app(1).await;
    let reader = bearer(&app, &app.tenant, "reader", "IndustryData-Run.Read.All");
    let headers = [("authorization", reader.as_str())];
    // Neither a request without permission nor an unknown route counts.
    for _ in 0..3 {
        let response = app.send(Method::POST, FLOWS, &headers, "{}").await;
        assert_eq!(response.status, StatusCode::FORBIDDEN);
        let response = app.send(Method::PUT, FLOWS, &headers, "{}").await;
        assert_eq!(response.status, StatusCode::METHOD_NOT_ALLOWED);
    }
    let response = app.send_bare(Method::GET, FLOWS, &headers, "").await;
    assert_eq!(response.status, StatusCode::OK);
    assert_limited(&app.send_bare(Method::GET, FLOWS, &headers, "").await);

    assert_eq!(app.get(FLOWS).await.status, StatusCode::OK);
    let long = "x".repeat(2 * 1024 * 1024);
    let too_long = app.send(Method::POST, FLOWS, &[], &long).await;
    assert_limited(&too_long);
    let no_json = app.send_bare(Method::POST, FLOWS, &[], "x").await;
    assert_limited(&no_json);
}

#[tokio::test]
async fn a_tenant_over_its_limit_does_not_affect_another() {
    const REPORTS: u32 = 20;
    let app = app(2 + REPORTS).await;
    let run = app.run(json!({"displayName": "Flooded"})).await;
    let other = bearer(&app, OTHER_TENANT, "tester", "IndustryData-InboundFlow.ReadWrite.All");
    let headers = [("authorization", other.as_str())];
    let created = app.send(Method::POST, FLOWS, &headers, r#"{"displayName":"F"}"#).await;
    let runs = format!("{FLOWS}/{}/runs", created.json["id"].as_str().unwrap());
    let created = app.send(Method::POST, &runs, &headers, r#"{"displayName":"R"}"#).await;
    let url = format!("{runs}/{}", created.json["id"].as_str().unwrap());

    let mut limited = 0;
    for number in 0..REPORTS {
        let body = json!({"statistics": {"rows": number}});
        for _ in 0..10 {
            let flood = app.patch(&run.url, body.clone()).await;
            limited += u32::from(flood.status == StatusCode::TOO_MANY_REQUESTS);
        }
        let response = app.send(Method::PATCH, &url, &headers, &body.to_string()).await;
        assert_eq!(response.status, StatusCode::OK, "{}", response.body);
    }
    assert_eq!(limited, 10 * REPORTS - REPORTS);
}

#[tokio::test]
async fn each_request_of_a_batch_counts_and_has_its_own_retry_after() {
    // The batch, and three of its requests.
    let app = app(4).await;
    let item = |id: usize| json!({"id": id.to_string(), "method": "GET", "url": FLOWS});
    let items: Vec<Value> = (0..5).map(item).collect();
    let responses = batch_responses(&app, json!(items)).await;
    let limited: Vec<&Value> =
        responses.iter().filter(|response| response["status"] == 429).collect();
    assert_eq!(limited.len(), 2, "{responses:#?}");
    for response in limited {
        assert_waits(response["headers"]["Retry-After"].as_str().unwrap());
        assert_eq!(response["body"]["error"]["code"], "tooManyRequests");
    }
    assert_limited(&send(&app, json!([item(1)])).await);
}

#[tokio::test]
async fn an_override_gives_an_application_a_limit_of_its_own() {
    let app = App::start_with(|options| {
        options.limits.caller = Some(rate(1));
        options.limits.overrides =
            vec![RateOverride { tenant: None, application: Some("tester".to_owned()), rate: None }];
    })
    .await;
    for _ in 0..5 {
        assert_eq!(app.get(FLOWS).await.status, StatusCode::OK);
    }
    let reader = bearer(&app, &app.tenant, "reader", "IndustryData-Run.Read.All");
    let headers = [("authorization", reader.as_str())];
    let first = app.send_bare(Method::GET, FLOWS, &headers, "").await;
    assert_eq!(first.status, StatusCode::OK);
    assert_limited(&app.send_bare(Method::GET, FLOWS, &headers, "").await);
}
