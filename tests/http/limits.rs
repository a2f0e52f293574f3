//! Limits of a caller: what is one too many is 429, and nobody else notices.

use std::{num::NonZeroU32, time::Duration};

use axum::http::{Method, StatusCode};
use flowruns_api::{Rate, RateOverride};
use serde_json::{Value, json};

use crate::{
    app::{AUDIENCE, Answer, App, ISSUER},
    batch::{responses, send},
};

const FLOWS: &str = "/industryData/incomingFlows";
/// So slow that no test lives long enough to be given one more.
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

/// The whole period, but for what went by since.
fn assert_waits(retry_after: &str) {
    let seconds: u64 = retry_after.parse().unwrap();
    assert!((1..=PERIOD.as_secs()).contains(&seconds), "{seconds}");
    assert!(seconds > PERIOD.as_secs() / 2, "{seconds}");
}

fn assert_limited(answer: &Answer) {
    assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS);
    assert_waits(answer.header("retry-after"));
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(answer.json["error"]["code"], "tooManyRequests");
    assert_eq!(answer.code(), "tooManyRequests");
}

#[tokio::test]
async fn a_caller_that_sends_too_much_is_429_and_told_when_to_come_again() {
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
    // Neither what is refused for its permission nor an unknown route counts.
    for _ in 0..3 {
        let answer = app.send(Method::POST, FLOWS, &headers, "{}").await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN);
        let answer = app.send(Method::PUT, FLOWS, &headers, "{}").await;
        assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED);
    }
    let answer = app.send_bare(Method::GET, FLOWS, &headers, "").await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_limited(&app.send_bare(Method::GET, FLOWS, &headers, "").await);

    assert_eq!(app.get(FLOWS).await.status, StatusCode::OK);
    let long = "x".repeat(2 * 1024 * 1024);
    let too_long = app.send(Method::POST, FLOWS, &[], &long).await;
    assert_limited(&too_long);
    let no_json = app.send_bare(Method::POST, FLOWS, &[], "x").await;
    assert_limited(&no_json);
}

#[tokio::test]
async fn a_tenant_that_floods_does_not_keep_another_from_reporting() {
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
        let answer = app.send(Method::PATCH, &url, &headers, &body.to_string()).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    }
    assert_eq!(limited, 10 * REPORTS - REPORTS);
}

#[tokio::test]
async fn each_request_of_a_batch_counts_and_is_answered_with_the_time_to_wait() {
    // The batch, and three of its requests.
    let app = app(4).await;
    let item = |id: usize| json!({"id": id.to_string(), "method": "GET", "url": FLOWS});
    let items: Vec<Value> = (0..5).map(item).collect();
    let answers = responses(&app, json!(items)).await;
    let limited: Vec<&Value> = answers.iter().filter(|answer| answer["status"] == 429).collect();
    assert_eq!(limited.len(), 2, "{answers:#?}");
    for answer in limited {
        assert_waits(answer["headers"]["Retry-After"].as_str().unwrap());
        assert_eq!(answer["body"]["error"]["code"], "tooManyRequests");
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
