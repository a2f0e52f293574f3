//! Creation of runs: with defaults, already ended, and repeated.

use axum::http::{Method, StatusCode};
use serde_json::json;

use crate::app::App;

const ID: &str = "0197f3a0-5c1e-7c3a-9d53-2f3a1b6c7d8e";

#[tokio::test]
async fn a_run_is_created_with_the_defaults_of_the_contract() {
    let app = App::start().await;
    let flow = app.flow().await;
    let url = format!("/industryData/incomingFlows/{flow}/runs");
    let response = app.post(&url, json!({"displayName": " Rosters "})).await;
    assert_eq!(response.status, StatusCode::CREATED);
    let id = response.json["id"].as_str().unwrap();
    assert_eq!(
        response.header("location"),
        format!("http://localhost/industryData/incomingFlows/{flow}/runs/{id}")
    );
    assert_eq!(
        response.json,
        json!({
            "@odata.context": format!("http://localhost/$metadata#industryData/incomingFlows('{flow}')/runs/$entity"),
            "@odata.type": "#microsoft.graph.run",
            "@odata.etag": response.header("etag"),
            "id": id,
            "displayName": "Rosters",
            "startDateTime": app.clock_text(),
            "endDateTime": null,
            "status": "running",
            "blockingError": null,
            "statistics": {"@odata.type": "microsoft.graph.runStatistics"},
        })
    );
    assert_eq!(app.get(&format!("{url}/{id}")).await.body, response.body);
}

#[tokio::test]
async fn a_repeated_creation_is_idempotent_and_a_different_one_is_a_conflict() {
    let app = App::start().await;
    let flow = app.flow().await;
    let url = format!("/industryData/incomingFlows/{flow}/runs");
    let body = json!({"id": ID.to_uppercase(), "displayName": "R", "statistics": {"rows": 1, "gone": null}});
    assert_eq!(app.post(&url, body.clone()).await.status, StatusCode::CREATED);
    let patched = app.patch(&format!("{url}/{ID}"), json!({"statistics": {"rows": 2}})).await;
    app.clock.advance(std::time::Duration::from_secs(60));
    let again = app.post(&url, body).await;
    assert_eq!((again.status, &again.body), (StatusCode::OK, &patched.body));
    for other in [
        json!({"id": ID, "displayName": "other", "statistics": {"rows": 1}}),
        json!({"id": ID, "displayName": "R", "statistics": {"rows": 2}}),
        json!({"id": ID, "displayName": "R", "statistics": {"rows": 1}, "startDateTime": "2020-01-01T00:00:00Z"}),
    ] {
        let response = app.post(&url, other.clone()).await;
        assert_eq!(
            (response.status, response.code()),
            (StatusCode::CONFLICT, "idTaken"),
            "{other}"
        );
    }
    assert_eq!(app.history(&format!("{url}/{ID}")).await.len(), 2);
}

#[tokio::test]
async fn a_creation_that_breaks_a_rule_is_rejected() {
    let app = App::start().await;
    let flow = app.flow().await;
    let url = format!("/industryData/incomingFlows/{flow}/runs");
    let cases = [
        (json!({}), "propertyRequired"),
        (json!({"displayName": null}), "nullNotAllowed"),
        (json!({"displayName": "R", "status": null}), "nullNotAllowed"),
        (json!({"displayName": "R", "startDateTime": null}), "nullNotAllowed"),
        (json!({"displayName": "R", "statistics": null}), "nullNotAllowed"),
        (json!({"displayName": "R", "status": "unknownFutureValue"}), "invalidEnumValue"),
        (json!({"displayName": "R", "status": "completed"}), "endDateTimeRequired"),
        (
            json!({"displayName": "R", "endDateTime": "2030-01-01T00:00:00Z"}),
            "endDateTimeWithoutEnd",
        ),
        (
            json!({"displayName": "R", "status": "failed", "endDateTime": "2000-01-01T00:00:00Z"}),
            "endBeforeStart",
        ),
        (
            json!({"displayName": "R", "status": "completed", "endDateTime": "2999-01-01T00:00:00Z",
                "blockingError": {"code": "E"}}),
            "blockingErrorNotAllowed",
        ),
        (json!({"displayName": "R", "id": "00000000-0000-0000-0000-000000000000"}), "invalidId"),
        (json!({"displayName": "R", "speed": 1}), "unknownProperty"),
    ];
    for (body, code) in cases {
        let response = app.post(&url, body.clone()).await;
        assert_eq!((response.status, response.code()), (StatusCode::BAD_REQUEST, code), "{body}");
    }
    assert_eq!(app.get(&url).await.json["value"], json!([]));
}

