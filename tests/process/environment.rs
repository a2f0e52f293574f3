//! Environment variables that are not settings, and the settings that each command needs.

use std::process::Output;

use flowruns_testing::harness::data_folder;

use crate::{
    FLOWRUNS,
    server::{create_printed_run, start_with},
};

/// What Kubernetes sets for Services named `flowruns` and `flowruns-db`, and the settings of the command line client.
const FOREIGN_VARIABLES: [(&str, &str); 20] = [
    ("FLOWRUNS_SERVICE_HOST", "10.96.0.7"),
    ("FLOWRUNS_SERVICE_PORT", "8080"),
    ("FLOWRUNS_SERVICE_PORT_HTTP", "8080"),
    ("FLOWRUNS_PORT", "tcp://10.96.0.7:8080"),
    ("FLOWRUNS_PORT_8080_TCP", "tcp://10.96.0.7:8080"),
    ("FLOWRUNS_PORT_8080_TCP_PROTO", "tcp"),
    ("FLOWRUNS_PORT_8080_TCP_PORT", "8080"),
    ("FLOWRUNS_PORT_8080_TCP_ADDR", "10.96.0.7"),
    ("FLOWRUNS_PORT_53_UDP", "udp://10.96.0.7:53"),
    ("FLOWRUNS_DB_SERVICE_HOST", "10.96.0.8"),
    ("FLOWRUNS_DB_PORT_5432_TCP", "tcp://10.96.0.8:5432"),
    ("FLOWRUNS_URL", "https://runs.example"),
    ("FLOWRUNS_TOKEN", "t"),
    ("FLOWRUNS_TOKEN_FILE", "/run/token"),
    ("FLOWRUNS_TOKEN_COMMAND", "get-token"),
    ("FLOWRUNS_FLOW", "Rosters"),
    ("FLOWRUNS_FLOW_ID", "f"),
    ("FLOWRUNS_RUN_ID", "r"),
    ("FLOWRUNS_STATISTICS", "s.json"),
    ("FLOWRUNS_SPOOL_DIR", "/var/spool"),
];

fn error_of(output: Output) -> String {
    assert_eq!(output.status.code(), Some(1));
    String::from_utf8(output.stderr).unwrap()
}

#[tokio::test]
async fn a_server_starts_with_the_variables_of_kubernetes_services_and_of_the_client() {
    let folder = data_folder();
    let server = start_with(&folder, &FOREIGN_VARIABLES);
    assert_eq!(create_printed_run(&server).await.status, 201);
}

#[test]
fn an_unknown_name_is_rejected_with_the_nearest_known_one() {
    for (name, nearest) in [
        ("FLOWRUNS_HTTP__LISTN", "FLOWRUNS_HTTP__LISTEN"),
        ("FLOWRUNS_HTTP_LISTEN", "FLOWRUNS_HTTP__LISTEN"),
        ("FLOWRUNS_DATABASE_URL", "DATABASE_URL"),
        ("FLOWRUNS_CONFG", "FLOWRUNS_CONFIG"),
    ] {
        let folder = data_folder();
        let output = FLOWRUNS.command(folder.path()).env(name, "secret").output().unwrap();
        let message = error_of(output);
        let suggestion = format!("{name} is not known; did you mean {nearest}?");
        assert!(message.contains(&suggestion), "{message}");
        assert!(!message.contains("secret"), "{message}");
    }
}

#[test]
fn a_command_starts_with_a_broken_setting_that_it_does_not_need() {
    let folder = data_folder();
    let broken = [
        ("FLOWRUNS_HTTP__LISTEN", "nonsense"),
        ("FLOWRUNS_HTTP__LISTN", "127.0.0.1:0"),
        ("FLOWRUNS_LIMITS__REQUESTS", "many"),
        ("FLOWRUNS_TLS__KEY_FILE", "/nowhere"),
    ];
    let run = |arguments: &[&str], others: &[(&str, &str)]| {
        let mut command = FLOWRUNS.command(folder.path());
        command.args(arguments).envs(broken).envs(others.to_vec());
        command.output().unwrap()
    };
    assert!(run(&["migrate", "status"], &[]).status.success());
    let of_the_database = [
        ("FLOWRUNS_DATABASE__WRITERS", "none"),
        ("DATABASE_URL_FILE", "/nowhere"),
        ("RUST_LOG", "not=a=filter"),
    ];
    let token = run(&["token"], &of_the_database);
    assert!(token.status.success());
    assert!(token.stderr.is_empty());
    let no_file = [("FLOWRUNS_CONFIG", "/nowhere/flowruns.toml")];
    assert!(run(&["openapi"], &no_file).status.success());
    assert!(error_of(run(&["serve"], &[])).contains("FLOWRUNS_HTTP__LISTN"));
}

#[test]
fn the_command_token_fails_with_the_reason_when_an_issuer_is_configured() {
    let folder = data_folder();
    let output = FLOWRUNS
        .command(folder.path())
        .arg("token")
        .env("FLOWRUNS_AUTH__ISSUER", "https://issuer.example")
        .output()
        .unwrap();
    let message = error_of(output);
    assert!(message.contains("an issuer is configured"), "{message}");
    assert!(!folder.path().join("local-key.p8").exists());
}

#[test]
fn the_command_token_succeeds_with_an_unknown_name_and_warns_of_it() {
    let folder = data_folder();
    let output = FLOWRUNS
        .command(folder.path())
        .arg("token")
        .env("FLOWRUNS_DATA_DIRR", "/elsewhere")
        .output()
        .unwrap();
    assert!(output.status.success());
    let warning = String::from_utf8(output.stderr).unwrap();
    assert!(warning.contains("did you mean FLOWRUNS_DATA_DIR?"), "{warning}");
}
