//! Where the tests run commands: a server that they share, and for each a flow, a spool and a folder for temporary files.

use std::{
    fs,
    io::Write as _,
    os::unix::process::ExitStatusExt as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{Arc, Weak},
    thread,
};

use flowruns_testing::{
    harness::{ApiClient, ServerProcess},
    scratch::ScratchDatabase,
};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{sync::Mutex, task::spawn_blocking};

use crate::{
    FLOWRUNS, FLOWRUNS_PATH,
    proxy::{Proxy, State},
};

const FLOWS: &str = "/industryData/incomingFlows";

/// A server on a database without fsync: on a busy disk that takes longer than `exec` tries.
#[derive(Debug)]
struct Service {
    server: ServerProcess,
    _database: ScratchDatabase,
}

/// The server of the tests that run at this moment.
async fn service() -> Arc<Service> {
    static SHARED: Mutex<Weak<Service>> = Mutex::const_new(Weak::new());
    let mut shared = SHARED.lock().await;
    if let Some(service) = shared.upgrade() {
        return service;
    }
    let database = ScratchDatabase::create().await;
    let builder = FLOWRUNS.server().env("DATABASE_URL", database.service_url());
    let server = spawn_blocking(|| builder.start()).await.unwrap();
    let service = Arc::new(Service { server, _database: database });
    *shared = Arc::downgrade(&service);
    service
}

/// A flow of a test, the way to its server, and folders.
#[derive(Debug)]
pub(crate) struct Place {
    service: Arc<Service>,
    pub(crate) proxy: Proxy,
    pub(crate) flow: String,
    pub(crate) name: String,
    pub(crate) folder: TempDir,
    token: String,
}

impl Place {
    pub(crate) async fn new(state: State) -> Self {
        let service = service().await;
        let server = &service.server;
        let folder = tempfile::tempdir().unwrap();
        let name = format!("Flow of {}", folder.path().display());
        let created =
            server.client().create(FLOWS, &json!({"displayName": name}).to_string()).await;
        let flow = created.rsplit_once('/').unwrap().1.to_owned();
        fs::create_dir(folder.path().join("tmp")).unwrap();
        let proxy = Proxy::start(server.address(), state);
        let token = server.token().to_owned();
        Self { service, proxy, flow, name, folder, token }
    }

    /// The same with another token.
    pub(crate) fn with_token(mut self, token: &str) -> Self {
        token.clone_into(&mut self.token);
        self
    }

    /// A token that the server accepts.
    pub(crate) fn right_token(&self) -> &str {
        self.service.server.token()
    }

