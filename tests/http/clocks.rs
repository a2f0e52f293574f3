//! Clock differences between a client and a server, and between two servers.

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::app::{App, TestResponse};

const AN_HOUR_AHEAD: &str = "2026-03-02T11:00:00Z";

/// An application whose clock shows ten, and another on the same database whose clock shows eleven.
async fn two_servers() -> (App, App) {
    let app = App::start().await;
    assert_eq!(app.clock_text(), "2026-03-02T10:00:00Z");
    let ahead = app.beside(AN_HOUR_AHEAD.parse().unwrap()).await;
    (app, ahead)
}

fn times(history: &[Value]) -> Vec<&str> {
    let times = history.iter().map(|entry| entry["occurredDateTime"].as_str());
    times.map(Option::unwrap).collect()
}

fn assert_ends(response: &TestResponse, start: &str, end: &str) {
    assert_eq!(response.status, StatusCode::OK, "{}", response.body);
    let times = (&response.json["startDateTime"], &response.json["endDateTime"]);
    assert_eq!(times, (&json!(start), &json!(end)));
}

#[tokio::test]
async fn a_client_may_send_times_in_the_future_and_the_history_has_the_time_of_the_server() {
    let app = App::start().await;
    let run = app.run(json!({"displayName": "R", "startDateTime": AN_HOUR_AHEAD})).await;
    // Without a time of its own the end is not before the start.
    let ended = app.patch(&run.url, json!({"status": "completed"})).await;
    assert_ends(&ended, AN_HOUR_AHEAD, AN_HOUR_AHEAD);
    let later = "2026-03-02T11:30:00Z";
    let moved = app.patch(&run.url, json!({"endDateTime": later})).await;
    assert_ends(&moved, AN_HOUR_AHEAD, later);
    let history = app.history(&run.url).await;
    assert_eq!(times(&history), ["2026-03-02T10:00:00Z"; 3]);
}

#[tokio::test]
async fn a_server_whose_clock_is_behind_does_not_end_a_run_before_its_start() {
    let (behind, ahead) = two_servers().await;
    let run = ahead.run(json!({"displayName": "R"})).await;
    let ended = behind.patch(&run.url, json!({"status": "failed"})).await;
    assert_ends(&ended, AN_HOUR_AHEAD, AN_HOUR_AHEAD);
}

#[tokio::test]
async fn times_in_the_history_never_decrease_on_servers_with_different_clocks() {
    let (behind, ahead) = two_servers().await;
    let run = behind.run(json!({"displayName": "R"})).await;
    for (report, app) in [&behind, &ahead, &behind, &ahead, &behind].into_iter().enumerate() {
        let response = app.patch(&run.url, json!({"statistics": {"report": report}})).await;
        assert_eq!(response.status, StatusCode::OK, "{}", response.body);
    }
    ahead.clock.set("2026-03-02T10:30:00Z".parse().unwrap());
    assert_eq!(ahead.patch(&run.url, json!({"displayName": "S"})).await.status, StatusCode::OK);
    let history = behind.history(&run.url).await;
    let (ten, eleven) = ("2026-03-02T10:00:00Z", AN_HOUR_AHEAD);
    assert_eq!(times(&history), [ten, ten, eleven, eleven, eleven, eleven, eleven]);
}

#[tokio::test]
async fn a_creation_repeated_on_a_server_with_another_clock_is_idempotent() {
    let (behind, ahead) = two_servers().await;
    let flow = behind.flow().await;
    let creation = json!({"id": "5f0b6f0e-5d1c-4d0e-9a57-0d4b6d1c2a3e", "displayName": "R"});
    let runs = format!("/industryData/incomingFlows/{flow}/runs");
    let first = ahead.post(&runs, creation.clone()).await;
    let again = behind.post(&runs, creation).await;
    assert_eq!((first.status, again.status), (StatusCode::CREATED, StatusCode::OK));
    assert_eq!(first.json, again.json);
}
