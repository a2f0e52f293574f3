//! Reports: both URL forms, merges, and the whole response.

use axum::http::{Method, StatusCode};
use serde_json::json;

use crate::app::App;

#[tokio::test]
async fn the_example_of_the_specification_returns_the_whole_run() {
    let app = App::start().await;
    let run =
        app.run(json!({"displayName": "Rosters", "startDateTime": "2026-03-01T08:00:00Z"})).await;
    let response = app
        .patch(
            &run.url,
            json!({
                "@odata.type": "#microsoft.graph.run",
                "displayName": "Rosters of March",
                "startDateTime": "2026-03-01T09:30:00.5+01:00",
                "endDateTime": "2026-03-01T09:00:00Z",
                "status": "completed",
                "blockingError": {"@odata.type": "microsoft.graph.publicError"},
                "statistics": {"@odata.type": "microsoft.graph.runStatistics", "rows": 1200},
            }),
        )
        .await;
    assert_eq!(response.status, StatusCode::OK);
    assert_eq!(
        response.json,
        json!({
            "@odata.context":
                format!("http://localhost/$metadata#industryData/incomingFlows('{}')/runs/$entity", run.flow),
            "@odata.type": "#microsoft.graph.run",
            "@odata.etag": response.header("etag"),
            "id": run.id,
            "displayName": "Rosters of March",
            "startDateTime": "2026-03-01T08:30:00.500000Z",
            "endDateTime": "2026-03-01T09:00:00Z",
            "status": "completed",
            "blockingError": null,
            "statistics": {"@odata.type": "microsoft.graph.runStatistics", "rows": 1200},
        })
    );
    assert_eq!(response.header("odata-version"), "4.0");
    assert_eq!(response.header("request-id"), response.header("client-request-id"));
    assert_eq!(app.get(&run.url).await.body, response.body);
}

#[tokio::test]
async fn every_form_of_the_url_is_the_same_run() {
    let app = App::start().await;
    let run = app.run(json!({"displayName": "Rosters"})).await;
    let (flow, id) = (&run.flow, &run.id);
    let upper = id.to_uppercase();
    let forms = [
        format!("/industryData/incomingFlows/{flow}/runs/{id}"),
        format!("/industryData/incomingFlows/{flow}/runs/{upper}"),
        format!("/industryData/incomingFlows('{flow}')/runs('{id}')"),
        format!("/industryData/incomingFlows(id='{flow}')/runs(id='{id}')"),
        format!("/industryData/incomingFlows(%27{flow}%27)/runs%28%27{id}%27%29"),
        format!("/industryData/incomingFlows/{flow}/runs/{id}/process/runs/{id}"),
        format!("/industryData/incomingFlows('{flow}')/runs('{id}')/process/runs('{id}')"),
    ];
    for (rows, form) in forms.iter().enumerate() {
        for root in ["", "/beta"] {
            let response = app
                .patch(
                    &format!("{root}{form}"),
                    json!({"statistics": {"rows": rows, "root": root}}),
                )
                .await;
            assert_eq!(response.status, StatusCode::OK, "{root}{form}");
            assert_eq!(response.json["id"], json!(id));
            assert_eq!(app.get(&run.url).await.json["@odata.etag"], response.json["@odata.etag"]);
        }
    }
}

#[tokio::test]
async fn the_alias_needs_both_runs() {
    let app = App::start().await;
    let a = app.run(json!({"displayName": "A"})).await;
    let b = app.run_of(&a.flow, json!({"displayName": "B"})).await;
    let run_of_another_flow = app.run(json!({"displayName": "of another flow"})).await;
    let alias = |via: &str, run: &str| {
        format!("/industryData/incomingFlows/{}/runs/{via}/process/runs/{run}", a.flow)
    };

    let response = app.patch(&alias(&a.id, &b.id), json!({"displayName": "patched"})).await;
    assert_eq!((response.status, &response.json["id"]), (StatusCode::OK, &json!(b.id)));
    assert_eq!(app.get(&b.url).await.body, response.body);
    for (via, run) in [(&run_of_another_flow.id, &b.id), (&a.id, &run_of_another_flow.id)] {
        let response = app.patch(&alias(via, run), json!({"displayName": "x"})).await;
        assert_eq!((response.status, response.code()), (StatusCode::NOT_FOUND, "runNotFound"));
    }
}

