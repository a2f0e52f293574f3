//! The real process: started, killed, stopped, misconfigured.
#![expect(clippy::unwrap_used, reason = "a test that cannot continue must fail")]

mod admin;
mod bare_machine;
mod database;
mod deploy;
mod endings;
mod environment;
mod log;
mod metrics;
#[cfg(feature = "otel")]
mod otel;
mod privacy;
mod proxy;
mod secrets;
mod server;

use std::{fs, os::unix::fs::PermissionsExt as _};

use flowruns_testing::harness::{Binary, data_folder};
use serde_json::json;

use crate::server::{create_printed_run, end_printed_run, start};

pub(crate) const FLOWRUNS: Binary = Binary::new(env!("CARGO_BIN_EXE_flowruns"));

#[tokio::test]
async fn the_printed_calls_work_and_the_run_survives_kill_9_and_a_restart() {
    let folder = data_folder();
    let mut first = start(&folder);
    assert_eq!(create_printed_run(&first).await.status, 201);
    let ended = end_printed_run(&first).await;
    let run = ended.json;
    assert_eq!(
        (ended.status, &run["status"], &run["statistics"]["rows"]),
        (200, &json!("completed"), &json!(1200))
    );
    let [_, report] = first.printed_calls();
    first.kill();
    assert!(!first.log().contains(first.token()), "a token is in the log");

    let mut second = start(&folder);
    let again = second.client().with_token(first.token()).get(&report.path).await;
    assert_eq!(
        (again.status, &again.json["id"], &again.json["@odata.etag"]),
        (200, &run["id"], &run["@odata.etag"])
    );
    assert_eq!(second.stop().code(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kill_9_under_load_loses_nothing_that_was_acknowledged() {
    const CLIENTS: usize = 8;
    const BEFORE_THE_KILL: u64 = 20;
    let folder = data_folder();
    let mut first = start(&folder);
    assert_eq!(create_printed_run(&first).await.status, 201);
    let [_, report] = first.printed_calls();
    let (acknowledged, mut acknowledgements) = tokio::sync::mpsc::unbounded_channel();
    let clients: Vec<_> = (0..CLIENTS)
        .map(|client| {
            let (http, run) = (first.client().keeping_connections(), report.path.clone());
            let acknowledged = acknowledged.clone();
            tokio::spawn(async move {
                let mut last = 0_u64;
                loop {
                    let body = json!({"statistics": {format!("c{client}"): last + 1}}).to_string();
                    match http.try_send("PATCH", &run, body).await {
                        Ok(response) if response.status == 200 => last += 1,
                        _ => return (client, last),
                    }
                    acknowledged.send(last).unwrap();
                }
            })
        })
        .collect();
    while acknowledgements.recv().await.unwrap() < BEFORE_THE_KILL {}
    first.kill();

    let second = start(&folder);
    let run = second.client().with_token(first.token()).get(&report.path).await.json;
    for client in clients {
        let (client, last) = client.await.unwrap();
        let stored = run["statistics"][format!("c{client}")].as_u64().unwrap_or(0);
        assert!(
            stored == last || stored == last + 1,
            "client {client}: {last} acknowledged, {stored} stored"
        );
    }
}

#[test]
fn a_second_server_on_one_folder_says_why_it_does_not_start() {
    let folder = data_folder();
    let _first = start(&folder);
    let second = FLOWRUNS.command(folder.path()).output().unwrap();
    let message = String::from_utf8(second.stderr).unwrap();
    assert_eq!(second.status.code(), Some(1));
    assert!(
        message.contains("error: ") && message.contains(folder.path().to_str().unwrap()),
        "{message}"
    );
}

#[test]
fn the_command_token_prints_only_the_token_and_the_key_is_private() {
    let folder = data_folder();
    let output = FLOWRUNS
        .command(folder.path())
        .args(["token", "--ttl", "5m", "--role", "IndustryData-Run.Read.All"])
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!((text.trim().split('.').count(), text.lines().count()), (3, 1));
    assert!(output.stderr.is_empty());
    let key = fs::metadata(folder.path().join("local-key.p8")).unwrap();
    assert_eq!(key.permissions().mode() & 0o777, 0o600);
    let rejected =
        FLOWRUNS.command(folder.path()).args(["token", "--role", "Everything"]).output().unwrap();
    assert_eq!(rejected.status.code(), Some(2));
    assert!(String::from_utf8(rejected.stderr).unwrap().contains("IndustryData-Run.ReadWrite.All"));
}

#[test]
fn a_wrong_configuration_is_rejected_with_what_to_do() {
    let cases = [
        ("FLOWRUNS_HTTP__LISTEN", "0.0.0.0:0", "FLOWRUNS_AUTH__ISSUER"),
        ("FLOWRUNS_HTTP__LISTN", "127.0.0.1:0", "FLOWRUNS_HTTP__LISTEN"),
        ("FLOWRUNS_HTTP__MAX_BODY_BYTES", "many", "whole number"),
        ("FLOWRUNS_DATABASE__MAX_CONNECTIONS", "0", "max_connections"),
        ("FLOWRUNS_AUTH__JWKS_FILE", "keys.json", "auth.issuer"),
        ("DATABASE_URL", "nonsense", "postgres://"),
    ];
    for (name, value, words) in cases {
        let folder = data_folder();
        let output = FLOWRUNS.command(folder.path()).env(name, value).output().unwrap();
        let message = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{name}");
        assert!(message.contains(words), "{name}: {message}");
    }
}

#[test]
fn migrations_go_up_and_down() {
    let folder = data_folder();
    let migrate = |arguments: &[&str]| {
        let output =
            FLOWRUNS.command(folder.path()).arg("migrate").args(arguments).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let all = migrate(&["status"]).matches("pending").count();
    assert!(all > 1);
    assert_eq!(migrate(&["up"]).matches("applied").count(), all);
    assert_eq!(migrate(&["down", "--to", "1"]).matches("pending").count(), all - 1);
    assert_eq!(migrate(&["up"]).matches("applied").count(), all);
}
