//! Runs are created, also already ended, also twice.

use axum::http::{Method, StatusCode};
use serde_json::json;

use crate::app::App;

const ID: &str = "0197f3a0-5c1e-7c3a-9d53-2f3a1b6c7d8e";

#[tokio::test]
async fn a_run_is_created_with_the_defaults_of_the_contract() {
    let app = App::start().await;
    let flow = app.flow().await;
    let url = format!("/industryData/incomingFlows/{flow}/runs");
    let answer = app.post(&url, json!({"displayName": " Rosters "})).await;
    assert_eq!(answer.status, StatusCode::CREATED);
    let id = answer.json["id"].as_str().unwrap();
    assert_eq!(
        answer.header("location"),
        format!("http://localhost/industryData/incomingFlows/{flow}/runs/{id}")
    );
    assert_eq!(
        answer.json,
        json!({
            "@odata.context": format!("http://localhost/$metadata#industryData/incomingFlows('{flow}')/runs/$entity"),
            "@odata.type": "#microsoft.graph.run",
            "@odata.etag": answer.header("etag"),
            "id": id,
            "displayName": "Rosters",
            "startDateTime": app.clock_text(),
            "endDateTime": null,
            "status": "running",
            "blockingError": null,
            "statistics": {"@odata.type": "microsoft.graph.runStatistics"},
        })
    );
    assert_eq!(app.get(&format!("{url}/{id}")).await.body, answer.body);
}

#[tokio::test]
async fn the_same_creation_again_is_harmless_and_another_is_a_conflict() {
    let app = App::start().await;
    let flow = app.flow().await;
    let url = format!("/industryData/incomingFlows/{flow}/runs");
    let body = json!({"id": ID.to_uppercase(), "displayName": "R", "statistics": {"rows": 1, "gone": null}});
    assert_eq!(
        app.post(&url, body.clone()).await.status,
        StatusCode::CREATED
    );
    let patched = app
        .patch(&format!("{url}/{ID}"), json!({"statistics": {"rows": 2}}))
        .await;
    app.clock.advance(std::time::Duration::from_secs(60));
    let again = app.post(&url, body).await;
    assert_eq!((again.status, &again.body), (StatusCode::OK, &patched.body));
    for other in [
        json!({"id": ID, "displayName": "other", "statistics": {"rows": 1}}),
        json!({"id": ID, "displayName": "R", "statistics": {"rows": 2}}),
        json!({"id": ID, "displayName": "R", "statistics": {"rows": 1}, "startDateTime": "2020-01-01T00:00:00Z"}),
    ] {
        let answer = app.post(&url, other.clone()).await;
        assert_eq!(
            (answer.status, answer.code()),
            (StatusCode::CONFLICT, "idTaken"),
            "{other}"
        );
    }
    assert_eq!(app.history(&format!("{url}/{ID}")).await.len(), 2);
}

#[tokio::test]
async fn a_creation_that_breaks_a_rule_is_refused() {
    let app = App::start().await;
    let flow = app.flow().await;
    let url = format!("/industryData/incomingFlows/{flow}/runs");
    let cases = [
        (json!({}), "propertyRequired"),
        (json!({"displayName": null}), "nullNotAllowed"),
        (
            json!({"displayName": "R", "status": null}),
            "nullNotAllowed",
        ),
        (
            json!({"displayName": "R", "startDateTime": null}),
            "nullNotAllowed",
        ),
        (
            json!({"displayName": "R", "statistics": null}),
            "nullNotAllowed",
        ),
        (
            json!({"displayName": "R", "status": "unknownFutureValue"}),
            "invalidEnumValue",
        ),
        (
            json!({"displayName": "R", "status": "completed"}),
            "endDateTimeRequired",
        ),
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
        (
            json!({"displayName": "R", "id": "00000000-0000-0000-0000-000000000000"}),
            "invalidId",
        ),
        (json!({"displayName": "R", "speed": 1}), "unknownProperty"),
    ];
    for (body, code) in cases {
        let answer = app.post(&url, body.clone()).await;
        assert_eq!(
            (answer.status, answer.code()),
            (StatusCode::BAD_REQUEST, code),
            "{body}"
        );
    }
    assert_eq!(app.get(&url).await.json["value"], json!([]));
}

#[tokio::test]
async fn a_creation_goes_through_the_alias_and_honours_prefer() {
    let app = App::start().await;
    let run = app.run(json!({"displayName": "A"})).await;
    let url = format!("{}/process/runs", run.url);
    let answer = app
        .send(
            Method::POST,
            &url,
            &[("prefer", "return=minimal")],
            r#"{"displayName":"B"}"#,
        )
        .await;
    assert_eq!(
        (answer.status, answer.body.as_str()),
        (StatusCode::NO_CONTENT, "")
    );
    assert_eq!(answer.header("location"), answer.header("odata-entityid"));
    let place = answer
        .header("location")
        .strip_prefix("http://localhost")
        .unwrap()
        .to_owned();
    assert_eq!(app.get(&place).await.json["displayName"], json!("B"));
    let absent = format!("/industryData/incomingFlows/{}/runs", ID);
    assert_eq!(
        app.post(&absent, json!({"displayName": "B"})).await.code(),
        "flowNotFound"
    );
}