    pub(crate) fn client(&self) -> ApiClient {
        self.service.server.client()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn spool(&self) -> PathBuf {
        self.path("spool")
    }

    /// The number of reports in the spool.
    pub(crate) fn spooled(&self) -> usize {
        let files = fs::read_dir(self.spool()).into_iter().flatten().flatten();
        files
            .filter(|file| file.path().extension().is_some_and(|extension| extension == "report"))
            .count()
    }

    /// `flowruns` with these arguments, without a terminal, where no other test can see it.
    pub(crate) fn flowruns(&self, arguments: &[&str]) -> Command {
        self.flowruns_under(&[], arguments)
    }

    /// The same, started by another program.
    pub(crate) fn flowruns_under(&self, starter: &[&str], arguments: &[&str]) -> Command {
        let mut command = self.program(starter);
        command.arg(FLOWRUNS_PATH);
        command
            .args(arguments)
            .env("FLOWRUNS_URL", self.proxy.url())
            .env("FLOWRUNS_TOKEN", &self.token)
            .env("FLOWRUNS_SPOOL_DIR", self.spool());
        command
    }

    /// `flowruns exec` for the flow, with these options and this command.
    pub(crate) fn exec(&self, options: &[&str], command: &[&str]) -> Command {
        let mut exec = self.flowruns(&["exec", "--flow", &self.flow]);
        exec.args(options).arg("--").args(command);
        exec
    }

    /// A program in a session of its own. The process id is that of the program.
    fn program(&self, words: &[&str]) -> Command {
        let mut command = Command::new("env");
        // Whatever started the tests may ignore signals.
        command.args(["--default-signal", "setsid"]).args(words);
        command.current_dir(self.folder.path()).env("TMPDIR", self.path("tmp"));
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("FLOWRUNS_")) {
            command.env_remove(name);
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// The command as a shell starts it.
    pub(crate) fn bare(&self, command: &[&str]) -> Command {
        let mut bare = self.program(&["sh", "-c", r#"exec "$0" "$@""#]);
        bare.args(command);
        bare
    }

    /// The runs of the flow, the newest first, with all properties.
    pub(crate) async fn runs(&self) -> Vec<Value> {
        let mut page = self.client().get(&format!("{FLOWS}/{}/runs", self.flow)).await;
        assert_eq!(page.status, 200, "{}", page.text);
        let mut runs = Vec::new();
        for row in page.json["value"].as_array_mut().unwrap() {
            runs.push(self.run(row["id"].as_str().unwrap()).await);
        }
        runs
    }

    pub(crate) async fn run(&self, id: &str) -> Value {
        let run = self.client().get(&self.run_path(id)).await;
        assert_eq!(run.status, 200, "{}", run.text);
        run.json
    }

    pub(crate) fn run_path(&self, id: &str) -> String {
        format!("{FLOWS}/{}/runs/{id}", self.flow)
    }

    /// The only run of the flow.
    pub(crate) async fn only_run(&self) -> Value {
        let mut runs = self.runs().await;
        assert_eq!(runs.len(), 1, "{runs:#?}");
        runs.remove(0)
    }

    /// Writes an executable file. The path of it.
    pub(crate) fn file(&self, name: &str, text: &str, mode: u32) -> String {
        use std::os::unix::fs::PermissionsExt as _;
        let path = self.path(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        path.to_str().unwrap().to_owned()
    }
}

/// How a process ended, and what it wrote.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) signal: Option<i32>,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: Vec<u8>,
}

impl Ended {
    /// What the command wrote to standard error: all but the lines of `exec` itself.
    pub(crate) fn stderr_of_command(&self) -> Vec<u8> {
        self.split_stderr().0
    }

    /// The lines of `exec` itself.
    pub(crate) fn said(&self) -> String {
        String::from_utf8_lossy(&self.split_stderr().1).into_owned()
    }

    /// A process that the command left behind may write after `exec`, and the command may have left a line without an end.
    fn split_stderr(&self) -> (Vec<u8>, Vec<u8>) {
        const OWN: &[u8] = b"flowruns: ";
        let (mut of_command, mut own, mut rest) = (Vec::new(), Vec::new(), self.stderr.as_slice());
        while let Some(start) = rest.windows(OWN.len()).position(|window| window == OWN) {
            let (before, line) = rest.split_at(start);
            let end = line.iter().position(|byte| *byte == b'\n').map_or(line.len(), |end| end + 1);
            of_command.extend(before);
            own.extend(&line[..end]);
            rest = &line[end..];
        }
        of_command.extend(rest);
        (of_command, own)
    }

    pub(crate) fn stdout_text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }
}

/// Runs a command to its end, with this standard input, and reads its output until all processes have closed it.
pub(crate) async fn run(command: Command, input: &[u8]) -> Ended {
    let input = input.to_owned();
    spawn_blocking(move || run_blocking(command, input)).await.unwrap()
}

fn run_blocking(mut command: Command, input: Vec<u8>) -> Ended {
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let writer = thread::spawn(move || {
        // A command need not read it.
        let _unread = stdin.write_all(&input);
    });
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    let status = output.status;
    Ended {
        code: status.code(),
        signal: status.signal(),
        stdout: output.stdout,
        stderr: output.stderr,
    }
}

/// Fills the spool, without using the disk.
pub(crate) fn fill(spool: &Path) {
    use std::os::unix::fs::DirBuilderExt as _;
    fs::DirBuilder::new().mode(0o700).create(spool).unwrap();
    fs::File::create(spool.join("something-else")).unwrap().set_len(64 * 1024 * 1024).unwrap();
}
