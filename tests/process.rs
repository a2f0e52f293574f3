//! The real process: started, killed, stopped, misconfigured.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on shall fail")]

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _},
    os::unix::fs::PermissionsExt as _,
    process::{Child, ChildStderr, ChildStdout, Command, ExitStatus, Stdio},
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use sqlx::{Connection as _, PgConnection};
use tempfile::TempDir;

const PRINTED_LINES: usize = 4;

/// A data folder that the database's account can enter.
fn data_folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o711)).unwrap();
    folder
}

fn flowruns(folder: &TempDir) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_flowruns"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("FLOWRUNS_")) {
        command.env_remove(name);
    }
    command
        .env_remove("DATABASE_URL")
        .env("FLOWRUNS_DATA_DIR", folder.path());
    command
        .env("FLOWRUNS_HTTP__LISTEN", "127.0.0.1:0")
        .env("RUST_LOG", "info");
    command
}

/// A server, and the two calls that it printed.
struct Server {
    child: Child,
    stderr: Option<ChildStderr>,
    _stdout: BufReader<ChildStdout>,
    calls: Vec<Call>,
}

/// A printed line of curl.
#[derive(Clone)]
struct Call {
    method: String,
    url: String,
    token: String,
    body: String,
}

impl Call {
    fn parse(line: &str) -> Self {
        let between = |from: &str, to: &str| {
            let start = line.split_once(from).unwrap().1;
            start.split_once(to).unwrap().0.to_owned()
        };
        Self {
            method: between("-X ", " "),
            url: between("'http", "'"),
            token: between("Bearer ", "'"),
            body: between("-d '", "'"),
        }
    }

    async fn send(&self) -> (u16, Value) {
        send(
            &self.method,
            &format!("http{}", self.url),
            &self.token,
            &self.body,
        )
        .await
    }
}

async fn send(method: &str, url: &str, token: &str, body: &str) -> (u16, Value) {
    let request = reqwest::Client::new()
        .request(method.parse().unwrap(), url)
        .bearer_auth(token);
    let request = request
        .header("content-type", "application/json")
        .body(body.to_owned());
    let response = request.send().await.unwrap();
    (
        response.status().as_u16(),
        response.json().await.unwrap_or(Value::Null),
    )
}

