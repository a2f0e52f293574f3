//! The service under measurement: `flowruns serve` with its default configuration, in a process of its own.

use std::{
    fs::File,
    io::{BufRead as _, BufReader},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use anyhow::Context as _;

use super::postgres::{Database, SERVICE_ROLE};

/// A process that ends with this value.
pub(crate) struct Service {
    child: Child,
    pub(crate) address: SocketAddr,
    pub(crate) token: String,
}

impl Service {
    /// Starts it on a database. FLOWRUNS_… of the environment reach it, save the folder and the address.
    pub(crate) fn start(database: &Database<'_>, log: Option<&Path>) -> anyhow::Result<Self> {
        let folder = database
            .postgres
            .folder()
            .join(format!("service_{}", database.name));
        let socket = database.postgres.socket().display();
        let url = format!(
            "postgres://{SERVICE_ROLE}@localhost/{}?host={socket}",
            database.name
        );
        let log = match log {
            Some(path) => Stdio::from(File::options().append(true).create(true).open(path)?),
            None => Stdio::null(),
        };
        let mut child = flowruns(&folder)
            .env("DATABASE_URL", url)
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()?;
        let stdout = child.stdout.take();
        // From here on it is ended whatever happens.
        let mut service = Self {
            child,
            address: ([127, 0, 0, 1], 0).into(),
            token: token(&folder)?,
        };
        let mut line = String::new();
        BufReader::new(stdout.context("no stdout")?).read_line(&mut line)?;
        let address = line.trim().strip_prefix("flowruns serves on http://");
        let address = address.context("the service did not start; --service-log keeps its log")?;
        service.address = address.parse()?;
        Ok(service)
    }

    /// Its process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // It may have ended already.
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}

fn token(folder: &PathBuf) -> anyhow::Result<String> {
    let output = flowruns(folder).args(["token", "--ttl", "12h"]).output()?;
    let token = String::from_utf8(output.stdout)?;
    anyhow::ensure!(output.status.success(), "flowruns token failed");
    Ok(token.trim().to_owned())
}

fn flowruns(folder: &PathBuf) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_flowruns"));
    command
        .env("FLOWRUNS_DATA_DIR", folder)
        .env("FLOWRUNS_HTTP__LISTEN", "127.0.0.1:0");
    command
}
