//! Error responses have a bounded length, for every request.

use std::fmt::Write as _;

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::{
    app::{App, TestResponse},
    batch::batch_responses,
};

const FLOWS: &str = "/industryData/incomingFlows";

/// The codes of the details, and the message of the last one.
fn listed(error: &Value) -> (usize, &str, &str) {
    let details = error["details"].as_array().unwrap();
    let last = details.last().unwrap();
    let (code, message) = (last["code"].as_str(), last["message"].as_str());
    (details.len(), code.unwrap(), message.unwrap())
}

fn unknown_members(count: usize) -> String {
    let mut body = "{".to_owned();
    for number in 0..count {
        write!(body, "\"m{number}\":1,").unwrap();
    }
    body.push_str("\"last\":1}");
    body
}

#[tokio::test]
async fn a_hundred_violations_are_listed_and_the_others_counted() {
    let app = App::start().await;
    let run = app.run(json!({"displayName": "R"})).await;
    let send = async |body: &str| app.send(Method::PATCH, &run.url, &[], body).await;
    let response = send(&unknown_members(69_999)).await;
    assert_eq!(response.status, StatusCode::BAD_REQUEST);
    assert_eq!(response.code(), "unknownProperty");
    let error = &response.json["error"];
    let expected = (101, "moreFaults", "69,900 more faults are not listed");
    assert_eq!(listed(error), expected);
    assert!(error["details"][100].get("target").is_none());
    assert!(response.body.len() < 32 * 1024, "{}", response.body.len());

    let hundred = send(&unknown_members(99)).await;
    assert_eq!(listed(&hundred.json["error"]).1, "unknownProperty");

    let items = "1,".repeat(200_000);
    let wrong = send(&format!("{{\"blockingError\":{{\"details\":[{items}1]}}}}")).await;
    let expected = (101, "moreFaults", "199,901 more faults are not listed");
    assert_eq!(listed(&wrong.json["error"]), expected);
}

#[tokio::test]
async fn twenty_bodies_with_many_violations_have_a_short_response() {
    let app = App::start().await;
    let run = app.run(json!({"displayName": "R"})).await;
    let body: Value = serde_json::from_str(&unknown_members(5_000)).unwrap();
    let item = |id: usize| json!({"id": id, "method": "PATCH", "url": run.url, "body": body});
    let responses = batch_responses(&app, (0..20).map(item).collect()).await;
    assert_eq!(responses.len(), 20);
    for response in responses {
        assert_eq!(response["status"], 400);
        assert!(response.to_string().len() < 32 * 1024);
    }
}

fn assert_short(response: &TestResponse, what: &str) {
    assert!(response.status.is_client_error(), "{what}: {}", response.status);
    assert!(response.body.len() < 2500, "{what}: {}", response.body.len());
    assert!(response.body.contains('\u{2026}'), "{what}: {}", response.body);
}

#[tokio::test]
async fn a_message_quotes_the_beginning_of_a_long_value() {
    let app = App::start().await;
    let run = app.run(json!({"displayName": "R"})).await;
    let long = "\u{e9}".repeat(200_000);
    for (what, body) in [
        ("an unknown member", format!("{{\"{long}\":1}}")),
        ("a duplicate member", format!("{{\"{long}\":1,\"{long}\":2}}")),
    ] {
        let response = app.send(Method::PATCH, &run.url, &[], &body).await;
        assert_short(&response, what);
    }
    let long = "x".repeat(3000);
    let runs = run.list_url();
    for url in [
        format!("{runs}?{long}=1"),
        format!("{runs}?$filter={long} eq 'a'"),
        format!("{runs}?$filter=status eq '{long}'"),
        format!("{runs}?$filter=displayName eq {long}"),
        format!("/{long}"),
    ] {
        let url = url.replace(' ', "%20").replace('\'', "%27");
        let response = app.get(&url).await;
        assert_short(&response, &url[..40.min(url.len())]);
    }
    let method = Method::from_bytes(long.as_bytes()).unwrap();
    let response = app.send_bare(method, FLOWS, &[], "").await;
    assert_short(&response, "a method");
}
