//! A page ends at about a mebibyte, and the pages together return every row once.

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::{
    app::App,
    batch::{batch_responses, code, send, statuses},
};

const MEBIBYTE: usize = 1024 * 1024;

/// Statistics of nearly 64 KiB. They compress well, so the size on disk does not show their length.
fn statistics(marker: usize) -> Value {
    json!({"text": format!("{marker}{}", "x".repeat(64_000))})
}

/// All pages of a list, starting at a URL.
async fn pages(app: &App, url: &str) -> Vec<(usize, Vec<Value>)> {
    let mut url = url.to_owned();
    let mut pages = Vec::new();
    loop {
        let response = app.get(&url).await;
        assert_eq!(response.status, StatusCode::OK, "{}", response.body);
        let rows = response.json["value"].as_array().unwrap().clone();
        pages.push((response.body.len(), rows));
        match response.json["@odata.nextLink"].as_str() {
            Some(link) => url = link.to_owned(),
            None => return pages,
        }
    }
}

fn assert_bounded(pages: &[(usize, Vec<Value>)], limit: usize) {
    assert!(pages.len() > 1, "one page");
    for (length, rows) in pages {
        assert!(*length <= limit, "{length}");
        assert!(!rows.is_empty());
    }
}

fn rows(pages: Vec<(usize, Vec<Value>)>) -> Vec<Value> {
    pages.into_iter().flat_map(|(_, rows)| rows).collect()
}

#[tokio::test]
async fn a_page_of_runs_with_their_documents_ends_at_a_mebibyte() {
    let app = App::start().await;
    let flow = app.flow().await;
    let mut ids = Vec::new();
    for number in 0..40 {
        let error = (number % 2 == 0).then(|| json!({"message": "e".repeat(60_000)}));
        let body =
            json!({"displayName": "R", "statistics": statistics(number), "blockingError": error});
        ids.push(app.run_of(&flow, body).await.id);
    }
    let list = format!("/industryData/incomingFlows/{flow}/runs");
    // All have the same start, so they are ordered by id, in the direction of the start.
    ids.sort_unstable();
    let ascending = ids.clone();
    ids.reverse();
    for (query, skipped) in [
        ("$select=*&$top=100", 0),
        ("$select=statistics,blockingError,id&$top=100", 0),
        ("$select=*&$top=100&$skip=7", 7),
        ("$select=*&$top=100&$orderby=startDateTime", 0),
        ("$select=*&$filter=status%20eq%20%27running%27", 0),
    ] {
        let pages = pages(&app, &format!("{list}?{query}")).await;
        assert_bounded(&pages, MEBIBYTE + 16 * 1024);
        let rows = rows(pages);
        let found: Vec<&str> = rows.iter().map(|row| row["id"].as_str().unwrap()).collect();
        let expected = match query.contains("$orderby") {
            true => &ascending,
            false => &ids,
        };
        assert_eq!(found, expected[skipped..], "{query}");
        let complete =
            rows.iter().all(|row| row["statistics"]["text"].as_str().unwrap().len() > 64_000);
        assert!(complete, "{query}");
    }
    let all = pages(&app, "/industryData/runs?$select=statistics,id&$top=100").await;
    assert_bounded(&all, MEBIBYTE + 16 * 1024);
    assert_eq!(rows(all).len(), 40);
}

#[tokio::test]
async fn a_page_of_history_ends_at_a_mebibyte() {
    let app = App::start().await;
    let run = app.run(json!({"displayName": "R"})).await;
    for number in 0..30 {
        let response = app.patch(&run.url, json!({"statistics": statistics(number)})).await;
        assert_eq!(response.status, StatusCode::OK, "{}", response.body);
    }
    for number in 0..100 {
        app.patch(&run.url, json!({"displayName": format!("R{number}")})).await;
    }
    let history = format!("{}/history", run.url);
    for top in ["1000", "131", "130", "7"] {
        let pages = pages(&app, &format!("{history}?$top={top}")).await;
        assert_bounded(&pages, MEBIBYTE + 64 * 1024);
        let versions: Vec<i64> =
            rows(pages).iter().map(|row| row["version"].as_i64().unwrap()).collect();
        let expected: Vec<i64> = (1..=131).collect();
        assert_eq!(versions, expected, "$top={top}");
    }
}

