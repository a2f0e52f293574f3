//! A page ends at about a mebibyte, and the walk along the links gives every row once.

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::{
    app::App,
    batch::{code, responses, send, statuses},
};

const MEBIBYTE: usize = 1024 * 1024;

/// Statistics of nearly 64 KiB. They compress well, so that the size on disk says nothing of them.
fn statistics(mark: usize) -> Value {
    json!({"text": format!("{mark}{}", "x".repeat(64_000))})
}

/// The pages of a list from a URL on.
async fn pages(app: &App, url: &str) -> Vec<(usize, Vec<Value>)> {
    let mut url = url.to_owned();
    let mut pages = Vec::new();
    loop {
        let answer = app.get(&url).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
        let rows = answer.json["value"].as_array().unwrap().clone();
        pages.push((answer.body.len(), rows));
        match answer.json["@odata.nextLink"].as_str() {
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
    // All start at one moment, so they are ordered by id, in the direction of the start.
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
        let answer = app.patch(&run.url, json!({"statistics": statistics(number)})).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
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
async fn long_names_beside_their_process_end_a_page() {
    let app = App::start().await;
    let name = "\u{1F600}".repeat(256);
    let flow = app.post("/industryData/incomingFlows", json!({"displayName": name})).await;
    let flow = flow.json["id"].as_str().unwrap();
    let item = |id: usize| {
        json!({"id": id, "method": "POST", "body": {"displayName": name},
            "url": format!("/industryData/incomingFlows/{flow}/runs")})
    };
    for _ in 0..30 {
        responses(&app, (0..20).map(item).collect()).await;
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
    let answer = send(&app, (0..20).map(item).collect()).await;
    assert!(answer.body.len() < 2 * MEBIBYTE, "{}", answer.body.len());
    for response in answer.json["responses"].as_array().unwrap() {
        let page = &response["body"];
        assert_eq!(page["value"].as_array().unwrap().len(), 1);
        // Alone, the next page has the other rows.
        let next = page["@odata.nextLink"].as_str().unwrap();
        let rest = app.get(next).await;
        assert_eq!(rest.json["value"].as_array().unwrap().len(), 9);
    }
}

#[tokio::test]
async fn a_row_that_is_longer_than_its_share_of_a_batch_is_sent_alone() {
    let app = App::start().await;
    let run = app.run(json!({"displayName": "R"})).await;
    // Very many members, all of them replaced by others: the history names every one.
    let named = |prefix: &str, value: Value| {
        let names = (0..6_900).map(|number| format!("{prefix}{number:x}"));
        names.map(|name| (name, value.clone())).collect::<Vec<_>>()
    };
    let replaced = named("a", Value::Null).into_iter().chain(named("b", json!(1)));
    for members in [named("a", json!(1)), replaced.collect()] {
        let members = Value::Object(members.into_iter().collect());
        let answer = app.patch(&run.url, json!({"statistics": members})).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    }
    let get = |id: &str, url: &str| json!({"id": id, "method": "GET", "url": url});
    let mut requests: Vec<Value> = (0..20).map(|id| get(&id.to_string(), &run.url)).collect();
    let mut url = format!("{}/history?$top=3", run.url);
    for version in [1, 2] {
        requests[0] = get("page", &url);
        let answers = responses(&app, json!(requests)).await;
        assert_eq!(statuses(&answers)[0], ("page", 200));
        assert_eq!(answers[0]["body"]["value"][0]["version"], version);
        let next = &answers[0]["body"]["@odata.nextLink"];
        next.as_str().unwrap().clone_into(&mut url);
    }
    requests[0] = get("page", &url);
    let answers = responses(&app, json!(requests)).await;
    assert_eq!(statuses(&answers)[..2], [("page", 400), ("1", 200)]);
    assert_eq!(code(&answers[0]), "answerTooLong");
    let alone = responses(&app, json!([requests[0]])).await;
    assert_eq!(statuses(&alone), [("page", 200)]);
    assert_eq!(alone[0]["body"]["value"][0]["version"], 3);
}
