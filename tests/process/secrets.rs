//! Secrets of the process, which are never in its log, whatever its level, in its errors, or in the output of `check`.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

use flowruns_testing::harness::data_folder;
use reqwest::{Client, Method};
use serde_json::Value;
use sqlx::{Connection as _, PgConnection};
use tempfile::TempDir;

use crate::{
    FLOWRUNS,
    server::{start, start_with},
};

const SECRET: &str = "Zweihundert7Faden";
/// Parts of it, in case a message truncates it.
const PARTS: [&str; 2] = ["Zweihundert7", "7Faden"];
const COMMANDS: [&[&str]; 4] = [&["serve"], &["check"], &["migrate", "status"], &["migrate", "up"]];
/// URLs of addresses where nothing listens, or that are invalid.
const WRONG_URLS: [&str; 12] = [
    "postgres://u:{}@127.0.0.1:1/d",
    "postgres://u@127.0.0.1:1/d?password={}",
    "postgres://u@127.0.0.1:1/d?passwrod={}",
    "postgres://u@127.0.0.1:1/d?user=u&sslpassword={}",
    "postgres://u@127.0.0.1:1/d?sslmode={}",
    "postgres://u@127.0.0.1:1/d?port={}",
    "postgres://u:1?{}@127.0.0.1:1/d",
    "postgres://u:{}@127.0.0.1:port/d",
    "postgres://u:{}#@127.0.0.1:1/d",
    "postgres://u:{}/@127.0.0.1:1/d",
    "mysql://u:{}@127.0.0.1:1/d",
    "{}",
];

/// Everything printed by a command that must fail.
fn failed(folder: &TempDir, arguments: &[&str], variable: (&str, &str)) -> String {
    let output = FLOWRUNS
        .command(folder.path())
        .args(arguments)
        .env(variable.0, variable.1)
        .env("RUST_LOG", "trace,sqlx_postgres::options::parse=trace")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1), "{arguments:?} {variable:?}");
    [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap()).concat()
}

fn assert_no_secret(text: &str, of: &str) {
    for part in PARTS {
        // The message shows the line, not the megabytes of a trace.
        let line = text.lines().find(|line| line.contains(part));
        assert!(line.is_none(), "{of}: {}", line.unwrap_or_default());
    }
}

#[test]
fn no_command_repeats_a_password_that_does_not_work() {
    let folder = data_folder();
    let encoded: String = SECRET.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let file = folder.path().join("mounted");
    for url in WRONG_URLS {
        for password in [SECRET, encoded.as_str()] {
            let url = url.replace("{}", password);
            fs::write(&file, format!("{url}\n")).unwrap();
            let (command, path) = (COMMANDS[url.len() % COMMANDS.len()], file.to_str().unwrap());
            for variable in [("DATABASE_URL", url.as_str()), ("DATABASE_URL_FILE", path)] {
                let printed = failed(&folder, command, variable);
                assert_no_secret(&printed, &format!("{command:?} {url}"));
                assert!(!printed.contains(&encoded), "{command:?} {url}");
                assert!(printed.contains("error: "), "{printed}");
            }
        }
    }
    for arguments in COMMANDS {
        let printed = failed(&folder, arguments, ("FLOWRUNS_DATABASE_URL", SECRET));
        assert_no_secret(&printed, "a name that is not known");
    }
}

/// A migrated database within the cluster of a server, as a URL with a password.
async fn external(folder: &TempDir, cluster: &TempDir) -> String {
    let socket = cluster.path().join("run");
    let url = |database: &str| {
        format!("postgres://postgres:{SECRET}@localhost/{database}?host={}", socket.display())
    };
    let mut admin = PgConnection::connect(&url("postgres")).await.unwrap();
    sqlx::raw_sql("CREATE DATABASE external").execute(&mut admin).await.unwrap();
    let url = url("external");
    for arguments in [["migrate", "up"].as_slice(), &["check"]] {
        let output = FLOWRUNS
            .command(folder.path())
            .args(arguments)
            .env("DATABASE_URL", &url)
            .env("RUST_LOG", "trace")
            .output()
            .unwrap();
        assert!(output.status.success());
        for bytes in [output.stdout, output.stderr] {
            assert_no_secret(&String::from_utf8(bytes).unwrap(), "a command that works");
        }
    }
    url
}

/// Sends what a log could repeat: tokens, links, keys, bodies.
struct SecretRequests {
    client: Client,
    version: &'static str,
    list: String,
    token: String,
}

