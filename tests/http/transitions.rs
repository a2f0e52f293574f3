//! The tables of the contract's transition rules, over HTTP.

use axum::http::StatusCode;
use flowruns_testing::transitions::{ExpectedTransition, TRANSITIONS};
use serde_json::{Value, json};

use crate::app::App;

/// A run as it is created with a status.
fn creation(status: &str) -> Value {
    match status {
        "running" => json!({"displayName": "R", "startDateTime": "2026-01-01T00:00:00Z"}),
        ended => json!({
            "displayName": "R",
            "startDateTime": "2026-01-01T00:00:00Z",
            "endDateTime": "2026-01-01T01:00:00Z",
            "status": ended,
        }),
    }
}

#[tokio::test]
async fn every_pair_of_statuses_follows_the_table() {
    let app = App::start().await;
    for (stored, reported, expected) in TRANSITIONS {
        let run = app.run(creation(stored)).await;
        let response =
            app.patch(&run.url, json!({"status": reported, "statistics": {"n": 1}})).await;
        let (expected, entries) = match expected {
            ExpectedTransition::None | ExpectedTransition::End => ((StatusCode::OK, ""), 2),
            ExpectedTransition::Rejected(code) => ((StatusCode::CONFLICT, code), 1),
        };
        assert_eq!((response.status, response.code()), expected, "{stored} {reported}");
        assert_eq!(app.history(&run.url).await.len(), entries, "{stored} {reported}");
    }
}

#[tokio::test]
async fn the_table_of_cases() {
    let app = App::start().await;
    let error = json!({"code": "E"});
    let cases = [
        ("running", json!({"endDateTime": "2026-01-02T00:00:00Z"}), 400, "endDateTimeWithoutEnd"),
        ("running", json!({"endDateTime": null}), 200, ""),
        ("running", json!({"status": "completed", "endDateTime": null}), 200, ""),
        (
            "running",
            json!({"status": "failed", "endDateTime": "2025-12-31T23:59:59Z"}),
            400,
            "endBeforeStart",
        ),
        ("failed", json!({"endDateTime": null}), 409, "runAlreadyEnded"),
        ("failed", json!({"status": "failed", "endDateTime": null}), 200, ""),
        ("failed", json!({"endDateTime": "2026-01-01T02:00:00Z"}), 200, ""),
        ("failed", json!({"startDateTime": "2026-01-01T00:30:00Z"}), 200, ""),
        ("failed", json!({"startDateTime": "2026-01-01T01:00:00.000001Z"}), 400, "endBeforeStart"),
        ("failed", json!({"endDateTime": "2025-12-31T23:59:59Z"}), 400, "endBeforeStart"),
        (
            "running",
            json!({"status": "completed", "blockingError": error}),
            400,
            "blockingErrorNotAllowed",
        ),
        ("completed", json!({"blockingError": error}), 409, "blockingErrorNotAllowed"),
        ("completedWithWarnings", json!({"blockingError": error}), 409, "blockingErrorNotAllowed"),
        ("completedWithErrors", json!({"blockingError": error}), 200, ""),
        ("completed", json!({"blockingError": null}), 200, ""),
        ("completed", json!({"status": "unknownFutureValue", "statistics": {"n": 1}}), 200, ""),
        ("running", json!({"status": "Completed"}), 400, "invalidEnumValue"),
        ("running", json!({"status": "cancelled"}), 400, "invalidEnumValue"),
        (
            "completed",
            json!({"status": "running", "startDateTime": "2027-01-01T00:00:00Z"}),
            400,
            "endBeforeStart",
        ),
    ];
    for (stored, body, status, code) in cases {
        let run = app.run(creation(stored)).await;
        let response = app.patch(&run.url, body.clone()).await;
        assert_eq!(
            (response.status.as_u16(), response.code()),
            (status, code),
            "{stored} {body}: {}",
            response.body
        );
    }
}

#[tokio::test]
async fn a_stored_error_must_be_cleared_to_complete() {
    let app = App::start().await;
    let run = app.run(json!({"displayName": "R", "blockingError": {"code": "E"}})).await;
    let rejected = app.patch(&run.url, json!({"status": "completed"})).await;
    assert_eq!((rejected.status, rejected.code()), (StatusCode::CONFLICT, "blockingErrorStored"));
    let allowed = |response: &crate::app::TestResponse| -> Vec<String> {
        let details = response.json["error"]["details"].as_array().unwrap().clone();
        let allowed = details.into_iter().filter(|detail| detail["code"] == "allowedStatus");
        allowed
            .map(|detail| detail["message"].as_str().unwrap().split(':').next().unwrap().to_owned())
            .collect()
    };
    assert_eq!(allowed(&rejected), ["running", "failed", "completedWithErrors"]);
    let response = app.patch(&run.url, json!({"status": "completed", "blockingError": null})).await;
    assert_eq!(response.status, StatusCode::OK);
}

#[tokio::test]
async fn a_conflict_names_the_stored_state_and_the_allowed_changes() {
    let app = App::start().await;
    let run = app.run(creation("failed")).await;
    let response = app.patch(&run.url, json!({"status": "completed"})).await;
    let request_id = response.header("request-id");
    assert_eq!(response.header("content-type"), "application/json");
    assert_eq!(
        response.json,
        json!({"error": {
            "code": "conflict",
            "message": "the run has already ended as failed, which is final; leave status out to add statistics",
            "target": "status",
            "details": [
                {"code": "storedStatus", "message": "failed: the status that is stored", "target": "status"},
                {
                    "code": "reachedDateTime",
                    "message": "2026-01-01T01:00:00Z: since then the run is failed",
                    "target": "status",
                },
                {
                    "code": "allowedStatus",
                    "message": "failed: this status can still be reported; leave status out to add statistics",
                    "target": "status",
                },
                {
                    "code": "retryable",
                    "message": "false: the same report is refused again; change it as the message says",
                },
            ],
            "innerError": {
                "code": "conflictingOutcome",
                "date": app.clock_text(),
                "request-id": request_id,
                "client-request-id": request_id,
            },
        }})
    );
}

#[tokio::test]
async fn a_run_that_ends_without_an_end_gets_the_later_of_clock_and_start() {
    let app = App::start().await;
    let past = app.run(json!({"displayName": "R", "startDateTime": "2020-01-01T00:00:00Z"})).await;
    assert_eq!(
        app.patch(&past.url, json!({"status": "completed"})).await.json["endDateTime"],
        json!(app.clock_text())
    );
    let future =
        app.run(json!({"displayName": "R", "startDateTime": "9999-01-01T00:00:00Z"})).await;
    let response =
        app.patch(&future.url, json!({"status": "completed", "endDateTime": null})).await;
    assert_eq!(response.json["endDateTime"], json!("9999-01-01T00:00:00Z"));
}
