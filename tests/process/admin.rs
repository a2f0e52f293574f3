//! The admin port: when it opens, and what it reports while the server drains or its database has changed.

use std::net::TcpListener;

use flowruns_testing::harness::data_folder;
use rustix::process::Signal;
use sqlx::{Connection as _, PgConnection, postgres::PgConnectOptions};
use tempfile::TempDir;

use crate::{
    FLOWRUNS,
    server::{create_printed_run, start, start_with},
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
    let mut server = start(&folder);
    let admin = server.admin_url();
    assert_eq!(create_printed_run(&server).await.status, 201);
    let ready = (200, "ok\n".to_owned());
    for root in [admin.clone(), server.url("/")] {
        let root = root.trim_end_matches('/');
        assert_eq!(get(&format!("{root}/livez")).await, ready);
        assert_eq!(get(&format!("{root}/readyz")).await, ready);
    }
    let public = server.url("/metrics");
    assert_eq!(get(&public).await.0, 404);
    assert_eq!(get(&format!("{admin}/industryData/runs")).await.0, 404);

    // A report waits for a locked row, and the drain waits for the report.
    let mut holder = superuser(&folder).await;
    run(&mut holder, "BEGIN; SELECT FROM runs FOR UPDATE").await;
    let client = server.client();
    let [_, report] = server.printed_calls();
    let report =
        tokio::spawn(
            async move { client.send(&report.method, &report.path, report.body).await.status },
        );
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
    assert_eq!(server.wait().code(), Some(0));
}

#[tokio::test]
async fn readiness_names_the_migration_that_was_changed() {
    let folder = data_folder();
    let mut server = start(&folder);
    let readyz = format!("{}/readyz", server.admin_url());
    let mut session = superuser(&folder).await;
    run(&mut session, "UPDATE _sqlx_migrations SET checksum = '' WHERE version = 1").await;
    let changed = "migrations 1 were changed after they were applied\n";
    assert_eq!(get(&readyz).await, (503, changed.to_owned()));
    server.wait_for_log("not ready");
}

#[test]
fn a_configured_admin_address_that_is_in_use_ends_the_server() {
    let (holder, folder) = (TcpListener::bind("127.0.0.1:0").unwrap(), data_folder());
    let address = holder.local_addr().unwrap().to_string();
    let output =
        FLOWRUNS.command(folder.path()).env("FLOWRUNS_ADMIN__LISTEN", &address).output().unwrap();
    let message = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    let says = |words: &str| message.contains(words);
    assert!(says(&address) && says("FLOWRUNS_ADMIN__LISTEN"), "{message}");
}

#[tokio::test]
async fn a_default_admin_address_that_is_in_use_is_a_warning() {
    // In use by this test, or by another process.
    let _holder = TcpListener::bind("127.0.0.1:8081");
    let folder = data_folder();
    let server = FLOWRUNS.server().data_folder(folder.path());
    let mut server = server.env_remove("FLOWRUNS_ADMIN__LISTEN").start();
    server.wait_for_log("no admin port");
    assert_eq!(create_printed_run(&server).await.status, 201);
}

#[tokio::test]
async fn an_empty_admin_address_opens_no_admin_port() {
    let folder = data_folder();
    let mut server = start_with(&folder, &[("FLOWRUNS_ADMIN__LISTEN", "")]);
    assert_eq!(get(&server.url("/readyz")).await.0, 200);
    assert_eq!(server.stop().code(), Some(0));
    let log = server.log();
    assert!(!log.contains("admin port"), "{log}");
}
