//! Where the tests run commands: a server that they share, and for each a tenant, a folder and a spool of its own.

use std::{
    env,
    ffi::OsStr,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{Arc, Mutex, Weak},
};

use flowruns_testing::{
    fixtures::fresh_tenant,
    harness::{ApiClient, ServerProcess},
};
use serde_json::Value;
use tempfile::TempDir;

use crate::{FLOWRUNS, FLOWRUNS_PATH};

/// What a command printed, and its exit code; negative when a signal ended it.
#[derive(Debug)]
pub(crate) struct Printed {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// A tenant, its token, and folders.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) server: Arc<ServerProcess>,
    pub(crate) token: String,
    pub(crate) folder: TempDir,
}

/// The server of the tests that run at this moment.
fn server() -> Arc<ServerProcess> {
    static SHARED: Mutex<Weak<ServerProcess>> = Mutex::new(Weak::new());
    let mut shared = SHARED.lock().unwrap();
    shared.upgrade().unwrap_or_else(|| {
        let server = Arc::new(FLOWRUNS.server().start());
        *shared = Arc::downgrade(&server);
        server
    })
}

impl Place {
    pub(crate) fn new() -> Self {
        Self::on(server())
    }

    pub(crate) fn on(server: Arc<ServerProcess>) -> Self {
        let token = mint(&server, &["--ttl", "1day"]);
        Self { server, token, folder: tempfile::tempdir().unwrap() }
    }

    /// A client of the API with the token.
    pub(crate) fn client(&self) -> ApiClient {
        self.server.client().with_token(&self.token)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn url(&self) -> String {
        self.server.url("")
    }

    /// A program without the variables of the tests, in the folder of the test.
    pub(crate) fn program(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        for (name, _) in env::vars().filter(|(name, _)| name.starts_with("FLOWRUNS_")) {
            command.env_remove(name);
        }
        let binary = Path::new(FLOWRUNS_PATH).parent().unwrap().display().to_string();
        let path = env::var("PATH").unwrap();
        command
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .env("PATH", format!("{binary}:{path}"))
            .env("FLOWRUNS_SPOOL_DIR", self.path("spool"))
            .env_remove("NO_COLOR");
        command
    }

    /// `flowruns` with these arguments, and with the address of the server and a token.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.program(FLOWRUNS_PATH);
        command.args(arguments).env("FLOWRUNS_URL", self.url()).env("FLOWRUNS_TOKEN", &self.token);
        command
    }

    /// Runs it.
    pub(crate) fn run(&self, arguments: &[&str]) -> Printed {
        printed(&mut self.command(arguments))
    }

    /// Runs it, and fails unless it is done. Returns what it printed, without the last line break.
    pub(crate) fn done(&self, arguments: &[&str]) -> String {
        let Printed { code, out, err } = self.run(arguments);
        assert_eq!((code, &*err), (0, ""), "{arguments:?}: {out}");
        out.trim_end().to_owned()
    }

    /// The same, as JSON.
    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        serde_json::from_str(&self.done(arguments)).unwrap()
    }

    /// A new run of a flow with this name, as FLOW/RUN.
    pub(crate) fn start(&self, flow: &str) -> String {
        self.done(&["report", "start", "--create-flow", "--flow", flow])
    }

    /// Starts a run and ends it.
    pub(crate) fn ended(&self, flow: &str, end: &[&str]) -> String {
        let run = self.start(flow);
        self.done(&[&["report", "end", &*run], end].concat());
        run
    }
}

/// Runs a command to its end.
pub(crate) fn printed(command: &mut Command) -> Printed {
    let output = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Printed {
        code: output.status.code().unwrap_or(-1),
        out: text(output.stdout),
        err: text(output.stderr),
    }
}

/// A token of the server's local key for a new tenant.
pub(crate) fn mint(server: &ServerProcess, options: &[&str]) -> String {
    let mut command = FLOWRUNS.command(server.folder());
    command.args(["token", "--tenant", &fresh_tenant().to_string()]).args(options);
    let Printed { code, out, err } = printed(&mut command);
    assert_eq!(code, 0, "{err}");
    out.trim_end().to_owned()
}