#[tokio::test]
async fn objects_are_merged_at_every_level_and_null_removes() {
    let app = App::start().await;
    let run = app
        .run(json!({
            "displayName": "Rosters",
            "blockingError": {"code": "E1", "message": "m", "innerError": {"code": "I", "target": "t"}},
            "statistics": {"a": {"b": 1, "c": [1, {"x": null}]}, "gone": null, "keep": true},
        }))
        .await;
    let response = app
        .patch(
            &run.url,
            json!({
                "blockingError": {"message": null, "details": [{"code": "D", "target": null}], "innerError": {"target": null}},
                "statistics": {"a": {"b": null, "d": {"e": null}}, "@ignored": 1, "keep@odata.type": "Boolean"},
            }),
        )
        .await;
    assert_eq!(
        response.json["blockingError"],
        json!({
            "@odata.type": "microsoft.graph.publicError",
            "code": "E1",
            "details": [{"code": "D"}],
            "innerError": {"code": "I"},
        })
    );
    assert_eq!(
        response.json["statistics"],
        json!({
            "@odata.type": "microsoft.graph.runStatistics",
            "a": {"c": [1, {"x": null}], "d": {}},
            "keep": true,
        })
    );
    let emptied = app
        .patch(
            &run.url,
            json!({"blockingError": {"code": null, "details": [], "innerError": null}}),
        )
        .await;
    assert_eq!(emptied.json["blockingError"], json!(null));
    assert_eq!(app.get(&run.url).await.body, emptied.body);
}

#[tokio::test]
async fn a_report_without_a_change_creates_no_version_and_no_history() {
    let app = App::start().await;
    let run = app.run(json!({"displayName": "Rosters", "statistics": {"rows": 1}})).await;
    let stored = app.get(&run.url).await;
    let nothing = [
        json!({}),
        json!({"displayName": "  Rosters "}),
        json!({"statistics": {"rows": 1.0, "absent": null}}),
        json!({"statistics": {}}),
        json!({"endDateTime": null, "status": "unknownFutureValue", "blockingError": null}),
        json!({"blockingError": {}}),
        json!({"status": "running"}),
        stored.json.clone(),
    ];
    for body in nothing {
        let response = app.patch(&run.url, body.clone()).await;
        assert_eq!((response.status, &response.body), (StatusCode::OK, &stored.body), "{body}");
    }
    assert_eq!(app.history(&run.url).await.len(), 1);
}

#[tokio::test]
async fn the_history_says_who_changed_what() {
    let app = App::start().await;
    let run = app.run(json!({"displayName": "Rosters", "statistics": {"rows": 1}})).await;
    app.clock.advance(std::time::Duration::from_secs(60));
    let response = app
        .patch(&run.url, json!({"status": "failed", "statistics": {"rows": 2, "more": {"x": 1}}}))
        .await;
    let history = app.history(&run.url).await;
    assert_eq!(history.len(), 2);
    assert_eq!(history[0]["action"], json!("created"));
    assert_eq!(
        history[1],
        json!({
            "version": 2,
            "occurredDateTime": response.json["endDateTime"],
            "actor": "tester",
            "requestId": response.header("request-id"),
            "action": "updated",
            "changes": [
                {"property": "endDateTime", "before": null, "after": response.json["endDateTime"]},
                {"property": "status", "before": "running", "after": "failed"},
                {"property": "statistics/more", "before": null, "after": {"x": 1}},
                {"property": "statistics/rows", "before": 1, "after": 2},
            ],
        })
    );
}

#[tokio::test]
async fn prefer_minimal_leaves_the_body_out() {
    let app = App::start().await;
    let run = app.run(json!({"displayName": "Rosters"})).await;
    let body = r#"{"displayName":"x"}"#;
    let response = app.send(Method::PATCH, &run.url, &[("prefer", "return=minimal")], body).await;
    assert_eq!((response.status, response.body.as_str()), (StatusCode::NO_CONTENT, ""));
    assert_eq!(response.header("preference-applied"), "return=minimal");
    assert_eq!(response.header("etag"), app.get(&run.url).await.header("etag"));
    let response =
        app.send(Method::PATCH, &run.url, &[("prefer", "return=representation")], "{}").await;
    assert_eq!(
        (response.status, response.header("preference-applied")),
        (StatusCode::OK, "return=representation")
    );
}

#[tokio::test]
async fn a_deleted_run_is_hidden_and_its_id_stays_in_use() {
    let app = App::start().await;
    let run = app.run(json!({"displayName": "Rosters"})).await;
    assert_eq!(app.delete(&run.url).await.status, StatusCode::NO_CONTENT);
    for url in [run.url.clone(), format!("{}/history", run.url), format!("{}/process", run.url)] {
        assert_eq!(app.get(&url).await.status, StatusCode::NOT_FOUND, "{url}");
    }
    assert_eq!(app.patch(&run.url, json!({})).await.status, StatusCode::NOT_FOUND);
    let again = app.post(&run.list_url(), json!({"id": run.id, "displayName": "Rosters"})).await;
    assert_eq!((again.status, again.code()), (StatusCode::CONFLICT, "idTaken"));
    assert_eq!(app.get(&run.list_url()).await.json["value"], json!([]));
}