impl Server {
    fn start(folder: &TempDir) -> Self {
        let mut child = flowruns(folder)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut text = String::new();
        for _ in 0..PRINTED_LINES {
            stdout.read_line(&mut text).unwrap();
        }
        let stderr = child.stderr.take();
        assert!(text.contains("serves on http://127.0.0.1:"), "{text}");
        let calls = text
            .lines()
            .filter(|line| line.starts_with("curl"))
            .map(Call::parse)
            .collect();
        Self {
            child,
            stderr,
            _stdout: stdout,
            calls,
        }
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    fn wait(&mut self) -> (ExitStatus, String) {
        let mut log = String::new();
        self.stderr
            .take()
            .unwrap()
            .read_to_string(&mut log)
            .unwrap();
        (self.child.wait().unwrap(), log)
    }

    /// The address of the run that the second call reports on, at this server.
    fn run_url(&self) -> String {
        format!("http{}", self.calls[1].url)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}

/// The same path at another server, which has another port.
fn at(server: &Server, url: &str) -> String {
    let path = |url: &str| url.splitn(4, '/').nth(3).unwrap().to_owned();
    let root = server.run_url();
    let origin = root.strip_suffix(&path(&root)).unwrap().to_owned();
    format!("{origin}{}", path(url))
}

#[tokio::test]
async fn the_printed_calls_work_and_the_run_survives_kill_9_and_a_restart() {
    let folder = data_folder();
    let mut first = Server::start(&folder);
    assert_eq!(first.calls[0].send().await.0, 201);
    let (status, run) = first.calls[1].send().await;
    assert_eq!(
        (status, &run["status"], &run["statistics"]["rows"]),
        (200, &json!("completed"), &json!(1200))
    );
    let (url, token) = (first.run_url(), first.calls[1].token.clone());
    first.signal(Signal::KILL);
    let (_, log) = first.wait();
    assert!(!log.contains(&token), "a token is in the log");

    let mut second = Server::start(&folder);
    let (status, again) = send("GET", &at(&second, &url), &token, "").await;
    assert_eq!(
        (status, &again["id"], &again["@odata.etag"]),
        (200, &run["id"], &run["@odata.etag"])
    );
    second.signal(Signal::TERM);
    let (status, _) = second.wait();
    assert_eq!(status.code(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kill_9_in_a_storm_loses_nothing_that_was_acknowledged() {
    const CLIENTS: usize = 8;
    const BEFORE_THE_KILL: u64 = 20;
    let folder = data_folder();
    let mut first = Server::start(&folder);
    assert_eq!(first.calls[0].send().await.0, 201);
    let (url, token) = (first.run_url(), first.calls[1].token.clone());
    let (acknowledged, mut heard) = tokio::sync::mpsc::unbounded_channel();
    let clients: Vec<_> = (0..CLIENTS)
        .map(|client| {
            let (url, token, acknowledged) = (url.clone(), token.clone(), acknowledged.clone());
            tokio::spawn(async move {
                let http = reqwest::Client::new();
                let mut last = 0_u64;
                loop {
                    let body = json!({"statistics": {format!("c{client}"): last + 1}}).to_string();
                    let request = http
                        .patch(&url)
                        .bearer_auth(&token)
                        .header("content-type", "application/json");
                    match request.body(body).send().await {
                        Ok(response) if response.status() == 200 => last += 1,
                        _ => return (client, last),
                    }
                    acknowledged.send(last).unwrap();
                }
            })
        })
        .collect();
    while heard.recv().await.unwrap() < BEFORE_THE_KILL {}
    first.signal(Signal::KILL);
    first.wait();

    let second = Server::start(&folder);
    let (_, run) = send("GET", &at(&second, &url), &token, "").await;
    for client in clients {
        let (client, last) = client.await.unwrap();
        let stored = run["statistics"][format!("c{client}")]
            .as_u64()
            .unwrap_or(0);
        assert!(
            stored == last || stored == last + 1,
            "client {client}: {last} acknowledged, {stored} stored"
        );
    }
}

#[test]
fn a_second_server_on_one_folder_says_why_it_will_not_start() {
    let folder = data_folder();
    let _first = Server::start(&folder);
    let second = flowruns(&folder).output().unwrap();
    let message = String::from_utf8(second.stderr).unwrap();
    assert_eq!(second.status.code(), Some(1));
    assert!(
        message.contains("error: ") && message.contains(folder.path().to_str().unwrap()),
        "{message}"
    );
}

#[test]
fn a_token_is_all_that_token_prints_and_the_key_is_private() {
    let folder = data_folder();
    let output = flowruns(&folder)
        .args([
            "token",
            "--ttl",
            "5m",
            "--role",
            "IndustryData-Run.Read.All",
        ])
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(
        (text.trim().split('.').count(), text.lines().count()),
        (3, 1)
    );
    assert!(output.stderr.is_empty());
    let key = fs::metadata(folder.path().join("local-key.p8")).unwrap();
    assert_eq!(key.permissions().mode() & 0o777, 0o600);
    let refused = flowruns(&folder)
        .args(["token", "--role", "Everything"])
        .output()
        .unwrap();
    assert_eq!(refused.status.code(), Some(2));
    assert!(
        String::from_utf8(refused.stderr)
            .unwrap()
            .contains("IndustryData-Run.ReadWrite.All")
    );
}

#[test]
fn a_wrong_configuration_is_refused_with_what_to_do() {
    let cases = [
        (
            "FLOWRUNS_HTTP__LISTEN",
            "0.0.0.0:0",
            "FLOWRUNS_AUTH__JWKS_FILE",
        ),
        ("FLOWRUNS_HTTP__LISTN", "127.0.0.1:0", "listn"),
        ("FLOWRUNS_HTTP__MAX_BODY_BYTES", "many", "whole number"),
        ("FLOWRUNS_DATABASE__MAX_CONNECTIONS", "0", "max_connections"),
        ("FLOWRUNS_AUTH__JWKS_FILE", "keys.json", "auth.issuer"),
        ("DATABASE_URL", "nonsense", "postgres://"),
    ];
    for (name, value, words) in cases {
        let folder = data_folder();
        let output = flowruns(&folder).env(name, value).output().unwrap();
        let message = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{name}");
        assert!(message.contains(words), "{name}: {message}");
    }
}

#[test]
fn migrations_go_up_and_down_and_serve_refuses_what_is_pending() {
    let folder = data_folder();
    let migrate = |arguments: &[&str]| {
        let output = flowruns(&folder)
            .arg("migrate")
            .args(arguments)
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).unwrap()
    };
    assert_eq!(migrate(&["status"]).matches("pending").count(), 2);
    assert_eq!(migrate(&["up"]).matches("applied").count(), 2);
    assert_eq!(
        migrate(&["down", "--to", "1"]).matches("pending").count(),
        1
    );
    assert_eq!(migrate(&["up"]).matches("applied").count(), 2);
}

/// Runs a command against a database of the running server, as if it were an external one.
fn external(folder: &TempDir, server: &TempDir, arguments: &[&str]) -> (Option<i32>, String) {
    let socket = server.path().join("run");
    let url = format!(
        "postgres://postgres@localhost/external?host={}",
        socket.display()
    );
    let output = flowruns(folder)
        .args(arguments)
        .env("DATABASE_URL", url)
        .output()
        .unwrap();
    let text = [output.stdout, output.stderr]
        .map(|bytes| String::from_utf8(bytes).unwrap())
        .concat();
    (output.status.code(), text)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_external_database_is_migrated_by_its_operator_alone() {
    let (server_folder, folder) = (data_folder(), data_folder());
    let _server = Server::start(&server_folder);
    let options = sqlx::postgres::PgConnectOptions::new_without_pgpass()
        .socket(server_folder.path().join("run"));
    let options = options.username("postgres");
    let mut admin = PgConnection::connect_with(&options.clone().database("postgres"))
        .await
        .unwrap();
    sqlx::raw_sql("CREATE DATABASE external")
        .execute(&mut admin)
        .await
        .unwrap();
    let run = |arguments: &[&str]| external(&folder, &server_folder, arguments);

    let (status, message) = run(&["serve"]);
    assert!(
        status == Some(1) && message.contains("flowruns migrate up"),
        "{message}"
    );
    assert_eq!(run(&["migrate", "up"]).0, Some(0));
    let (status, report) = run(&["check"]);
    assert!(
        status == Some(0) && report.contains("reachable, migrated and durable"),
        "{report}"
    );
    assert!(!report.contains("postgres://"), "{report}");

    let mut database = PgConnection::connect_with(&options.database("external"))
        .await
        .unwrap();
    sqlx::raw_sql("BEGIN; LOCK TABLE runs")
        .execute(&mut database)
        .await
        .unwrap();
    let (status, message) = run(&["migrate", "down", "--to", "0"]);
    assert!(
        status == Some(1)
            && message.contains("another migration is running, or a session holds a lock"),
        "{message}"
    );
    sqlx::raw_sql("ROLLBACK")
        .execute(&mut database)
        .await
        .unwrap();
    // What was reverted before the lock stays reverted.
    assert_eq!(run(&["migrate", "up"]).0, Some(0));
    sqlx::raw_sql("ALTER DATABASE external SET synchronous_commit = off")
        .execute(&mut database)
        .await
        .unwrap();
    let (status, message) = run(&["serve"]);
    assert!(
        status == Some(1) && message.contains("synchronous_commit"),
        "{message}"
    );
    sqlx::raw_sql("ALTER DATABASE external RESET ALL; UPDATE _sqlx_migrations SET checksum = ''")
        .execute(&mut database)
        .await
        .unwrap();
    let (status, message) = run(&["serve"]);
    assert!(
        status == Some(1) && message.contains("changed after they were applied"),
        "{message}"
    );
}

#[tokio::test]
async fn the_role_of_the_service_cannot_change_the_schema_or_the_history() {
    let folder = data_folder();
    let _server = Server::start(&folder);
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
        let error = sqlx::raw_sql(statement)
            .execute(&mut service)
            .await
            .unwrap_err();
        let code = error
            .as_database_error()
            .unwrap()
            .code()
            .unwrap()
            .into_owned();
        assert_eq!(code, "42501", "{statement}");
    }
}
