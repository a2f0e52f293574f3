//! Chromium, headless, with a profile of its own that reaches nothing but loopback.

use std::{
    env,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    ops::Deref,
    process::{Child, ChildStdout, Command, Stdio},
    time::Duration,
};

use serde_json::json;
use tempfile::TempDir;

use crate::webdriver::Session;

/// `required` makes a missing browser a failure; otherwise the tests say that they were not run.
const VARIABLE: &str = "FLOWRUNS_BROWSER";
/// How long a browser may take to end.
const END_DEADLINE: Duration = Duration::from_secs(10);
const STARTED: &str = "started successfully on port ";

/// A browser; it ends when this is dropped.
pub(crate) struct Chromium {
    session: Session,
    _driver: Driver,
    _profile: TempDir,
}

impl Chromium {
    /// Starts a browser. None if Chromium or its driver is not installed: the test cannot run, and a line on stderr says so.
    pub(crate) async fn start() -> Option<Self> {
        let (Some(chromium), Some(chromedriver)) = (find("chromium"), find("chromedriver")) else {
            let missing = "chromium or chromedriver is not installed";
            assert!(!is_required(), "{missing}");
            eprintln!("NOT RUN: {missing}, so this test checked nothing");
            return None;
        };
        let driver = Driver::start(&chromedriver);
        let profile = tempfile::tempdir().unwrap();
        let mut arguments = vec![
            "--headless=new".to_owned(),
            format!("--user-data-dir={}", profile.path().display()),
            "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost"
                .to_owned(),
        ];
        let switches = [
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-dev-shm-usage",
            "--disable-extensions",
            "--disable-gpu",
            "--disable-sync",
            "--no-default-browser-check",
            "--no-first-run",
        ];
        arguments.extend(switches.map(str::to_owned));
        if rustix::process::geteuid().is_root() {
            // Chromium does not sandbox itself for root, as in a container.
            arguments.push("--no-sandbox".to_owned());
        }
        let capabilities = json!({
            "browserName": "chrome",
            "goog:chromeOptions": {
                "binary": chromium,
                "args": arguments,
                "perfLoggingPrefs": {"enableNetwork": true, "enablePage": false},
            },
            "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"},
        });
        let session = Session::start(&driver.url(), capabilities).await;
        Some(Self { session, _driver: driver, _profile: profile })
    }
}

impl Deref for Chromium {
    type Target = Session;

    fn deref(&self) -> &Session {
        &self.session
    }
}

/// A test that fails drops the browser, too.
impl Drop for Chromium {
    fn drop(&mut self) {
        let (_, after) = self.session.url().split_once("://").unwrap_or_default();
        let (authority, path) = after.split_once('/').unwrap_or_default();
        // Nothing can be done about an error: the driver is killed next.
        let _ended = delete(authority, path);
    }
}

/// Ends the session, and with it the browser; waits for the response, since the driver keeps the connection.
fn delete(authority: &str, path: &str) -> std::io::Result<()> {
    let mut connection = TcpStream::connect(authority)?;
    connection.set_read_timeout(Some(END_DEADLINE))?;
    write!(
        connection,
        "DELETE /{path} HTTP/1.1\r\nHost: {authority}\r\nConnection: close\r\n\r\n"
    )?;
    connection.read(&mut [0; 256]).map(drop)
}

/// Whether what is missing makes a test fail.
pub(crate) fn is_required() -> bool {
    env::var(VARIABLE).is_ok_and(|value| value == "required")
}

struct Driver {
    child: Child,
    port: u16,
    // Kept open: a write to a closed pipe would fail in the driver.
    _stdout: BufReader<ChildStdout>,
}

impl Driver {
    fn start(path: &str) -> Self {
        let mut command = Command::new(path);
        command.arg("--port=0").stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        while !line.contains(STARTED) {
            line.clear();
            assert_ne!(stdout.read_line(&mut line).unwrap(), 0, "chromedriver has ended");
        }
        let (_, port) = line.rsplit_once(STARTED).unwrap();
        let port = port.trim().trim_end_matches('.').parse().unwrap();
        Self { child, port, _stdout: stdout }
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        // The process may have ended already.
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}

/// The path of a program.
fn find(program: &str) -> Option<String> {
    let folders = env::var_os("PATH")?;
    let mut paths = env::split_paths(&folders).map(|folder| folder.join(program));
    paths.find(|path| path.is_file()).map(|path| path.display().to_string())
}
