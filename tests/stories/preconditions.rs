//! If-Match and If-None-Match.

use axum::http::{Method, StatusCode};
use serde_json::json;

use crate::app::App;

#[tokio::test]
async fn a_change_is_made_to_the_version_that_was_read_or_not_at_all() {
    let app = App::start().await;
    let run = app.run(json!({"displayName": "R"})).await;
    let tag = app.get(&run.url).await.header("etag").to_owned();
    let strong = tag.strip_prefix("W/").unwrap().to_owned();
    let other = app.run_of(&run.flow, json!({"displayName": "R"})).await;
    let other_tag = app.get(&other.url).await.header("etag").to_owned();
    assert_ne!(tag, other_tag);
    let cases = [
        (
            other_tag.as_str(),
            StatusCode::PRECONDITION_FAILED,
            "entityTagDoesNotMatch",
        ),
        (
            "W/\"x\"",
            StatusCode::PRECONDITION_FAILED,
            "entityTagDoesNotMatch",
        ),
        ("x", StatusCode::BAD_REQUEST, "malformedEntityTag"),
        ("", StatusCode::BAD_REQUEST, "malformedEntityTag"),
        ("*", StatusCode::OK, ""),
        (strong.as_str(), StatusCode::OK, ""),
        (tag.as_str(), StatusCode::OK, ""),
    ];
    for (value, status, code) in cases {
        let answer = app
            .send(Method::PATCH, &run.url, &[("if-match", value)], "{}")
            .await;
        assert_eq!((answer.status, answer.code()), (status, code), "{value}");
    }
    let list = format!("\"a\", {tag}");
    let body = r#"{"statistics":{"n":1}}"#;
    let changed = app
        .send(Method::PATCH, &run.url, &[("if-match", &list)], body)
        .await;
    assert_eq!(changed.status, StatusCode::OK);
    assert_ne!(changed.header("etag"), tag);
    let stale = app
        .send(
            Method::PATCH,
            &run.url,
            &[("if-match", &tag)],
            r#"{"displayName":"lost"}"#,
        )
        .await;
    assert_eq!(stale.status, StatusCode::PRECONDITION_FAILED);
    assert_eq!(app.get(&run.url).await.body, changed.body);
    let deletion = app
        .send(Method::DELETE, &run.url, &[("if-match", &tag)], "")
        .await;
    assert_eq!(deletion.status, StatusCode::PRECONDITION_FAILED);
    let deletion = app
        .send(
            Method::DELETE,
            &run.url,
            &[("if-match", changed.header("etag"))],
            "",
        )
        .await;
    assert_eq!(deletion.status, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn a_server_can_demand_it() {
    let app = App::start_with(|options| options.require_if_match = true).await;
    let run = app.run(json!({"displayName": "R"})).await;
    let answer = app.patch(&run.url, json!({"status": "completed"})).await;
    assert_eq!(
        (answer.status, answer.code()),
        (StatusCode::PRECONDITION_REQUIRED, "preconditionRequired")
    );
    let absent = format!("{}/0197f3a0-5c1e-7c3a-9d53-2f3a1b6c7d8e", run.list_url());
    assert_eq!(
        app.patch(&absent, json!({})).await.status,
        StatusCode::NOT_FOUND
    );
    let answer = app
        .send(Method::PATCH, &run.url, &[("if-match", "*")], "{}")
        .await;
    assert_eq!(answer.status, StatusCode::OK);
}

#[tokio::test]
async fn the_checks_come_in_the_order_of_the_contract() {
    let app = App::start().await;
    let ended = json!({"displayName": "R", "startDateTime": "2026-01-01T00:00:00Z",
        "endDateTime": "2026-01-01T01:00:00Z", "status": "failed"});
    let run = app.run(ended).await;
    let send = |body: &'static str| {
        let (app, url) = (&app, &run.url);
        async move {
            app.send(Method::PATCH, url, &[("if-match", "\"stale\"")], body)
                .await
                .status
                .as_u16()
        }
    };
    assert_eq!(
        send(r#"{"status":"completed","endDateTime":"2000-01-01T00:00:00Z"}"#).await,
        400
    );
    assert_eq!(send(r#"{"status":"completed"}"#).await, 412);
    let answer = app.patch(&run.url, json!({"status": "completed"})).await;
    assert_eq!(answer.status, StatusCode::CONFLICT);
    let absent = format!("{}/0197f3a0-5c1e-7c3a-9d53-2f3a1b6c7d8e", run.list_url());
    assert_eq!(
        app.patch(&absent, json!({"speed": 1})).await.code(),
        "unknownProperty"
    );
}

#[tokio::test]
async fn what_the_client_has_already_is_not_sent_again() {
    let app = App::start().await;
    let run = app.run(json!({"displayName": "R"})).await;
    let flow = format!("/industryData/incomingFlows/{}", run.flow);
    let alias = format!("{}/process/runs/{}", run.url, run.id);
    let process = format!("{}/process", run.url);
    for url in [&run.url, &alias, &flow, &process] {
        let tag = app.get(url).await.header("etag").to_owned();
        let strong = tag.strip_prefix("W/").unwrap();
        for (value, status) in [
            (tag.as_str(), 304),
            (strong, 304),
            ("*", 304),
            (&format!("\"a\", {tag}"), 304),
            ("W/\"a\"", 200),
            ("a", 400),
            ("", 400),
        ] {
            let answer = app
                .send_bare(Method::GET, url, &[("if-none-match", value)], "")
                .await;
            assert_eq!(answer.status.as_u16(), status, "{url} {value}");
            if status == 304 {
                assert_eq!(
                    (answer.body.as_str(), answer.header("etag")),
                    ("", tag.as_str())
                );
                assert_eq!(answer.header("content-type"), "");
                assert_ne!(answer.header("request-id"), "");
            }
            if status == 400 {
                assert_eq!(answer.code(), "malformedEntityTag");
            }
        }
    }
    let tag = app.get(&run.url).await.header("etag").to_owned();
    app.patch(&run.url, json!({"displayName": "S"})).await;
    let known = [("if-none-match", tag.as_str())];
    let changed = app.send_bare(Method::GET, &run.url, &known, "").await;
    assert_eq!(changed.json["displayName"], "S");
}

#[tokio::test]
async fn a_tag_that_cannot_be_read_comes_before_a_row_that_is_absent() {
    let app = App::start().await;
    let run = app.run(json!({"displayName": "R"})).await;
    let absent = format!("{}/0197f3a0-5c1e-7c3a-9d53-2f3a1b6c7d8e", run.list_url());
    for (value, status) in [("x", 400), ("*", 404)] {
        let answer = app
            .send_bare(Method::GET, &absent, &[("if-none-match", value)], "")
            .await;
        assert_eq!(answer.status.as_u16(), status);
    }
}
