//! If-Match and If-None-Match.

use axum::http::{Method, StatusCode};
use serde_json::json;

use crate::app::App;

#[tokio::test]
async fn a_change_applies_only_to_the_version_that_was_read() {
    let app = App::start().await;
    let run = app.run(json!({"displayName": "R"})).await;
    let tag = app.get(&run.url).await.header("etag").to_owned();
    let strong = tag.strip_prefix("W/").unwrap().to_owned();
    let other = app.run_of(&run.flow, json!({"displayName": "R"})).await;
    let other_tag = app.get(&other.url).await.header("etag").to_owned();
    assert_ne!(tag, other_tag);
    let cases = [
        (other_tag.as_str(), StatusCode::PRECONDITION_FAILED, "entityTagDoesNotMatch"),
        ("W/\"x\"", StatusCode::PRECONDITION_FAILED, "entityTagDoesNotMatch"),
        ("x", StatusCode::BAD_REQUEST, "malformedEntityTag"),
        ("", StatusCode::BAD_REQUEST, "malformedEntityTag"),
        ("*", StatusCode::OK, ""),
        (strong.as_str(), StatusCode::OK, ""),
        (tag.as_str(), StatusCode::OK, ""),
    ];
    for (value, status, code) in cases {
        let response = app.send(Method::PATCH, &run.url, &[("if-match", value)], "{}").await;
        assert_eq!((response.status, response.code()), (status, code), "{value}");
    }
    let list = format!("\"a\", {tag}");
    let body = r#"{"statistics":{"n":1}}"#;
    let changed = app.send(Method::PATCH, &run.url, &[("if-match", &list)], body).await;
    assert_eq!(changed.status, StatusCode::OK);
    assert_ne!(changed.header("etag"), tag);
    let stale =
        app.send(Method::PATCH, &run.url, &[("if-match", &tag)], r#"{"displayName":"lost"}"#).await;
    assert_eq!(stale.status, StatusCode::PRECONDITION_FAILED);
    assert_eq!(app.get(&run.url).await.body, changed.body);
    let deletion = app.send(Method::DELETE, &run.url, &[("if-match", &tag)], "").await;
    assert_eq!(deletion.status, StatusCode::PRECONDITION_FAILED);
    let deletion =
        app.send(Method::DELETE, &run.url, &[("if-match", changed.header("etag"))], "").await;
    assert_eq!(deletion.status, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn a_server_can_require_if_match() {
    let app = App::start_with(|options| options.require_if_match = true).await;
    let run = app.run(json!({"displayName": "R"})).await;
    let response = app.patch(&run.url, json!({"status": "completed"})).await;
    assert_eq!(
        (response.status, response.code()),
        (StatusCode::PRECONDITION_REQUIRED, "preconditionRequired")
    );
    let absent = format!("{}/0197f3a0-5c1e-7c3a-9d53-2f3a1b6c7d8e", run.list_url());
    assert_eq!(app.patch(&absent, json!({})).await.status, StatusCode::NOT_FOUND);
    let response = app.send(Method::PATCH, &run.url, &[("if-match", "*")], "{}").await;
    assert_eq!(response.status, StatusCode::OK);
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
            app.send(Method::PATCH, url, &[("if-match", "\"stale\"")], body).await.status.as_u16()
        }
    };
    let alone = r#"{"startDateTime":"2026-01-02T00:00:00Z","endDateTime":"2026-01-01T00:00:00Z"}"#;
    assert_eq!(send(alone).await, 400);
    let on_the_stored_run = r#"{"status":"completed","endDateTime":"2000-01-01T00:00:00Z"}"#;
    assert_eq!(send(on_the_stored_run).await, 412);
    assert_eq!(send(r#"{"status":"completed"}"#).await, 412);
    let body = serde_json::from_str(on_the_stored_run).unwrap();
    assert_eq!(app.patch(&run.url, body).await.code(), "endBeforeStart");
    let response = app.patch(&run.url, json!({"status": "completed"})).await;
    assert_eq!(response.status, StatusCode::CONFLICT);
    let absent = format!("{}/0197f3a0-5c1e-7c3a-9d53-2f3a1b6c7d8e", run.list_url());
    assert_eq!(app.patch(&absent, json!({"speed": 1})).await.code(), "unknownProperty");
}

#[tokio::test]
async fn a_version_that_the_client_has_is_304() {
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
            let response = app.send_bare(Method::GET, url, &[("if-none-match", value)], "").await;
            assert_eq!(response.status.as_u16(), status, "{url} {value}");
            if status == 304 {
                assert_eq!((response.body.as_str(), response.header("etag")), ("", tag.as_str()));
                assert_eq!(response.header("content-type"), "");
                assert_ne!(response.header("request-id"), "");
            }
            if status == 400 {
                assert_eq!(response.code(), "malformedEntityTag");
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
        let response = app.send_bare(Method::GET, &absent, &[("if-none-match", value)], "").await;
        assert_eq!(response.status.as_u16(), status);
    }
}

#[tokio::test]
async fn a_read_with_if_match_is_of_that_version_or_412() {
    let app = App::start().await;
    let run = app.run(json!({"displayName": "R"})).await;
    let flow = format!("/industryData/incomingFlows/{}", run.flow);
    let alias = format!("{}/process/runs/{}", run.url, run.id);
    let expanded = format!("{}?$expand=process", run.url);
    let process = format!("{}/process", run.url);
    for url in [&run.url, &alias, &expanded, &flow, &process] {
        let tag = app.get(url).await.header("etag").to_owned();
        for (value, status) in [
            (tag.as_str(), 200),
            ("*", 200),
            (&format!("\"a\", {tag}"), 200),
            ("W/\"a\"", 412),
            ("a", 400),
        ] {
            let headers = [("if-match", value)];
            let response = app.send_bare(Method::GET, url, &headers, "").await;
            assert_eq!(response.status.as_u16(), status, "{url} {value}");
        }
        let both = [("if-match", "W/\"a\""), ("if-none-match", tag.as_str())];
        let response = app.send_bare(Method::GET, url, &both, "").await;
        assert_eq!(response.code(), "entityTagDoesNotMatch", "{url}");
    }
    let absent = format!("{}/0197f3a0-5c1e-7c3a-9d53-2f3a1b6c7d8e", run.list_url());
    let headers = [("if-match", "W/\"a\"")];
    let response = app.send_bare(Method::GET, &absent, &headers, "").await;
    assert_eq!(response.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_version_that_if_none_match_names_is_neither_changed_nor_deleted() {
    let app = App::start().await;
    let run = app.run(json!({"displayName": "R"})).await;
    let empty_flow = format!("/industryData/incomingFlows/{}", app.flow().await);
    let alias = format!("{}/process/runs/{}", run.url, run.id);
    for url in [&run.url, &alias, &empty_flow] {
        let stored = app.get(url).await;
        let tag = stored.header("etag");
        for (value, status, code) in [
            ("*", 412, "entityTagMatches"),
            (tag, 412, "entityTagMatches"),
            (&format!("\"a\" , {tag}"), 412, "entityTagMatches"),
            ("a", 400, "malformedEntityTag"),
            ("", 400, "malformedEntityTag"),
        ] {
            let headers = [("if-none-match", value), ("if-match", "*")];
            let body = r#"{"displayName":"changed"}"#;
            let patched = app.send(Method::PATCH, url, &headers, body).await;
            let deleted = app.send(Method::DELETE, url, &headers, "").await;
            for response in [patched, deleted] {
                let found = (response.status.as_u16(), response.code());
                assert_eq!(found, (status, code), "{url} {value}");
            }
            assert_eq!(app.get(url).await.body, stored.body, "{url} {value}");
        }
        let headers = [("if-none-match", "W/\"a\"")];
        let body = format!(r#"{{"displayName":"{}"}}"#, url.len());
        let patched = app.send(Method::PATCH, url, &headers, &body).await;
        assert_eq!(patched.status, StatusCode::OK, "{url}");
    }
    assert_eq!(app.history(&run.url).await.len(), 3);
    let headers = [("if-none-match", "W/\"a\"")];
    for url in [&alias, &empty_flow] {
        let deleted = app.send(Method::DELETE, url, &headers, "").await;
        assert_eq!(deleted.status, StatusCode::NO_CONTENT, "{url}");
    }
    // No row exists that `*` could match.
    let headers = [("if-none-match", "*")];
    for url in [&run.url, &empty_flow] {
        let response = app.send(Method::PATCH, url, &headers, "{}").await;
        assert_eq!(response.status, StatusCode::NOT_FOUND, "{url}");
    }
}

#[tokio::test]
async fn an_item_of_a_batch_has_preconditions_of_its_own() {
    let app = App::start().await;
    let run = app.run(json!({"displayName": "R"})).await;
    let tag = app.get(&run.url).await.header("etag").to_owned();
    let patch = |id: &str, headers: serde_json::Value| {
        let mut headers = headers;
        headers["content-type"] = json!("application/json");
        json!({"id": id, "method": "PATCH", "url": run.url, "headers": headers, "body": {"displayName": id}})
    };
    let get =
        json!({"id": "read", "method": "GET", "url": run.url, "headers": {"If-Match": "W/\"a\""}});
    let requests = json!({"requests": [
        patch("any", json!({"If-None-Match": "*"})),
        patch("tag", json!({"If-None-Match": tag})),
        patch("other", json!({"If-None-Match": "W/\"a\""})),
        get,
    ]});
    let response = app.post("/$batch", requests).await;
    let responses = response.json["responses"].as_array().unwrap();
    let status = |id: &str| {
        let response = responses.iter().find(|response| response["id"] == id);
        response.map(|response| response["status"].as_u64().unwrap())
    };
    let found = ["any", "tag", "other", "read"].map(status);
    assert_eq!(found, [412, 412, 200, 412].map(Some), "{}", response.body);
    assert_eq!(app.get(&run.url).await.json["displayName"], "other");
}

#[tokio::test]
async fn a_required_if_match_is_checked_before_if_none_match() {
    let app = App::start_with(|options| options.require_if_match = true).await;
    let run = app.run(json!({"displayName": "R"})).await;
    let headers = [("if-none-match", "*")];
    let response = app.send(Method::PATCH, &run.url, &headers, "{}").await;
    assert_eq!(response.status, StatusCode::PRECONDITION_REQUIRED);
    // It is checked before the rules of the stored run.
    let body = json!({"endDateTime": "2999-01-01T00:00:00Z"});
    let response = app.patch(&run.url, body).await;
    assert_eq!(response.status, StatusCode::PRECONDITION_REQUIRED);
}