#[tokio::test]
async fn runs_expanded_with_long_names_end_a_page() {
    let app = App::start().await;
    let name = "\u{1F600}".repeat(256);
    let flow = app.post("/industryData/incomingFlows", json!({"displayName": name})).await;
    let flow = flow.json["id"].as_str().unwrap();
    let item = |id: usize| {
        json!({"id": id, "method": "POST", "body": {"displayName": name},
            "url": format!("/industryData/incomingFlows/{flow}/runs")})
    };
    for _ in 0..30 {
        batch_responses(&app, (0..20).map(item).collect()).await;
    }
    let list = format!("/industryData/incomingFlows/{flow}/runs");
    let url = format!("{list}?$top=1000&$expand=process&$select=*");
    assert_eq!(rows(pages(&app, &url).await).len(), 600);
    let url = format!("{list}?$top=1000&$expand=process");
    let expanded = pages(&app, &url).await;
    assert_bounded(&expanded, MEBIBYTE);
    assert_eq!(rows(expanded).len(), 600);
}

#[tokio::test]
async fn the_pages_of_a_batch_share_a_mebibyte() {
    let app = App::start().await;
    let flow = app.flow().await;
    for number in 0..10 {
        let body = json!({"displayName": "R", "statistics": statistics(number)});
        app.run_of(&flow, body).await;
    }
    let url = format!("/industryData/incomingFlows/{flow}/runs?$select=*&$top=100");
    let item = |id: usize| json!({"id": id, "method": "GET", "url": url});
    let response = send(&app, (0..20).map(item).collect()).await;
    assert!(response.body.len() < 2 * MEBIBYTE, "{}", response.body.len());
    for response in response.json["responses"].as_array().unwrap() {
        let page = &response["body"];
        assert_eq!(page["value"].as_array().unwrap().len(), 1);
        // Outside a batch, the next page has the other rows.
        let next = page["@odata.nextLink"].as_str().unwrap();
        let rest = app.get(next).await;
        assert_eq!(rest.json["value"].as_array().unwrap().len(), 9);
    }
}

#[tokio::test]
async fn a_row_that_exceeds_its_share_of_a_batch_is_the_only_row_of_its_page() {
    let app = App::start().await;
    let run = app.run(json!({"displayName": "R"})).await;
    // A report replaces all of very many members: the history names every one.
    let named = |prefix: &str, value: Value| {
        let names = (0..6_900).map(|number| format!("{prefix}{number:x}"));
        names.map(|name| (name, value.clone())).collect::<Vec<_>>()
    };
    let replaced = named("a", Value::Null).into_iter().chain(named("b", json!(1)));
    for members in [named("a", json!(1)), replaced.collect()] {
        let members = Value::Object(members.into_iter().collect());
        let response = app.patch(&run.url, json!({"statistics": members})).await;
        assert_eq!(response.status, StatusCode::OK, "{}", response.body);
    }
    let get = |id: &str, url: &str| json!({"id": id, "method": "GET", "url": url});
    let mut requests: Vec<Value> = (0..20).map(|id| get(&id.to_string(), &run.url)).collect();
    let mut url = format!("{}/history?$top=3", run.url);
    for version in [1, 2] {
        requests[0] = get("page", &url);
        let responses = batch_responses(&app, json!(requests)).await;
        assert_eq!(statuses(&responses)[0], ("page", 200));
        assert_eq!(responses[0]["body"]["value"][0]["version"], version);
        let next = &responses[0]["body"]["@odata.nextLink"];
        next.as_str().unwrap().clone_into(&mut url);
    }
    requests[0] = get("page", &url);
    let responses = batch_responses(&app, json!(requests)).await;
    assert_eq!(statuses(&responses)[..2], [("page", 400), ("1", 200)]);
    assert_eq!(code(&responses[0]), "answerTooLong");
    let separate = batch_responses(&app, json!([requests[0]])).await;
    assert_eq!(statuses(&separate), [("page", 200)]);
    assert_eq!(separate[0]["body"]["value"][0]["version"], 3);
}
