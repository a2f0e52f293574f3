//! The one-time links of the local key.

use std::{
    io::{BufRead as _, BufReader, Lines},
    process::{Child, ChildStdout, Command, Output, Stdio},
};

use flowruns_testing::harness::{ServerProcess, data_folder};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::{FLOWRUNS, browser::Browser};

/// What `flowruns open` does on the data folder of a server.
fn run_open(server: &ServerProcess, arguments: &[&str]) -> Output {
    let mut command = FLOWRUNS.command(server.folder());
    let url = server.url("");
    // Without a display no browser is opened.
    command.env_remove("DISPLAY").env_remove("WAYLAND_DISPLAY");
    command.args(["open", "--url", &url]).args(arguments).output().unwrap()
}

/// A new link.
fn link(server: &ServerProcess, arguments: &[&str]) -> String {
    let output = run_open(server, arguments);
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && message.is_empty(), "{message}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_opens_the_dashboard_once_and_its_code_leaves_the_address() {
    let server = FLOWRUNS.server().start();
    let mut browser = Browser::new();
    let offered = browser.open(&server.url("/ui")).await;
    offered.assert(200, "flowruns open");

    let link = link(&server, &["--print"]);
    let page = browser.open(&link).await;
    assert_eq!((page.status, page.address().as_str()), (200, "/ui"));
    assert!(browser.session().is_some());
    let mut other = Browser::new();
    let page = other.open(&link).await;
    page.assert(200, "used already");
    assert!(!page.address().contains("code="), "{}", page.url);
    assert!(other.cookies.is_empty());
    // A person who reloads the link stays signed in.
    let page = browser.open(&link).await;
    assert_eq!((page.status, page.address().as_str()), (200, "/ui"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_that_is_only_looked_at_is_not_used_up() {
    let server = FLOWRUNS.server().start();
    let link = link(&server, &[]);
    let mut scanner = Browser::new();
    let head = scanner.request("HEAD", &link);
    let prefetch = |name: &str, value: &str| scanner.request("GET", &link).header(name, value);
    let looks = [
        head,
        prefetch("sec-purpose", "prefetch;prerender"),
        prefetch("purpose", "prefetch"),
        prefetch("x-moz", "prefetch"),
    ];
    for look in looks {
        let page = scanner.send(look).await;
        assert!(page.status == 503 && page.set_cookies().is_empty(), "{}", page.status);
    }
    let mut browser = Browser::new();
    browser.open(&link).await;
    assert!(browser.session().is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_leads_to_a_flow_or_a_run() {
    let server = FLOWRUNS.server().start();
    let (flow, run) =
        ("0197f3a0-5c1e-7c3a-9d53-2f3a1b6c7d8e", "0197f3a0-5c1e-7c3a-9d53-2f3a1b6c7d8f");
    let page = Browser::new().get(&link(&server, &[&format!("{flow}/{run}")])).await;
    assert_eq!(page.location(), server.url(&format!("/ui/flows/{flow}/runs/{run}")));
    // An address elsewhere is not followed.
    let elsewhere = format!("{}&next=//evil.example", link(&server, &[]));
    assert_eq!(Browser::new().get(&elsewhere).await.location(), server.url("/ui"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_is_no_token_and_a_token_is_no_code() {
    let server = FLOWRUNS.server().start();
    let link = link(&server, &[]);
    let (_, code) = link.split_once("code=").unwrap();
    let rejected = server.client().with_token(code).get("/industryData/incomingFlows").await;
    assert_eq!(rejected.status, 401);
    for other in [server.token(), "", "a.b.c", "%00", &"x".repeat(8_000)] {
        let mut browser = Browser::new();
        let page = browser.open(&server.url(&format!("/ui/open?code={other}"))).await;
        page.assert(200, "no link of this server");
        assert!(browser.cookies.is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_from_before_a_restart_is_not_accepted() {
    let mut server = FLOWRUNS.server().start();
    let old = link(&server, &[]);
    server.stop();
    // Codes count in whole seconds, so the server starts in a later one than the code was made.
    let made = std::time::Instant::now();
    while made.elapsed().as_secs() < 1 {
        std::thread::yield_now();
    }
    server.restart();
    let mut browser = Browser::new();
    browser.open(&old).await.assert(200, "This link is too old");
    browser.open(&link(&server, &[])).await;
    assert!(browser.session().is_some());
}

/// A server whose output is a terminal, which `script` makes.
struct OnTerminal {
    script: Child,
    lines: Lines<BufReader<ChildStdout>>,
    _folder: TempDir,
}

impl OnTerminal {
    fn start() -> Self {
        let folder = data_folder();
        let server = FLOWRUNS.command(folder.path());
        let mut script = Command::new("script");
        script.args([
            "-qefc",
            &format!("exec {} serve", server.get_program().display()),
            "/dev/null",
        ]);
        for (name, value) in server.get_envs() {
            match value {
                Some(value) => script.env(name, value),
                None => script.env_remove(name),
            };
        }
        let script = script.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut script = script.spawn().unwrap();
        let lines = BufReader::new(script.stdout.take().unwrap()).lines();
        Self { script, lines, _folder: folder }
    }

    /// The link that it prints.
    fn link(&mut self) -> String {
        let mut lines = self.lines.by_ref().map(Result::unwrap);
        let link = lines.find(|line| line.contains("/ui/open?code=")).unwrap();
        link.trim().to_owned()
    }
}

impl Drop for OnTerminal {
    fn drop(&mut self) {
        // `script` passes the signal on to the server.
        kill_process(Pid::from_child(&self.script), Signal::TERM).unwrap();
        self.script.wait().unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_on_a_terminal_prints_a_link_that_opens_the_dashboard() {
    let mut server = tokio::task::spawn_blocking(OnTerminal::start).await.unwrap();
    let link = server.link();
    let mut browser = Browser::new();
    browser.open(&link).await;
    assert!(browser.session().is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_whose_output_is_no_terminal_prints_no_link() {
    let server = FLOWRUNS.server().start();
    assert!(!server.printed().contains("/ui/open"), "{}", server.printed());
}

#[tokio::test(flavor = "multi_thread")]
async fn no_link_is_made_where_an_issuer_is_configured_and_a_server_that_is_away_is_a_warning() {
    let server = FLOWRUNS.server().start();
    let mut command = FLOWRUNS.command(server.folder());
    command.args(["open", "--print", "--url", "http://127.0.0.1:1"]);
    let output = command.output().unwrap();
    assert!(output.status.success());
    let warning = String::from_utf8(output.stderr).unwrap();
    assert!(warning.contains("no server accepts connections at http://127.0.0.1:1"), "{warning}");
    let mut command = FLOWRUNS.command(server.folder());
    command.env("FLOWRUNS_AUTH__ISSUER", "https://issuer.example").args(["open", "--print"]);
    let output = command.env("FLOWRUNS_HTTP__LISTEN", "127.0.0.1:9").output().unwrap();
    let message = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && output.stdout.is_empty(), "{message}");
    assert!(message.contains("http://127.0.0.1:9/ui"), "{message}");
}
