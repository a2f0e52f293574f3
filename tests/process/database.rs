//! The database of the process: an external one, and the rights of its roles.

use flowruns_testing::harness::data_folder;
use serde_json::json;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use tempfile::TempDir;

use crate::{
    FLOWRUNS,
    server::{start, start_with},
};

/// Runs a command against a database of the running server, as if it were an external one.
fn external(folder: &TempDir, server: &TempDir, arguments: &[&str]) -> (Option<i32>, String) {
    let socket = server.path().join("run");
    let url = format!("postgres://postgres@localhost/external?host={}", socket.display());
    let output =
        FLOWRUNS.command(folder.path()).args(arguments).env("DATABASE_URL", url).output().unwrap();
    let text =
        [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap()).concat();
    (output.status.code(), text)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_the_operator_migrates_an_external_database() {
    let (server_folder, folder) = (data_folder(), data_folder());
    let _server = start(&server_folder);
    let options = sqlx::postgres::PgConnectOptions::new_without_pgpass()
        .socket(server_folder.path().join("run"));
    let options = options.username("postgres");
    let mut admin =
        PgConnection::connect_with(&options.clone().database("postgres")).await.unwrap();
    sqlx::raw_sql("CREATE DATABASE external").execute(&mut admin).await.unwrap();
    let run = |arguments: &[&str]| external(&folder, &server_folder, arguments);

    let (status, message) = run(&["serve"]);
    assert!(status == Some(1) && message.contains("flowruns migrate up"), "{message}");
    assert_eq!(run(&["migrate", "up"]).0, Some(0));
    let (status, report) = run(&["check"]);
    assert!(status == Some(0) && report.contains("reachable, migrated and durable"), "{report}");
    assert!(!report.contains("postgres://"), "{report}");

    let mut database = PgConnection::connect_with(&options.database("external")).await.unwrap();
    sqlx::raw_sql("BEGIN; LOCK TABLE runs").execute(&mut database).await.unwrap();
    let (status, message) = run(&["migrate", "down", "--to", "0"]);
    assert!(
        status == Some(1)
            && message.contains("another migration is running, or a session holds a lock"),
        "{message}"
    );
    sqlx::raw_sql("ROLLBACK").execute(&mut database).await.unwrap();
    // What was reverted before the lock stays reverted.
    assert_eq!(run(&["migrate", "up"]).0, Some(0));
    for asynchronous in ["off", "local"] {
        let set = format!("ALTER DATABASE external SET synchronous_commit = {asynchronous}");
        sqlx::raw_sql(AssertSqlSafe(set)).execute(&mut database).await.unwrap();
        let expected = format!("synchronous_commit = {asynchronous}");
        let (status, message) = run(&["serve"]);
        assert!(status == Some(1) && message.contains(&expected), "{message}");
        let expected = format!("synchronous_commit is {asynchronous}");
        let (status, message) = run(&["check"]);
        assert!(status == Some(1) && message.contains(&expected), "{message}");
    }
    sqlx::raw_sql("ALTER DATABASE external RESET ALL; UPDATE _sqlx_migrations SET checksum = ''")
        .execute(&mut database)
        .await
        .unwrap();
    let (status, message) = run(&["serve"]);
    assert!(status == Some(1) && message.contains("changed after they were applied"), "{message}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_command_rejects_a_database_of_another_encoding() {
    let (server_folder, folder) = (data_folder(), data_folder());
    let _server = start(&server_folder);
    let options = sqlx::postgres::PgConnectOptions::new_without_pgpass()
        .socket(server_folder.path().join("run"));
    let options = options.username("postgres").database("postgres");
    let mut admin = PgConnection::connect_with(&options).await.unwrap();
    sqlx::raw_sql("CREATE DATABASE external ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")
        .execute(&mut admin)
        .await
        .unwrap();
    for arguments in [&["serve"][..], &["check"], &["migrate", "up"]] {
        let (status, message) = external(&folder, &server_folder, arguments);
        let says_what_to_do = message.contains("has the encoding LATIN1 and must have UTF8");
        assert!(status == Some(1) && says_what_to_do, "{message}");
    }
}

#[tokio::test]
async fn the_role_of_the_service_cannot_change_the_schema_or_the_history() {
    let folder = data_folder();
    let _server = start(&folder);
    let options =
        sqlx::postgres::PgConnectOptions::new_without_pgpass().socket(folder.path().join("run"));
    let options = options.username("flowruns_service").database("flowruns");
    let mut service = PgConnection::connect_with(&options).await.unwrap();
    for statement in [
        "CREATE TABLE t ()",
        "DROP TABLE runs",
        "DELETE FROM run_events",
        "UPDATE run_events SET actor = ''",
    ] {
        let error = sqlx::raw_sql(statement).execute(&mut service).await.unwrap_err();
        let code = error.as_database_error().unwrap().code().unwrap().into_owned();
        assert_eq!(code, "42501", "{statement}");
    }
}

#[test]
fn commands_use_the_embedded_database_of_a_running_server() {
    let folder = data_folder();
    let mut server = start(&folder);
    let run = |arguments: &[&str]| {
        let output = FLOWRUNS.command(folder.path()).args(arguments).output().unwrap();
        let text = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
        (output.status.code(), text.concat())
    };
    let (status, report) = run(&["check"]);
    assert!(status == Some(0) && report.contains("reachable, migrated and durable"), "{report}");
    for arguments in [["migrate", "status"].as_slice(), &["migrate", "up"], &["token"]] {
        let (status, report) = run(arguments);
        assert!(status == Some(0) && !report.contains("pending"), "{report}");
    }
    let (status, rejection) = run(&["migrate", "down", "--to", "1"]);
    assert!(status == Some(1) && rejection.contains("uses the folder"), "{rejection}");
    // None of them has stopped the database.
    assert!(run(&["check"]).1.contains("durable"));
    assert_eq!(server.stop().code(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_starts_on_a_read_only_database_and_accepts_writes_after_its_promotion() {
    let (server_folder, folder) = (data_folder(), data_folder());
    let _server = start(&server_folder);
    let socket = server_folder.path().join("run");
    let options = sqlx::postgres::PgConnectOptions::new_without_pgpass().socket(&socket);
    let options = options.username("postgres").database("postgres");
    let mut admin = PgConnection::connect_with(&options).await.unwrap();
    sqlx::raw_sql("CREATE DATABASE external").execute(&mut admin).await.unwrap();
    assert_eq!(external(&folder, &server_folder, &["migrate", "up"]).0, Some(0));
    let read_only = "ALTER DATABASE external SET default_transaction_read_only = on";
    sqlx::raw_sql(read_only).execute(&mut admin).await.unwrap();

    let url = format!("postgres://postgres@localhost/external?host={}", socket.display());
    let standby = start_with(&folder, &[("DATABASE_URL", &url)]);
    let token = FLOWRUNS.command(folder.path()).arg("token").output().unwrap().stdout;
    let client = standby.client().with_token(String::from_utf8(token).unwrap().trim());
    let flows = "/industryData/incomingFlows";
    let new = json!({ "displayName": "Nightly" }).to_string();
    assert_eq!(client.get("/readyz").await.status, 503);
    assert_eq!(client.get(flows).await.status, 200);
    assert_eq!(client.send("POST", flows, new.clone()).await.status, 503);

    let promoted = "ALTER DATABASE external RESET default_transaction_read_only";
    sqlx::raw_sql(promoted).execute(&mut admin).await.unwrap();
    assert_eq!(client.send("POST", flows, new).await.status, 201);
}