#[tokio::test]
async fn a_creation_through_the_alias_applies_prefer() {
    let app = App::start().await;
    let run = app.run(json!({"displayName": "A"})).await;
    let url = format!("{}/process/runs", run.url);
    let response = app
        .send(Method::POST, &url, &[("prefer", "return=minimal")], r#"{"displayName":"B"}"#)
        .await;
    assert_eq!((response.status, response.body.as_str()), (StatusCode::NO_CONTENT, ""));
    assert_eq!(response.header("location"), response.header("odata-entityid"));
    let location = response.header("location").strip_prefix("http://localhost").unwrap().to_owned();
    assert_eq!(app.get(&location).await.json["displayName"], json!("B"));
    let absent = format!("/industryData/incomingFlows/{}/runs", ID);
    assert_eq!(app.post(&absent, json!({"displayName": "B"})).await.code(), "flowNotFound");
}

#[tokio::test]
async fn a_repeated_creation_may_omit_members() {
    let app = App::start().await;
    let flow = app.flow().await;
    let url = format!("/industryData/incomingFlows/{flow}/runs");
    let whole = json!({"id": ID, "displayName": "R", "status": "failed", "startDateTime": "2026-01-01T00:00:00Z",
        "endDateTime": "2026-01-01T01:00:00Z", "blockingError": {"code": "E", "message": "m"}, "statistics": {"a": 1, "b": {"c": 2}}});
    assert_eq!(app.post(&url, whole).await.status, StatusCode::CREATED);
    let run = format!("{url}/{ID}");
    let changed =
        json!({"displayName": "S", "statistics": {"a": 2}, "blockingError": {"code": "F"}});
    let changed = app.patch(&run, changed).await;
    for again in [
        json!({}),
        json!({"startDateTime": "2026-01-01T01:00:00+01:00"}),
        json!({"status": "failed", "endDateTime": "2026-01-01T01:00Z"}),
        json!({"statistics": {}, "blockingError": {}}),
        json!({"statistics": {"b": {"c": 2.0}}, "blockingError": {"message": "m"}}),
    ] {
        let mut body = again.clone();
        body["id"] = json!(ID);
        body["displayName"] = json!("R");
        let response = app.post(&url, body).await;
        assert_eq!((response.status, &response.body), (StatusCode::OK, &changed.body), "{again}");
    }
    for other in [
        json!({"displayName": "S"}),
        json!({"status": "running"}),
        json!({"status": "failed", "endDateTime": "2026-01-01T02:00:00Z"}),
        json!({"statistics": {"a": 2}}),
        json!({"statistics": {"z": 1}}),
        json!({"blockingError": {"code": "F"}}),
        json!({"blockingError": null}),
    ] {
        let mut body = json!({"id": ID, "displayName": "R"});
        for (name, value) in other.as_object().unwrap() {
            body[name] = value.clone();
        }
        let response = app.post(&url, body).await;
        let found = (response.status, response.code());
        assert_eq!(found, (StatusCode::CONFLICT, "idTaken"), "{other}");
    }
}

#[tokio::test]
async fn a_creation_of_an_id_that_is_in_use_says_what_differs_or_that_the_run_was_deleted() {
    let app = App::start().await;
    let url = format!("/industryData/incomingFlows/{}/runs", app.flow().await);
    let created = json!({"id": ID, "displayName": "R", "statistics": {"a": 1}});
    assert_eq!(app.post(&url, created.clone()).await.status, StatusCode::CREATED);
    let other = json!({"id": ID, "displayName": "S", "status": "running", "statistics": {"a": 2}});
    let rejected = app.post(&url, other).await;
    let error = &rejected.json["error"];
    let targets: Vec<_> = error["details"].as_array().unwrap().iter().collect();
    let targets: Vec<_> = targets.iter().map(|detail| &detail["target"]).collect();
    assert_eq!(targets, ["displayName", "statistics"]);
    let message = error["message"].as_str().unwrap();
    assert!(message.contains("(displayName, statistics)"), "{message}");
    app.delete(&format!("{url}/{ID}")).await;
    let rejected = app.post(&url, created).await;
    assert_eq!((rejected.status, rejected.code()), (StatusCode::CONFLICT, "idTaken"));
    let message = rejected.json["error"]["message"].as_str().unwrap();
    assert!(message.contains("was deleted"), "{message}");
}

#[tokio::test]
async fn a_repeated_creation_that_prefers_minimal_says_where_the_run_is() {
    let app = App::start().await;
    let flow = app.flow().await;
    let url = format!("/industryData/incomingFlows/{flow}/runs");
    let body = format!(r#"{{"id":"{ID}","displayName":"R"}}"#);
    let prefer = [("prefer", "return=minimal")];
    for _ in 0..2 {
        let response = app.send(Method::POST, &url, &prefer, &body).await;
        assert_eq!(response.status, StatusCode::NO_CONTENT);
        let location = format!("http://localhost{url}/{ID}");
        for header in ["location", "odata-entityid"] {
            assert_eq!(response.header(header), location);
        }
        assert_eq!(response.header("preference-applied"), "return=minimal");
        assert_ne!(response.header("etag"), "");
    }
}

#[tokio::test]
async fn all_violations_of_a_creation_are_listed_in_the_order_of_the_properties() {
    let app = App::start().await;
    let url = format!("/industryData/incomingFlows/{}/runs", app.flow().await);
    let details = |response: &crate::app::TestResponse| -> Vec<(String, String)> {
        let details = response.json["error"]["details"].as_array().unwrap().clone();
        let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
        let pairs = details.iter().map(|detail| (text(&detail["target"]), text(&detail["code"])));
        pairs.collect()
    };
    let expected = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
        let owned = |(target, code): &(&str, &str)| ((*target).to_owned(), (*code).to_owned());
        pairs.iter().map(owned).collect()
    };
    let body = json!({"status": "completed", "blockingError": {"code": "E"}, "statistics": {"a": "x".repeat(65_536)}});
    let response = app.post(&url, body).await;
    assert_eq!(
        details(&response),
        expected(&[
            ("displayName", "propertyRequired"),
            ("endDateTime", "endDateTimeRequired"),
            ("blockingError", "blockingErrorNotAllowed"),
            ("statistics", "statisticsTooLarge"),
        ])
    );
    let body = json!({"id": "x", "displayname": "R", "status": "completed", "endDateTime": "now", "startDateTime": 1});
    let response = app.post(&url, body).await;
    assert_eq!(
        details(&response),
        expected(&[
            ("id", "invalidId"),
            ("startDateTime", "invalidType"),
            ("endDateTime", "invalidDateTime"),
            ("displayname", "unknownProperty"),
        ])
    );
}

#[tokio::test]
async fn a_creation_without_a_start_can_be_repeated_after_the_end_of_the_run() {
    let app = App::start().await;
    let url = format!("/industryData/incomingFlows/{}/runs", app.flow().await);
    let end = app.clock_text();
    let body = json!({"id": ID, "displayName": "R", "status": "failed", "endDateTime": end});
    let created = app.post(&url, body.clone()).await;
    assert_eq!(created.status, StatusCode::CREATED, "{}", created.body);
    app.clock.advance(std::time::Duration::from_secs(60));
    let again = app.post(&url, body).await;
    assert_eq!((again.status, &again.body), (StatusCode::OK, &created.body));
    let other = json!({"id": ID, "displayName": "S", "status": "failed", "endDateTime": end});
    assert_eq!(app.post(&url, other).await.code(), "idTaken");
    let new = json!({"displayName": "R", "status": "failed", "endDateTime": end});
    assert_eq!(app.post(&url, new).await.code(), "endBeforeStart");
}
