//! blockingError is an open type, and no report is rejected because its text is long.

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::app::App;

const LIMIT: usize = 64 * 1024;

#[tokio::test]
async fn members_of_any_name_are_kept_and_empty_ones_are_dropped() {
    let app = App::start().await;
    let run = app.run(json!({"displayName": "R"})).await;
    let sent = json!({
        "code": "E",
        "innererror": {"date": "2026-01-01", "innererror": {"code": 5}},
        "request-id": "x",
        "bob@example.com": [{"y@odata.type": "z", "z@b": 1}],
        "empty": [{"a": null}, [], {}],
        "details": [{"code": "D", "more": true}, {"code": null}],
        "innerError": {"code": "I", "trace": ["a", "b"], "nothing": {}},
    });
    let response = app.patch(&run.url, json!({"blockingError": sent})).await;
    let kept = json!({
        "@odata.type": "microsoft.graph.publicError",
        "code": "E",
        "innererror": {"date": "2026-01-01", "innererror": {"code": 5}},
        "request-id": "x",
        "bob@example.com": [{"z@b": 1}],
        "details": [{"code": "D", "more": true}],
        "innerError": {"code": "I", "trace": ["a", "b"]},
    });
    assert_eq!(response.json["blockingError"], kept);
    assert_eq!(app.get(&run.url).await.body, response.body);
    let again = app.patch(&run.url, json!({"blockingError": kept})).await;
    assert_eq!(again.body, response.body);
}

#[tokio::test]
async fn the_end_of_a_run_is_not_rejected_because_its_error_is_long() {
    let app = App::start().await;
    let run =
        app.run(json!({"displayName": "R", "blockingError": {"hint": "h".repeat(40_000)}})).await;
    let message = "\u{1f600}\"é\n".repeat(10_000);
    let report = json!({"status": "failed", "blockingError": {"code": "E", "message": message}});
    let response = app.patch(&run.url, report.clone()).await;
    assert_eq!(response.status, StatusCode::OK, "{}", response.body);
    let mut error = response.json["blockingError"].clone();
    error.as_object_mut().unwrap().remove("@odata.type");
    let length = error.to_string().len();
    assert!((LIMIT - 16..=LIMIT).contains(&length), "{length}");
    assert_eq!(error["code"], "E");
    for (name, whole) in [("message", &message), ("hint", &"h".repeat(40_000))] {
        let text = error[name].as_str().unwrap();
        let marker = format!("… [cut, {} bytes]", whole.len());
        assert!(whole.starts_with(text.strip_suffix(&marker).unwrap()), "{name}");
    }
    assert_eq!(app.get(&run.url).await.body, response.body);
    for _ in 0..2 {
        let again = app.patch(&run.url, report.clone()).await;
        assert_eq!((again.status, &again.body), (StatusCode::OK, &response.body));
    }
    assert_eq!(app.history(&run.url).await.len(), 2);
    let history = app.history(&run.url).await;
    let changes = history[1]["changes"].as_array().unwrap();
    let change = changes.iter().find(|change| change["property"] == "blockingError");
    assert_eq!(change.unwrap()["after"], error);
}

#[tokio::test]
async fn a_creation_with_a_long_error_is_the_same_when_it_is_repeated() {
    let app = App::start().await;
    let url = format!("/industryData/incomingFlows/{}/runs", app.flow().await);
    let body = json!({"id": "0197f3a0-5c1e-7c3a-9d53-2f3a1b6c7d8e", "displayName": "R",
        "blockingError": {"message": "x".repeat(100_000)}});
    let created = app.post(&url, body.clone()).await;
    assert_eq!(created.status, StatusCode::CREATED, "{}", created.body);
    let again = app.post(&url, body).await;
    assert_eq!((again.status, &again.body), (StatusCode::OK, &created.body));
}

#[tokio::test]
async fn an_error_that_truncated_strings_do_not_make_fit_is_rejected() {
    let app = App::start().await;
    let run = app.run(json!({"displayName": "R"})).await;
    let nested =
        |levels: usize| -> Value { (0..levels).fold(json!(1), |value, _| json!({"a": value})) };
    for (error, code) in [
        (json!({"list": vec![12_345; 12_000]}), "blockingErrorTooLarge"),
        (nested(17), "blockingErrorTooDeep"),
    ] {
        let report = json!({"status": "failed", "blockingError": error});
        let response = app.patch(&run.url, report).await;
        assert_eq!((response.status, response.code()), (StatusCode::BAD_REQUEST, code));
        assert_eq!(response.json["error"]["target"], "blockingError");
    }
    let response = app.patch(&run.url, json!({"blockingError": nested(16)})).await;
    assert_eq!(response.status, StatusCode::OK, "{}", response.body);
}

#[tokio::test]
async fn known_members_have_their_types_at_every_level() {
    let app = App::start().await;
    let run = app.run(json!({"displayName": "R"})).await;
    let error = json!({"code": 1, "message": [], "target": {}, "details": {}, "innerError": "x"});
    let response = app.patch(&run.url, json!({"blockingError": error})).await;
    let targets = |response: &crate::app::TestResponse| -> Vec<String> {
        let details = response.json["error"]["details"].as_array().unwrap().clone();
        let targets = details.iter().map(|detail| {
            assert_eq!(detail["code"], "invalidType");
            detail["target"].as_str().unwrap().to_owned()
        });
        targets.collect()
    };
    let names = ["code", "details", "innerError", "message", "target"];
    assert_eq!(targets(&response), names.map(|name| format!("blockingError/{name}")));
    let error = json!({"details": [{"code": 1}, null], "innerError": {"details": [{"target": 1}]}});
    let response = app.patch(&run.url, json!({"blockingError": error})).await;
    let paths = ["details/0/code", "details/1", "innerError/details/0/target"];
    assert_eq!(targets(&response), paths.map(|path| format!("blockingError/{path}")));
}

#[tokio::test]
async fn an_error_with_only_nulls_is_no_error() {
    let app = App::start().await;
    let ended = json!({"displayName": "R", "startDateTime": "2026-01-01T00:00:00Z", "endDateTime": "2026-01-01T01:00:00Z",
        "status": "completed"});
    let run = app.run(ended).await;
    let stored = app.get(&run.url).await;
    for error in [
        json!({"code": null}),
        json!({"x": {"y": [{"z": null}]}, "details": []}),
        json!({"@odata.type": "#x"}),
    ] {
        for body in [
            json!({"blockingError": error}),
            json!({"status": "completed", "blockingError": error}),
        ] {
            let response = app.patch(&run.url, body.clone()).await;
            assert_eq!((response.status, &response.body), (StatusCode::OK, &stored.body), "{body}");
        }
    }
}
