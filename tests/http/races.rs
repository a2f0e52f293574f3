//! Many reports of one run at once.

use std::sync::Arc;

use axum::http::StatusCode;
use futures_util::future::join_all;
use serde_json::json;

use crate::app::App;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixty_four_clients_of_one_run_lose_no_update_and_all_finish() {
    const CLIENTS: usize = 64;
    const REPORTS: usize = 10;
    let app = Arc::new(App::start().await);
    let run = app.run(json!({"displayName": "hot"})).await;
    let client = |client: usize| {
        let (app, url) = (Arc::clone(&app), run.url.clone());
        tokio::spawn(async move {
            for report in 1..=REPORTS {
                let body = json!({"statistics": {format!("client{client}"): report}});
                let response = app.patch(&url, body).await;
                assert_eq!(response.status, StatusCode::OK, "{}", response.body);
                assert_eq!(response.json["statistics"][format!("client{client}")], json!(report));
            }
        })
    };
    for finished in join_all((0..CLIENTS).map(client)).await {
        finished.unwrap();
    }
    let history = app.history(&run.url).await;
    assert_eq!(history.len(), 1 + CLIENTS * REPORTS);
    let mut rows = vec![json!(null); CLIENTS];
    for (index, entry) in history.iter().enumerate() {
        assert_eq!(entry["version"], json!(index + 1));
        if index == 0 {
            continue;
        }
        let change = &entry["changes"][0];
        let client: usize =
            change["property"].as_str().unwrap()["statistics/client".len()..].parse().unwrap();
        assert_eq!(change["before"], rows[client], "version {}", index + 1);
        rows[client] = change["after"].clone();
    }
    assert!(rows.iter().all(|row| *row == json!(REPORTS)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn exactly_one_of_many_outcomes_is_accepted() {
    let app = Arc::new(App::start().await);
    let run = app.run(json!({"displayName": "raced"})).await;
    let outcomes = ["completed", "failed", "completedWithErrors", "completedWithWarnings"];
    let reports = (0..16).map(|index| {
        let (app, url) = (Arc::clone(&app), run.url.clone());
        tokio::spawn(async move {
            (index % 4, app.patch(&url, json!({"status": outcomes[index % 4]})).await)
        })
    });
    let responses: Vec<_> = join_all(reports).await.into_iter().map(Result::unwrap).collect();
    let stored = app.get(&run.url).await.json["status"].clone();
    for (outcome, response) in responses {
        let expected =
            if json!(outcomes[outcome]) == stored { StatusCode::OK } else { StatusCode::CONFLICT };
        assert_eq!(response.status, expected);
    }
    assert_eq!(app.history(&run.url).await.len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_creation_sent_many_times_makes_one_run() {
    let app = Arc::new(App::start().await);
    let flow = app.flow().await;
    let url = format!("/industryData/incomingFlows/{flow}/runs");
    let body = json!({"id": "0197f3a0-5c1e-7c3a-9d53-2f3a1b6c7d8e", "displayName": "once"});
    let posts = (0..16).map(|_| {
        let (app, url, body) = (Arc::clone(&app), url.clone(), body.clone());
        tokio::spawn(async move { app.post(&url, body).await.status })
    });
    let statuses: Vec<_> = join_all(posts).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(statuses.iter().filter(|status| **status == StatusCode::CREATED).count(), 1);
    assert_eq!(statuses.iter().filter(|status| **status == StatusCode::OK).count(), 15);
}
