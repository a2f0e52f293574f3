//! The response to a write and to a later read are equal, byte for byte.

use axum::http::{Method, StatusCode};
use serde_json::json;

use crate::app::App;

#[tokio::test]
async fn values_are_read_as_they_were_returned_by_the_write() {
    let app = App::start().await;
    let run = app.run(json!({"displayName": "R"})).await;
    let bodies = [
        r#"{"statistics":{"a":-9223372036854775808,"b":18446744073709551615,"c":0.1,"d":1e300,"e":-5e-324}}"#,
        r#"{"statistics":{"f":1.0,"g":-0.0,"h":1e2,"i":1.7976931348623157e308,"j":9007199254740993,"k":1e-7}}"#,
        r#"{"statistics":{"":1,"zz":{"b":[],"a":{}},"ünï":"\ud83d\ude00 \u0001 \"\\ \u2028","bb":[null,true,[1.50]]}}"#,
        r#"{"startDateTime":"0001-01-01T00:00:00.000001Z","displayName":"\u3000Ünïcödé \ud83d\ude00\u3000"}"#,
        r#"{"startDateTime":"9999-12-31T23:59:59.999999999999Z"}"#,
        r#"{"blockingError":{"code":"E","details":[{"code":"a","message":"b","target":"c"}],"innerError":{"details":[]}}}"#,
    ];
    for body in bodies {
        let response = app.send(Method::PATCH, &run.url, &[], body).await;
        assert_eq!(response.status, StatusCode::OK, "{body}: {}", response.body);
        assert_eq!(app.get(&run.url).await.body, response.body, "{body}");
        let again = app.send(Method::PATCH, &run.url, &[], &response.body).await;
        assert_eq!(again.body, response.body, "{body}");
    }
}

#[tokio::test]
async fn statistics_are_bounded_after_the_merge() {
    let app = App::start().await;
    let run = app.run(json!({"displayName": "R"})).await;
    let fits = "x".repeat(64 * 1024 - r#"{"t":""}"#.len());
    let response = app.patch(&run.url, json!({"statistics": {"t": fits}})).await;
    assert_eq!(response.status, StatusCode::OK);
    let over = app.patch(&run.url, json!({"statistics": {"u": 1}})).await;
    assert_eq!((over.status, over.code()), (StatusCode::BAD_REQUEST, "statisticsTooLarge"));
    assert_eq!(
        app.patch(&run.url, json!({"statistics": {"t": null, "u": 1}})).await.status,
        StatusCode::OK
    );

    let nested = |levels: usize| format!("{}1{}", "{\"n\":".repeat(levels), "}".repeat(levels));
    let send = |levels: usize| {
        let body = format!("{{\"statistics\":{}}}", nested(levels));
        let (app, url) = (&app, &run.url);
        async move { app.send(Method::PATCH, url, &[], &body).await }
    };
    assert_eq!(send(16).await.status, StatusCode::OK);
    assert_eq!(send(17).await.code(), "statisticsTooDeep");
    assert_eq!(send(500).await.code(), "malformedJson");
}
