//! Request bodies: encodings, members and values.

use axum::http::{Method, StatusCode};
use serde_json::json;

use crate::app::App;

#[tokio::test]
async fn a_member_with_an_at_sign_is_kept_and_an_annotation_is_not() {
    let app = App::start().await;
    let run = app.run(json!({"displayName": "R"})).await;
    let report = json!({
        "alice@example.com": 1,
        "displayName@odata.type": "x",
        "statistics": {"alice@example.com": 3, "image": {"repo@sha256:ab": [{"a@b": 1, "c@odata.type": 2}]},
            "x@odata.type": 1, "x@microsoft.graph.y": 2, "x@flowruns.z": 3, "@any": 4},
    });
    let response = app.patch(&run.url, report).await;
    let kept = json!({"@odata.type": "microsoft.graph.runStatistics",
        "alice@example.com": 3, "image": {"repo@sha256:ab": [{"a@b": 1}]}});
    assert_eq!(response.json["statistics"], kept, "{}", response.body);
    assert_eq!(app.get(&run.url).await.body, response.body);
    let history = app.history(&run.url).await;
    let changes = history[1]["changes"].as_array().unwrap();
    let names: Vec<_> = changes.iter().map(|change| &change["property"]).collect();
    assert_eq!(names, ["statistics/alice@example.com", "statistics/image"]);
    let removed = json!({"statistics": {"alice@example.com": null, "image": null}});
    let response = app.patch(&run.url, removed).await;
    assert_eq!(response.json["statistics"].as_object().unwrap().len(), 1);
}

#[tokio::test]
async fn a_body_in_another_encoding_is_rejected_with_a_hint_at_utf_8() {
    let app = App::start().await;
    let run = app.run(json!({"displayName": "R"})).await;
    let body = "{\"displayName\":\"caf\u{e9}\"}";
    let with_bom = [&b"\xEF\xBB\xBF"[..], body.as_bytes()].concat();
    let response = app.send_bytes(Method::PATCH, &run.url, with_bom).await;
    assert_eq!(response.json["displayName"], "caf\u{e9}");
    let latin_1 = body.chars().map(|character| u8::try_from(character).unwrap());
    let utf_16 = |to_bytes: fn(u16) -> [u8; 2]| body.encode_utf16().flat_map(to_bytes).collect();
    for body in [
        latin_1.collect(),
        utf_16(u16::to_le_bytes),
        utf_16(u16::to_be_bytes),
        [vec![0xFF, 0xFE], utf_16(u16::to_le_bytes)].concat(),
    ] {
        let response = app.send_bytes(Method::PATCH, &run.url, body).await;
        let message = response.json["error"]["message"].as_str().unwrap();
        assert_eq!((response.status, response.code()), (StatusCode::BAD_REQUEST, "malformedJson"));
        assert!(message.contains("send it as UTF-8") && message.contains("line 1"), "{message}");
    }
}

