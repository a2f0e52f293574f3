//! A PostgreSQL of our own with its default durability, and databases in it.

use std::{
    ffi::OsString,
    fs,
    os::unix::{
        ffi::OsStrExt as _,
        fs::{PermissionsExt as _, symlink},
    },
    path::{Path, PathBuf},
    str::FromStr,
    time::Duration,
};

use anyhow::Context as _;
use flowruns_domain::{
    clock::{Clock as _, SystemClock},
    timestamp::Timestamp,
};
use flowruns_embedded::{Cluster, ClusterOptions};
use flowruns_persistence::migrate;
use sqlx::{AssertSqlSafe, ConnectOptions as _, PgConnection, postgres::PgConnectOptions};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use super::interrupt;

/// The roles of the service, as `flowruns serve` makes them.
const ROLES: &str = "
    CREATE ROLE flowruns_owner LOGIN;
    CREATE ROLE flowruns_service LOGIN;
    CREATE ROLE flowruns_reader LOGIN;";
/// The role of the service, and of pgbench.
pub(crate) const SERVICE_ROLE: &str = "flowruns_service";
/// Connections for everything but pgbench.
const SPARE_CONNECTIONS: u16 = 100;
/// The time between the end of the loaded history and now: the history must not reach into the present month.
const HISTORY_AGE: Duration = Duration::from_secs(32 * 24 * 3600);
/// How much time it spans.
pub(crate) const HISTORY_SPAN: Duration = Duration::from_secs(8 * 24 * 3600);

/// A setting of postgresql.conf, from `name=value`.
#[derive(Clone, Debug)]
pub(crate) struct Setting(String, String);

impl FromStr for Setting {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        let (name, value) = text.split_once('=').context("a setting is written name=value")?;
        Ok(Self(name.to_owned(), value.to_owned()))
    }
}

/// A server in a folder that is removed with it.
pub(crate) struct Postgres {
    // Dropped in this order: the server before its folder.
    cluster: Cluster,
    options: ClusterOptions,
    folder: TempDir,
    runtime: Runtime,
}

impl Postgres {
    /// Starts a server for `clients` clients, with settings of postgresql.conf instead of its defaults.
    pub(crate) fn start(clients: usize, settings: &[Setting]) -> anyhow::Result<Self> {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        interrupt::listen(&runtime)?;
        let folder = tempfile::tempdir()?;
        // The account of the server needs access to it.
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o711))?;
        let mut options = ClusterOptions::new(folder.path());
        options.max_connections = u16::try_from(clients)?.saturating_add(SPARE_CONNECTIONS);
        options.settings =
            settings.iter().map(|Setting(name, value)| (name.clone(), value.clone())).collect();
        let cluster = Cluster::start(options.clone()).context("PostgreSQL did not start")?;
        let postgres = Self { cluster, options, folder, runtime };
        postgres.connect("postgres")?.execute(ROLES)?;
        Ok(postgres)
    }

    /// Restarts the server under a tool: a command that is followed by the program and its arguments. Without autovacuum, whose
    /// work depends on the time.
    pub(crate) fn restart_under(self, tool: &[OsString]) -> anyhow::Result<Self> {
        let Self { cluster, mut options, folder, runtime } = self;
        let program = fs::read_link(format!("/proc/{}/exe", cluster.postmaster_pid()))?;
        drop(cluster);
        options.binaries = Some(write_wrapper(&folder.path().join("wrapper"), tool, &program)?);
        options.settings.push(("autovacuum".to_owned(), "off".to_owned()));
        let cluster = Cluster::start(options.clone()).context("PostgreSQL did not start again")?;
        Ok(Self { cluster, options, folder, runtime })
    }

    /// Makes a database with its migrations and rights.
    pub(crate) fn create(&self, name: &str) -> anyhow::Result<Database<'_>> {
        let mut superuser = self.connect("postgres")?;
        superuser.execute(&format!("CREATE DATABASE {name} OWNER flowruns_owner"))?;
        let owner = self.options("flowruns_owner", name);
        self.runtime.block_on(async {
            migrate::up(&owner, history_start()?).await?;
            migrate::grant(&owner).await?;
            anyhow::Ok(())
        })?;
        self.connect(name)
    }

    /// Connects to a database.
    pub(crate) fn connect(&self, database: &str) -> anyhow::Result<Database<'_>> {
        let options = self.options(Cluster::SUPERUSER, database);
        let connection = self.runtime.block_on(options.connect())?;
        Ok(Database { postgres: self, connection, name: database.to_owned() })
    }

    fn options(&self, role: &str, database: &str) -> PgConnectOptions {
        let socket =
            PgConnectOptions::new_without_pgpass().socket(self.socket()).port(self.cluster.port());
        socket.username(role).database(database)
    }

    /// The folder of its socket.
    pub(crate) fn socket(&self) -> &Path {
        self.cluster.socket_folder()
    }

    /// The number in the name of its socket.
    pub(crate) fn port(&self) -> u16 {
        self.cluster.port()
    }

    /// Its process.
    pub(crate) fn pid(&self) -> u32 {
        self.cluster.postmaster_pid()
    }

    /// A folder that is removed with the server.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Its version in words.
    pub(crate) fn version(&self) -> anyhow::Result<String> {
        self.connect("postgres")?.text("SELECT current_setting('server_version')")
    }
}

