//! Flows, and the flow of a run.

use axum::http::{Method, StatusCode};
use serde_json::json;

use crate::app::App;

const FLOWS: &str = "/industryData/incomingFlows";

#[tokio::test]
async fn a_flow_is_created_read_changed_and_deleted() {
    let app = App::start().await;
    let created = app.post(FLOWS, json!({"displayName": "Rosters"})).await;
    assert_eq!(created.status, StatusCode::CREATED);
    let id = created.json["id"].as_str().unwrap();
    let url = format!("{FLOWS}/{id}");
    assert_eq!(
        created.json,
        json!({
            "@odata.context": "http://localhost/$metadata#industryData/incomingFlows/$entity",
            "@odata.type": "#microsoft.graph.incomingFlow",
            "@odata.etag": created.header("etag"),
            "id": id,
            "displayName": "Rosters",
            "readinessStatus": "ready",
            "dataDomain": "educationRostering",
            "recurrenceEffectiveDateTime": app.clock_text(),
            "recurrenceExpirationDateTime": null,
            "eTag": created.header("etag"),
        })
    );
    assert_eq!(app.get(&url).await.body, created.body);

    let mut written_back = created.json.clone();
    written_back["readinessStatus"] = json!("notReady");
    written_back["recurrenceExpirationDateTime"] = json!("9999-12-31T23:59:59.999999Z");
    let patched = app.patch(&url, written_back.clone()).await;
    assert_eq!(
        (patched.status, &patched.json["readinessStatus"]),
        (StatusCode::OK, &json!("notReady"))
    );
    assert_eq!(app.get(&url).await.body, patched.body);
    // The eTag in the body is that of an older version by now.
    let stale = app.patch(&url, written_back).await;
    assert_eq!(
        (stale.status, stale.code()),
        (StatusCode::PRECONDITION_FAILED, "entityTagDoesNotMatch")
    );

    assert_eq!(app.delete(&url).await.status, StatusCode::NO_CONTENT);
    assert_eq!(app.get(&url).await.code(), "flowNotFound");
}

#[tokio::test]
async fn if_match_and_the_etag_of_a_body_must_both_match_the_flow() {
    let app = App::start().await;
    let url = format!("{FLOWS}/{}", app.flow().await);
    let stale = app.get(&url).await.header("etag").to_owned();
    let changed = app.patch(&url, json!({"displayName": "G"})).await;
    let current = changed.header("etag").to_owned();
    let both = format!("{stale}, {current}");
    for (if_match, tag, status) in [
        ("*", stale.as_str(), 412),
        (&current, &stale, 412),
        (&both, &stale, 412),
        (&stale, &current, 412),
        (&stale, "*", 412),
        ("*", "nonsense", 400),
        ("*", &current, 200),
        (&both, &current, 200),
        (&current, "*", 200),
    ] {
        let body = json!({"displayName": "G", "eTag": tag}).to_string();
        let response = app.send(Method::PATCH, &url, &[("if-match", if_match)], &body).await;
        assert_eq!(response.status, status, "If-Match {if_match}, eTag {tag}");
    }
}

#[tokio::test]
async fn a_flow_with_runs_stays_until_they_are_deleted() {
    let app = App::start().await;
    let run = app.run(json!({"displayName": "R"})).await;
    let url = format!("{FLOWS}/{}", run.flow);
    let response = app.delete(&url).await;
    assert_eq!((response.status, response.code()), (StatusCode::CONFLICT, "flowHasRuns"));
    assert_eq!(app.get(&format!("{}/process", run.url)).await.body, app.get(&url).await.body);
    assert_eq!(app.delete(&run.url).await.status, StatusCode::NO_CONTENT);
    assert_eq!(app.delete(&url).await.status, StatusCode::NO_CONTENT);
    assert_eq!(app.post(&run.list_url(), json!({"displayName": "R"})).await.code(), "flowNotFound");
}

#[tokio::test]
async fn a_flow_that_breaks_a_rule_is_rejected() {
    let app = App::start().await;
    let url = format!("{FLOWS}/{}", app.flow().await);
    let cases = [
        (json!({"displayName": "\u{7}"}), "invalidDisplayName"),
        (json!({"displayName": null}), "nullNotAllowed"),
        (json!({"readinessStatus": "Ready"}), "invalidEnumValue"),
        (json!({"dataDomain": 7}), "invalidType"),
        (
            json!({"recurrenceExpirationDateTime": "2000-01-01T00:00:00Z"}),
            "expirationBeforeEffective",
        ),
        (json!({"eTag": "nonsense"}), "malformedEntityTag"),
        (json!({"id": "0197f3a0-5c1e-7c3a-9d53-2f3a1b6c7d8e"}), "propertyNotUpdateable"),
        (json!({"colour": "red"}), "unknownProperty"),
    ];
    for (body, code) in cases {
        let response = app.patch(&url, body.clone()).await;
        assert_eq!((response.status, response.code()), (StatusCode::BAD_REQUEST, code), "{body}");
    }
    let sentinel = app.patch(&url, json!({"readinessStatus": "unknownFutureValue"})).await;
    assert_eq!(sentinel.status, StatusCode::OK);
    let rejected =
        app.post(FLOWS, json!({"displayName": "F", "dataDomain": "unknownFutureValue"})).await;
    assert_eq!(rejected.code(), "invalidEnumValue");
}
