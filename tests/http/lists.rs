//! Lists use keyset pagination.

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::app::App;

/// The path and query of a page's next link.
fn next(page: &Value) -> Option<String> {
    page["@odata.nextLink"]
        .as_str()
        .map(|link| link.strip_prefix("http://localhost").unwrap().to_owned())
}

async fn values_of_all_pages(app: &App, url: &str, property: &str) -> Vec<Value> {
    let mut values = Vec::new();
    let mut next_url = Some(url.to_owned());
    while let Some(url) = next_url {
        let page = app.get(&url).await;
        assert_eq!(page.status, StatusCode::OK, "{}", page.body);
        values
            .extend(page.json["value"].as_array().unwrap().iter().map(|row| row[property].clone()));
        next_url = next(&page.json);
    }
    values
}

#[tokio::test]
async fn runs_are_ordered_by_start_and_id_descending_for_every_page_size() {
    let app = App::start().await;
    let first = app.run(json!({"displayName": "0", "startDateTime": "2026-01-01T00:00:00Z"})).await;
    for index in 1..7 {
        let start = format!("2026-01-0{}T00:00:00Z", 1 + index / 3);
        app.run_of(&first.flow, json!({"displayName": index.to_string(), "startDateTime": start}))
            .await;
    }
    let whole = app.get(&first.list_url()).await.json;
    assert_eq!(next(&whole), None);
    let rows = whole["value"].as_array().unwrap();
    let mut expected = rows.clone();
    let key = |row: &Value| {
        let text = |name: &str| row[name].as_str().unwrap().to_owned();
        std::cmp::Reverse((text("startDateTime"), text("id")))
    };
    expected.sort_by_key(key);
    assert_eq!((rows.len(), rows), (7, &expected));
    assert_eq!(
        rows[6],
        json!({
            "@odata.type": "#microsoft.graph.run",
            "@odata.etag": app.get(&format!("{}/{}", first.list_url(), rows[6]["id"].as_str().unwrap())).await.header("etag"),
            "id": rows[6]["id"],
            "displayName": rows[6]["displayName"],
            "startDateTime": "2026-01-01T00:00:00Z",
            "endDateTime": null,
            "status": "running",
        })
    );
    let ids: Vec<Value> = rows.iter().map(|row| row["id"].clone()).collect();
    for size in [1, 2, 3, 7, 1000] {
        assert_eq!(
            values_of_all_pages(&app, &format!("{}?$top={size}", first.list_url()), "id").await,
            ids,
            "{size}"
        );
        assert_eq!(
            values_of_all_pages(&app, &format!("{}/process/runs?top={size}", first.url), "id")
                .await,
            ids,
            "{size}"
        );
    }
    assert_eq!(app.get(&format!("{}?$top=0", first.list_url())).await.json["value"], json!([]));
}

#[tokio::test]
async fn rows_created_or_deleted_between_pages_cause_no_skips_or_repeats() {
    let app = App::start().await;
    let first = app.run(json!({"displayName": "a", "startDateTime": "2026-01-01T00:00:00Z"})).await;
    let second = app
        .run_of(&first.flow, json!({"displayName": "b", "startDateTime": "2026-01-02T00:00:00Z"}))
        .await;
    let third = app
        .run_of(&first.flow, json!({"displayName": "c", "startDateTime": "2026-01-03T00:00:00Z"}))
        .await;
    let page = app.get(&format!("{}?$top=2", first.list_url())).await.json;
    app.delete(&second.url).await;
    app.delete(&third.url).await;
    app.run_of(&first.flow, json!({"displayName": "d", "startDateTime": "2026-01-04T00:00:00Z"}))
        .await;
    let rest = app.get(&next(&page).unwrap()).await.json;
    assert_eq!(rest["value"][0]["id"], json!(first.id));
    assert_eq!(rest["value"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn history_and_flows_are_paged_too() {
    let app = App::start().await;
    let run = app.run(json!({"displayName": "R"})).await;
    for rows in 0..5 {
        app.patch(&run.url, json!({"statistics": {"rows": rows}})).await;
    }
    let versions: Vec<Value> = (1..=6).map(|version| json!(version)).collect();
    assert_eq!(
        values_of_all_pages(&app, &format!("{}/history?$top=2", run.url), "version").await,
        versions
    );
    for _ in 0..4 {
        app.flow().await;
    }
    let ids = values_of_all_pages(&app, "/beta/industryData/incomingFlows?$top=2", "id").await;
    assert_eq!(ids.len(), 5);
    assert!(ids.is_sorted_by_key(|id| id.as_str().unwrap().to_owned()));
}

#[tokio::test]
async fn an_option_that_is_not_known_is_rejected() {
    let app = App::start().await;
    let run = app.run(json!({"displayName": "R"})).await;
    let other = app.run(json!({"displayName": "R"})).await;
    app.run_of(&run.flow, json!({"displayName": "R2"})).await;
    let page = app.get(&format!("{}?$top=1", run.list_url())).await.json;
    let token = next(&page).unwrap().split("skiptoken=").nth(1).unwrap().to_owned();
    let rejected = [
        (format!("{}?$search=running", run.list_url()), "unsupportedQueryOption"),
        (format!("{}?$top=1&$top=1", run.list_url()), "invalidQueryOption"),
        (format!("{}?$top=1&top=1", run.list_url()), "invalidQueryOption"),
        (format!("{}?$top=1001", run.list_url()), "invalidQueryOption"),
        (format!("{}?$top=-1", run.list_url()), "invalidQueryOption"),
        (format!("{}?%24top=x", run.list_url()), "invalidQueryOption"),
        (format!("{}?$skiptoken=AAAA", run.list_url()), "invalidQueryOption"),
        (format!("{}?$top=1&$skiptoken={token}", other.list_url()), "invalidQueryOption"),
        (format!("{}?$top=2&$skiptoken={token}", run.list_url()), "invalidQueryOption"),
        (format!("{}/history?$select=id", run.url), "unsupportedQueryOption"),
    ];
    for (url, code) in rejected {
        let response = app.get(&url).await;
        assert_eq!((response.status, response.code()), (StatusCode::BAD_REQUEST, code), "{url}");
    }
    let write = app.patch(&format!("{}?$top=1", run.url), json!({})).await;
    assert_eq!((write.status, write.code()), (StatusCode::BAD_REQUEST, "unsupportedQueryOption"));
}