#[tokio::test]
async fn messages_say_what_to_send_instead() {
    let app = App::start().await;
    let run = app.run(json!({"displayName": "R"})).await;
    let cases = [
        (r#"{"statistics":{"a":NaN}}"#, "malformedJson", "NaN and Infinity are not JSON"),
        (r#"{"statistics":{"a":-Infinity}}"#, "malformedJson", "NaN and Infinity are not JSON"),
        (r#"{"startDateTime":"2026-01-01T00:00:00"}"#, "invalidDateTime", "needs an offset"),
        (r#"{"startDateTime":"2026-01-01T00:00"}"#, "invalidDateTime", "needs an offset"),
        (r#"{"DisplayName":"S"}"#, "unknownProperty", "displayName is (case matters)"),
        (r#"{"enddatetime":null}"#, "unknownProperty", "endDateTime is (case matters)"),
        (r#"{"ID":"x"}"#, "unknownProperty", "id is (case matters)"),
        (r#"{"etag":"x"}"#, "unknownProperty", "eTag is (case matters)"),
        ("{\"displayName\":\"\u{3164}\u{200b}\"}", "invalidDisplayName", "visible"),
    ];
    for (body, code, words) in cases {
        let response = app.send(Method::PATCH, &run.url, &[], body).await;
        let message = response.json["error"]["message"].as_str().unwrap();
        assert_eq!(response.code(), code, "{body}");
        assert!(message.contains(words), "{body}: {message}");
    }
    let flow = format!("/industryData/incomingFlows/{}", run.flow);
    let response = app.patch(&flow, json!({"READINESSSTATUS": "ready"})).await;
    let message = response.json["error"]["message"].as_str().unwrap();
    assert!(message.contains("readinessStatus is (case matters)"), "{message}");
    // Open types accept every name.
    let open = json!({"statistics": {"Rows": 1}, "blockingError": {"Code": 1, "innererror": 2}});
    assert_eq!(app.patch(&run.url, open).await.status, StatusCode::OK);
}

#[tokio::test]
async fn times_may_leave_out_their_seconds() {
    let app = App::start().await;
    let run = app.run(json!({"displayName": "R"})).await;
    for (sent, shown) in [
        ("2026-02-27T10:00Z", "2026-02-27T10:00:00Z"),
        ("2026-02-27t10:00z", "2026-02-27T10:00:00Z"),
        ("2026-02-27T11:30+01:30", "2026-02-27T10:00:00Z"),
        ("2026-02-27T10:00:00.1234567899Z", "2026-02-27T10:00:00.123456Z"),
    ] {
        let response = app.patch(&run.url, json!({"startDateTime": sent})).await;
        assert_eq!(response.json["startDateTime"], shown, "{sent}");
    }
}

#[tokio::test]
async fn violations_are_listed_in_the_order_of_the_properties() {
    let app = App::start().await;
    let run = app.run(json!({"displayName": "R"})).await;
    let body = json!({"id": "0197f3a0-5c1e-7c3a-9d53-2f3a1b6c7d8e", "statistics": 7, "speed": 1, "displayName": 1,
        "startDateTime": "2026-01-02T00:00:00Z", "endDateTime": "2026-01-01T00:00:00Z",
        "status": "completed", "blockingError": {"code": "E"}});
    let response = app.patch(&run.url, body).await;
    let details = response.json["error"]["details"].as_array().unwrap();
    let found: Vec<_> = details
        .iter()
        .map(|detail| (detail["target"].as_str().unwrap(), detail["code"].as_str().unwrap()))
        .collect();
    let expected = [
        ("id", "propertyNotUpdateable"),
        ("displayName", "invalidType"),
        ("endDateTime", "endBeforeStart"),
        ("blockingError", "blockingErrorNotAllowed"),
        ("statistics", "invalidType"),
        ("speed", "unknownProperty"),
    ];
    assert_eq!(found, expected);
    assert_eq!(response.json["error"]["target"], "id");
    assert_eq!(response.code(), "propertyNotUpdateable");
    let body =
        json!({"endDateTime": "1999-01-01T00:00:00Z", "statistics": {"a": "x".repeat(65_536)}});
    let response = app.patch(&run.url, body).await;
    let details = response.json["error"]["details"].as_array().unwrap();
    let codes: Vec<_> = details.iter().map(|detail| detail["code"].as_str().unwrap()).collect();
    assert_eq!(codes, ["endDateTimeWithoutEnd", "endBeforeStart", "statisticsTooLarge"]);
}

#[tokio::test]
async fn the_recurrence_of_a_flow_is_checked_in_the_body_and_then_on_the_stored_flow() {
    let app = App::start().await;
    let url = format!("/industryData/incomingFlows/{}", app.flow().await);
    let stale = [("if-match", "W/\"a\"")];
    let body_only = r#"{"recurrenceEffectiveDateTime":"2026-01-02T00:00Z","recurrenceExpirationDateTime":"2026-01-02T00:00Z"}"#;
    let stored = r#"{"recurrenceExpirationDateTime":"2000-01-01T00:00Z"}"#;
    let absent = "/industryData/incomingFlows/0197f3a0-5c1e-7c3a-9d53-2f3a1b6c7d8e";
    for (url, headers, body, status) in [
        (url.as_str(), &stale[..], body_only, 400),
        (absent, &[], body_only, 400),
        (&url, &stale, stored, 412),
        (absent, &[], stored, 404),
        (&url, &[], stored, 400),
    ] {
        let response = app.send(Method::PATCH, url, headers, body).await;
        assert_eq!(response.status.as_u16(), status, "{url} {body}: {}", response.body);
    }
    let body = json!({"recurrenceExpirationDateTime": "2000-01-01T00:00Z", "eTag": "x", "displayName": null, "id": 1});
    let response = app.patch(&url, body).await;
    let details = response.json["error"]["details"].as_array().unwrap();
    let found: Vec<_> = details.iter().map(|detail| detail["target"].as_str().unwrap()).collect();
    assert_eq!(found, ["id", "displayName", "eTag"]);
}
