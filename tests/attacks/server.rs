//! A server in a process of its own on a database of its own, which accepts the tokens of an issuer on loopback.

use std::{
    fs::{self, File},
    io::{BufRead as _, BufReader},
    net::SocketAddr,
    path::PathBuf,
    process::{Child, Stdio},
    time::{Duration, Instant},
};

use flowruns_testing::{
    issuer::{LocalIssuer, SigningKey},
    scratch::ScratchDatabase,
};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::program::{data_folder, flowruns};

/// Far longer than anything here takes: a test that hangs fails instead.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
/// The claim `aud` of the tokens.
const AUDIENCE: &str = "api://flowruns";
/// The claim `exp`, far from now.
const EXPIRY: u64 = 4_102_444_800;
/// `limits.bytes` where a test sets no other: small, so that the bound of the memory is sharp.
const LIMIT_BYTES: u64 = 32 * 1024 * 1024;
/// Between two readings of the metrics.
const POLL: Duration = Duration::from_millis(50);

/// A setting of the server, as a variable of its environment.
pub(crate) type Setting = (&'static str, String);

/// The process, its database and its issuer; all three end when this is dropped.
pub(crate) struct Server {
    child: Child,
    pub(crate) address: SocketAddr,
    /// `limits.bytes`.
    pub(crate) limit_bytes: u64,
    folder: TempDir,
    issuer: LocalIssuer,
    key: SigningKey,
    _database: ScratchDatabase,
}

/// What a token allows.
#[derive(Clone, Copy)]
pub(crate) enum Role {
    Read,
    Write,
}

impl Server {
    /// Starts a server with these settings beside those that all attacks have in common.
    pub(crate) async fn start(settings: &[Setting]) -> Self {
        let database = ScratchDatabase::create().await;
        let (issuer, key) = (LocalIssuer::start().await, SigningKey::es256("attacks"));
        issuer.publish(&[&key]);
        let folder = data_folder();
        let mut command = flowruns(&folder);
        command
            .env("DATABASE_URL", url(&database))
            .env("FLOWRUNS_AUTH__ISSUER", issuer.name())
            .env("FLOWRUNS_AUTH__AUDIENCE", AUDIENCE)
            .env("FLOWRUNS_LIMITS__BYTES", LIMIT_BYTES.to_string())
            .envs(settings.iter().map(|(name, value)| (*name, value)))
            .stdout(Stdio::piped())
            // A file never blocks the server.
            .stderr(File::create(log_file(&folder)).unwrap());
        let (child, address) = tokio::task::spawn_blocking(move || {
            let mut child = command.spawn().unwrap();
            let mut line = String::new();
            let mut stdout = BufReader::new(child.stdout.take().unwrap());
            stdout.read_line(&mut line).unwrap();
            (child, line)
        })
        .await
        .unwrap();
        let Some((_, address)) = address.trim().rsplit_once("://") else {
            panic!("{}", fs::read_to_string(log_file(&folder)).unwrap());
        };
        let own_limit = settings
            .iter()
            .find(|(name, _)| *name == "FLOWRUNS_LIMITS__BYTES");
        Self {
            child,
            address: address.parse().unwrap(),
            limit_bytes: own_limit.map_or(LIMIT_BYTES, |(_, bytes)| bytes.parse().unwrap()),
            folder,
            issuer,
            key,
            _database: database,
        }
    }

    /// A token of an application of a tenant.
    pub(crate) fn token(&self, tenant: &str, application: &str, role: Role) -> String {
        let roles: &[&str] = match role {
            Role::Read => &["IndustryData-Run.Read.All"],
            Role::Write => &["IndustryData-InboundFlow.ReadWrite.All"],
        };
        self.key.token(&json!({
            "iss": self.issuer.name(), "aud": AUDIENCE, "exp": EXPIRY,
            "tid": tenant, "azp": application, "roles": roles,
        }))
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits until no request is in flight and no bytes are held, as the metrics say.
    pub(crate) async fn assert_idle(&self) {
        let metrics = format!("{}/metrics", self.admin_url());
        let begun = Instant::now();
        loop {
            let text = reqwest::get(&metrics).await.unwrap().text().await.unwrap();
            let held: Vec<&str> = text.lines().filter(|line| is_held(line)).collect();
            if held.is_empty() {
                return;
            }
            assert!(begun.elapsed() < PATIENCE, "after the attack: {held:#?}");
            tokio::time::sleep(POLL).await;
        }
    }

    pub(crate) fn assert_no_panic(&self) {
        let log = fs::read_to_string(log_file(&self.folder)).unwrap();
        let panics: Vec<&str> = log
            .lines()
            .filter(|line| line.contains("panicked"))
            .collect();
        assert!(panics.is_empty(), "{panics:#?}");
    }

    fn admin_url(&self) -> String {
        let log = fs::read_to_string(log_file(&self.folder)).unwrap();
        let line = log
            .lines()
            .find(|line| line.contains("the admin port is open"));
        let address = line.unwrap().trim().rsplit_once("address=").unwrap().1;
        format!("http://{address}")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}

/// Whether a line of the metrics is a gauge of what is held now, and is not 0.
fn is_held(line: &str) -> bool {
    let Some((series, value)) = line.rsplit_once(' ') else {
        return false;
    };
    let is_gauge = series.contains("_in_flight") && !series.contains("limit")
        || [
            "flowruns_writer_queue_reports",
            "flowruns_writer_queue_bytes",
        ]
        .contains(&series);
    !line.starts_with('#') && is_gauge && value.parse::<f64>().unwrap() != 0.0
}

/// How the service's role reaches the database.
fn url(database: &ScratchDatabase) -> String {
    let options = database.service();
    format!(
        "postgres://{}@localhost:{}/{}?host={}",
        options.get_username(),
        options.get_port(),
        database.name(),
        options.get_socket().unwrap().display()
    )
}

fn log_file(folder: &TempDir) -> PathBuf {
    folder.path().join("log")
}

/// Sends a request and waits for its response; no response is status 0.
pub(crate) async fn send(
    http: &reqwest::Client,
    method: &str,
    url: &str,
    token: &str,
    body: impl Into<reqwest::Body>,
) -> (u16, Value) {
    let request = http
        .request(method.parse().unwrap(), url)
        .bearer_auth(token)
        .header("content-type", "application/json")
        .body(body);
    let Ok(response) = request.send().await else {
        return (0, Value::Null);
    };
    let status = response.status().as_u16();
    (status, response.json().await.unwrap_or(Value::Null))
}