/// Makes a folder of programs in which `postgres` is a script that runs `program` under a tool.
fn write_wrapper(folder: &Path, tool: &[OsString], program: &Path) -> anyhow::Result<PathBuf> {
    let executable = || fs::Permissions::from_mode(0o755);
    fs::create_dir(folder)?;
    fs::set_permissions(folder, executable())?;
    let installed = program.parent().context("a program without a folder")?;
    symlink(installed.join("initdb"), folder.join("initdb"))?;
    let mut script = b"#!/bin/sh\nexec".to_vec();
    for argument in tool.iter().map(OsString::as_os_str).chain([program.as_os_str()]) {
        script.extend_from_slice(b" '");
        script.extend_from_slice(argument.as_bytes());
        script.push(b'\'');
    }
    script.extend_from_slice(b" \"$@\"\n");
    let wrapper = folder.join("postgres");
    fs::write(&wrapper, script)?;
    fs::set_permissions(&wrapper, executable())?;
    Ok(folder.to_owned())
}

/// When the first loaded run was created.
pub(crate) fn history_start() -> anyhow::Result<Timestamp> {
    let start = SystemClock.now().date_time() - HISTORY_AGE - HISTORY_SPAN;
    Ok(Timestamp::new(start)?)
}

/// A connection of the superuser. Statements are made of constants and numbers of these measurements.
pub(crate) struct Database<'a> {
    pub(crate) postgres: &'a Postgres,
    pub(crate) name: String,
    connection: PgConnection,
}

impl Database<'_> {
    /// Runs statements.
    pub(crate) fn execute(&mut self, sql: &str) -> anyhow::Result<()> {
        let query = sqlx::raw_sql(AssertSqlSafe(sql.to_owned()));
        self.postgres.runtime.block_on(interrupt::or(async {
            query.execute(&mut self.connection).await?;
            Ok(())
        }))
    }

    /// One text.
    pub(crate) fn text(&mut self, sql: &str) -> anyhow::Result<String> {
        let query = sqlx::query_scalar(AssertSqlSafe(sql.to_owned()));
        self.postgres
            .runtime
            .block_on(interrupt::or(async { Ok(query.fetch_one(&mut self.connection).await?) }))
    }

    /// One number.
    pub(crate) fn number(&mut self, sql: &str) -> anyhow::Result<u64> {
        let text = self.text(&format!("SELECT ({sql})::text"))?;
        text.parse().with_context(|| format!("{text:?} is no number"))
    }

    /// Copies rows in, a chunk of lines at a time until there is none.
    pub(crate) fn copy(
        &mut self,
        statement: &str,
        mut next_chunk: impl FnMut() -> Option<Vec<u8>>,
    ) -> anyhow::Result<u64> {
        let connection = &mut self.connection;
        self.postgres.runtime.block_on(interrupt::or(async {
            let mut copy = connection.copy_in_raw(statement).await?;
            while let Some(chunk) = next_chunk() {
                copy.send(chunk).await?;
            }
            Ok(copy.finish().await?)
        }))
    }
}