impl SecretRequests {
    async fn send(&self, method: Method, url: &str, credentials: &str, body: &str) -> (u16, Value) {
        let key = format!("{SECRET}-{}-{}", self.version, body.len());
        let request = self
            .client
            .request(method, url)
            .header("authorization", credentials)
            .header("content-type", "application/json")
            .header("cookie", format!("session={SECRET}"))
            .header("idempotency-key", key);
        let response = request.body(body.to_owned()).send().await.unwrap();
        let status = response.status().as_u16();
        (status, response.json().await.unwrap_or_default())
    }

    async fn write(&self, good: &str) {
        let body = format!("{{\"displayName\":\"{SECRET}\",\"statistics\":{{\"{SECRET}\":1}}}}");
        let bodies = [(body.clone(), 201), (format!("{body}x"), 400), (format!("{body}  "), 201)];
        // The second time they are replayed.
        for (body, expected) in bodies.iter().chain(&bodies) {
            let (status, response) = self.send(Method::POST, &self.list, good, body).await;
            assert_eq!(status, *expected, "{response}");
        }
    }

    /// The token of a link that it followed.
    async fn read(&self, good: &str) -> String {
        let get = async |url: &str| self.send(Method::GET, url, good, "").await;
        let (_, page) = get(&format!("{}?$top=1", self.list)).await;
        let next = page["@odata.nextLink"].as_str().unwrap();
        let filtered = format!("{}?$filter=displayName eq '{SECRET}'", self.list);
        for (url, status) in [(next, 200), (&format!("{next}{SECRET}"), 400), (&filtered, 200)] {
            assert_eq!(get(url).await.0, status, "{url}");
        }
        next.split("skiptoken=").nth(1).unwrap().to_owned()
    }

    async fn fail(&self, cut: &str) {
        for bad in [&format!("Bearer {SECRET}"), cut, &format!("Basic {SECRET}"), SECRET] {
            for method in [Method::GET, Method::POST] {
                assert_eq!(self.send(method, &self.list, bad, SECRET).await.0, 401);
            }
        }
    }

    /// Sends requests; returns what must not be in the log.
    async fn run(&self) -> Vec<String> {
        let good = format!("Bearer {}", self.token);
        self.write(&good).await;
        let link = self.read(&good).await;
        self.fail(&good[..good.len() - 1]).await;
        let signature = self.token.rsplit('.').next().unwrap();
        vec![link, signature.to_owned(), self.token.clone()]
    }
}

/// Several threads, because the connections of the clients end while the test waits for the server.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_logs_everything_logs_no_secret() {
    let (cluster, folder) = (data_folder(), data_folder());
    let _cluster = start(&cluster);
    let url = external(&folder, &cluster).await;
    let key = folder.path().join("cursor");
    fs::write(&key, SECRET).unwrap();
    let settings = [
        ("DATABASE_URL", url.as_str()),
        ("FLOWRUNS_HTTP__CURSOR_KEY_FILE", key.to_str().unwrap()),
        ("RUST_LOG", "trace"),
    ];
    let mut server = start_with(&folder, &settings);
    let mut secrets = Vec::new();
    for (version, client) in
        [("HTTP/1.1", Client::builder()), ("HTTP/2", Client::builder().http2_prior_knowledge())]
    {
        let [creation, _] = server.printed_calls();
        let requests = SecretRequests {
            client: client.build().unwrap(),
            version,
            list: server.url(&creation.path),
            token: server.token().to_owned(),
        };
        secrets.extend(requests.run().await);
    }
    assert!(server.stop().success());
    let log = server.log();
    for crate_name in ["flowruns_http", "h2", "sqlx"] {
        let is_traced = |line: &str| line.contains("TRACE") || line.contains("DEBUG");
        let mut lines = log.lines().filter(|line| is_traced(line));
        assert!(lines.any(|line| line.contains(crate_name)), "{crate_name}");
    }
    assert_no_secret(&log, "the log");
    for secret in secrets {
        let line = log.lines().find(|line| line.contains(&secret));
        assert!(line.is_none(), "{}", line.unwrap_or_default());
    }
}

/// Every file below a folder, in folders that other users may enter.
fn open_files(folder: &Path, found: &mut Vec<(String, u32)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let (kind, mode) = (entry.file_type().unwrap(), entry.metadata().unwrap());
        let mode = mode.permissions().mode() & 0o777;
        if kind.is_dir() && mode & 0o077 != 0 {
            open_files(&entry.path(), found);
        } else if kind.is_file() {
            found.push((entry.file_name().to_string_lossy().into_owned(), mode));
        }
    }
}

#[test]
fn other_users_cannot_read_the_files_in_the_data_folder() {
    let folder = data_folder();
    let _server = start(&folder);
    let mut files = Vec::new();
    open_files(folder.path(), &mut files);
    assert!(files.iter().any(|(name, _)| name == "local-key.p8"));
    for (name, mode) in files {
        assert_eq!(mode & 0o077, 0, "{name} has the mode {mode:o}");
    }
}
