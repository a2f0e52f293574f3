//! Terminated database sessions, and clients that disconnect.

use std::{sync::Arc, time::Duration};

use axum::http::StatusCode;
use flowruns_testing::harness::markers_by_client;
use futures_util::future::join_all;
use serde_json::json;
use sqlx::{Connection as _, PgConnection};

use crate::app::App;

const CLIENTS: usize = 8;

async fn sessions(connection: &mut PgConnection, condition: &str) -> i64 {
    let question = format!(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND {condition}"
    );
    sqlx::query_scalar(sqlx::AssertSqlSafe(question)).fetch_one(connection).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reports_succeed_while_sessions_are_terminated_and_each_is_stored_once() {
    const REPORTS: u64 = 40;
    let app = Arc::new(App::start().await);
    let run = app.run(json!({"displayName": "hot"})).await;
    let (acknowledged, mut acknowledgements) = tokio::sync::mpsc::unbounded_channel();
    let clients = (0..CLIENTS).map(|client| {
        let (app, url) = (Arc::clone(&app), run.url.clone());
        let acknowledged = acknowledged.clone();
        tokio::spawn(async move {
            for report in 1..=REPORTS {
                let body = json!({"statistics": {format!("c{client}"): report}});
                let mut response = app.patch(&url, body.clone()).await;
                // Clients send the same report again, whether or not the first one was executed.
                while response.status == StatusCode::SERVICE_UNAVAILABLE {
                    response = app.patch(&url, body.clone()).await;
                }
                assert_eq!(response.status, StatusCode::OK, "{}", response.body);
                acknowledged.send(()).unwrap();
            }
        })
    });
    let clients: Vec<_> = clients.collect();
    drop(acknowledged);
    let clients = tokio::spawn(join_all(clients));
    let mut killer = PgConnection::connect_with(&app.database.service()).await.unwrap();
    while !clients.is_finished() {
        let terminate = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
            WHERE datname = current_database() AND pid <> pg_backend_pid() AND usename = current_user
            ORDER BY random() LIMIT 1";
        sqlx::query(terminate).execute(&mut killer).await.unwrap();
        // Waits until a report has succeeded, so that the test ends.
        let _progress = acknowledgements.recv().await;
    }
    for client in clients.await.unwrap() {
        client.unwrap();
    }
    let expected: Vec<u64> = (1..=REPORTS).collect();
    let counts = markers_by_client(&app.history(&run.url).await);
    assert_eq!(counts.len(), CLIENTS);
    assert!(counts.values().all(|counts| *counts == expected), "{counts:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_that_disconnect_leave_no_transaction_and_lose_no_report() {
    const REPORTS: u64 = 60;
    let app = Arc::new(App::start().await);
    let run = app.run(json!({"displayName": "hot"})).await;
    let clients = (0..CLIENTS).map(|client| {
        let (app, url) = (Arc::clone(&app), run.url.clone());
        tokio::spawn(async move {
            let mut acknowledged = Vec::new();
            for report in 1..=REPORTS {
                let patch = app.patch(&url, json!({"statistics": {format!("c{client}"): report}}));
                // Each report is aborted after a different time.
                let limit = Duration::from_micros(report * 7919 % 6000);
                if let Ok(response) = tokio::time::timeout(limit, patch).await {
                    assert_eq!(response.status, StatusCode::OK, "{}", response.body);
                    acknowledged.push(report);
                }
            }
            (format!("c{client}"), acknowledged)
        })
    });
    let acknowledged = join_all(clients).await;
    // A last report waits for every transaction that still holds the row.
    assert_eq!(app.patch(&run.url, json!({"displayName": "cold"})).await.status, StatusCode::OK);
    let counts = markers_by_client(&app.history(&run.url).await);
    for client in acknowledged {
        let (client, acknowledged) = client.unwrap();
        let stored = counts.get(&client).cloned().unwrap_or_default();
        // An aborted report may be stored later, or never; an acknowledged one is stored once, in order.
        let kept: Vec<u64> =
            stored.iter().copied().filter(|report| acknowledged.contains(report)).collect();
        assert_eq!(kept, acknowledged, "{client}: {stored:?}");
    }
    let mut connection = PgConnection::connect_with(&app.database.service()).await.unwrap();
    // Reports whose client disconnected may still be in flight; they end by themselves.
    for _ in 0..100_000 {
        if sessions(&mut connection, "state LIKE 'idle in transaction%'").await == 0 {
            return;
        }
    }
    panic!("a session stays in a transaction");
}
