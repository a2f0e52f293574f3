//! The admin port: who may have it, what it says of a server that ends, and of one whose database has changed.

use std::{net::TcpListener, process::Stdio};

use rustix::process::Signal;
use sqlx::{Connection as _, PgConnection, postgres::PgConnectOptions};
use tempfile::TempDir;

use crate::{
    program::{data_folder, flowruns},
    server::{Server, at},
};

/// Status and text of a plain GET.
pub(crate) async fn get(url: &str) -> (u16, String) {
    let response = reqwest::get(url).await.unwrap();
    (response.status().as_u16(), response.text().await.unwrap())
}

/// A session of the superuser in the database of a server.
pub(crate) async fn superuser(folder: &TempDir) -> PgConnection {
    let options = PgConnectOptions::new_without_pgpass().socket(folder.path().join("run"));
    let options = options.username("postgres").database("flowruns");
    PgConnection::connect_with(&options).await.unwrap()
}

/// Runs statements.
pub(crate) async fn run(session: &mut PgConnection, statements: &'static str) {
    sqlx::raw_sql(statements).execute(session).await.unwrap();
}

#[tokio::test]
async fn the_admin_port_answers_while_the_server_drains() {
    let folder = data_folder();
    let mut server = Server::start(&folder);
    let admin = server.admin_url();
    assert_eq!(server.calls[0].send().await.0, 201);
    let ready = (200, "ok\n".to_owned());
    for root in [admin.clone(), at(&server, "http://host/")] {
        let root = root.trim_end_matches('/');
        assert_eq!(get(&format!("{root}/livez")).await, ready);
        assert_eq!(get(&format!("{root}/readyz")).await, ready);
    }
    let public = at(&server, "http://host/metrics");
    assert_eq!(get(&public).await.0, 404);
    assert_eq!(get(&format!("{admin}/industryData/runs")).await.0, 404);

    // A report waits for a row that somebody holds, and the drain waits for the report.
    let mut holder = superuser(&folder).await;
    run(&mut holder, "BEGIN; SELECT FROM runs FOR UPDATE").await;
    let report = server.calls[1].clone();
    let report = tokio::spawn(async move { report.send().await.0 });
    let metrics = format!("{admin}/metrics");
    let in_flight = "\nflowruns_http_requests_in_flight 1\n";
    while !get(&metrics).await.1.contains(in_flight) {}
    server.signal(Signal::TERM);
    server.wait_for_log("draining");
    let draining = (503, "draining\n".to_owned());
    assert_eq!(get(&format!("{admin}/readyz")).await, draining);
    assert_eq!(get(&format!("{admin}/livez")).await, ready);
    run(&mut holder, "ROLLBACK").await;
    assert_eq!(report.await.unwrap(), 200);
    // The database ends with the server, and not before its sessions.
    holder.close().await.unwrap();
    assert_eq!(server.wait().0.code(), Some(0));
}

#[tokio::test]
async fn readiness_names_the_migration_that_was_changed() {
    let folder = data_folder();
    let mut server = Server::start(&folder);
    let readyz = format!("{}/readyz", server.admin_url());
    let mut session = superuser(&folder).await;
    run(
        &mut session,
        "UPDATE _sqlx_migrations SET checksum = '' WHERE version = 1",
    )
    .await;
    let changed = "migrations 1 were changed after they were applied\n";
    assert_eq!(get(&readyz).await, (503, changed.to_owned()));
    server.wait_for_log("not ready");
}

#[test]
fn an_admin_address_that_is_taken_ends_the_server_when_it_was_set() {
    let (holder, folder) = (TcpListener::bind("127.0.0.1:0").unwrap(), data_folder());
    let taken = holder.local_addr().unwrap().to_string();
    let output = flowruns(&folder)
        .env("FLOWRUNS_ADMIN__LISTEN", &taken)
        .output()
        .unwrap();
    let message = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    let says = |words: &str| message.contains(words);
    assert!(says(&taken) && says("FLOWRUNS_ADMIN__LISTEN"), "{message}");
}

#[tokio::test]
async fn a_default_admin_address_that_is_taken_is_a_warning() {
    // Taken by this test, or by somebody else.
    let _holder = TcpListener::bind("127.0.0.1:8081");
    let folder = data_folder();
    let mut command = flowruns(&folder);
    command.env_remove("FLOWRUNS_ADMIN__LISTEN");
    let mut server = Server::spawn(command, Stdio::piped());
    server.wait_for_log("no admin port");
    assert_eq!(server.calls[0].send().await.0, 201);
}

#[tokio::test]
async fn an_empty_admin_address_is_no_admin_port() {
    let folder = data_folder();
    let mut server = Server::start_with(&folder, &[("FLOWRUNS_ADMIN__LISTEN", "")]);
    assert_eq!(get(&at(&server, "http://host/readyz")).await.0, 200);
    server.signal(Signal::TERM);
    let (status, log) = server.wait();
    assert_eq!(status.code(), Some(0));
    assert!(!log.contains("admin port"), "{log}");
}
