//! The database of the servers under test: a PostgreSQL whose crash loses nothing, and what is done to it.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use flowruns_domain::clock::{Clock as _, SystemClock};
use flowruns_embedded::{Cluster, ClusterOptions};
use flowruns_persistence::migrate;
use rustix::process::{Pid, Signal, kill_process};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, postgres::PgConnectOptions, raw_sql};

const NAME: &str = "flowruns";
const OWNER: &str = "flowruns_owner";
const SERVICE: &str = "flowruns_service";
const READER: &str = "flowruns_reader";

/// A migrated database with the roles of production.
pub(crate) struct Database {
    options: ClusterOptions,
    cluster: Option<Cluster>,
}

impl Database {
    /// Starts it in a folder.
    pub(crate) async fn start(options: ClusterOptions) -> Self {
        let mut database = Self { options, cluster: None };
        database.restart().await;
        let mut superuser =
            PgConnection::connect_with(&database.connection(Cluster::SUPERUSER, "postgres"))
                .await
                .unwrap();
        for role in [OWNER, SERVICE, READER] {
            execute(&mut superuser, &format!("CREATE ROLE {role} LOGIN")).await;
        }
        execute(&mut superuser, &format!("CREATE DATABASE {NAME} OWNER {OWNER}")).await;
        let owner = database.connection(OWNER, NAME);
        migrate::up(&owner, SystemClock.now()).await.unwrap();
        migrate::grant(&owner).await.unwrap();
        database
    }

    /// What DATABASE_URL of a server is.
    pub(crate) fn url(&self) -> String {
        self.url_by(self.cluster().socket_folder())
    }

    /// The same by another socket, in this folder.
    pub(crate) fn url_by(&self, folder: &Path) -> String {
        let port = self.cluster().port();
        format!("postgres://{SERVICE}@localhost:{port}/{NAME}?host={}", folder.display())
    }

    pub(crate) fn socket(&self) -> PathBuf {
        let socket = format!(".s.PGSQL.{}", self.cluster().port());
        self.cluster().socket_folder().join(socket)
    }

    /// A session of the superuser.
    pub(crate) async fn admin(&self) -> PgConnection {
        PgConnection::connect_with(&self.connection(Cluster::SUPERUSER, NAME)).await.unwrap()
    }

    /// Sends a signal to every process of PostgreSQL.
    pub(crate) fn signal_all(&self, signal: Signal) {
        let postmaster = self.cluster().postmaster_pid();
        // Stopped it starts no more of them.
        signal_one(postmaster, Signal::STOP);
        let children = children(postmaster);
        signal_one(postmaster, signal);
        for child in children {
            signal_one(child, signal);
        }
    }

    /// Kills only the postmaster; its children end when they see it.
    pub(crate) fn kill_postmaster(&self) {
        signal_one(self.cluster().postmaster_pid(), Signal::KILL);
    }

    pub(crate) fn is_running(&self) -> bool {
        self.cluster().is_running()
    }

    /// Starts it again in the same folder, after the former one has ended.
    pub(crate) async fn restart(&mut self) {
        let former = self.cluster.take();
        let options = self.options.clone();
        let start = move || {
            if let Some(former) = former {
                former.wait_for_exit();
            }
            Cluster::start(options).unwrap()
        };
        self.cluster = Some(tokio::task::spawn_blocking(start).await.unwrap());
    }

    /// Copies its files while it is stopped.
    pub(crate) async fn back_up(&mut self) {
        self.restart_after(|data, backup| {
            let copied = Command::new("cp").arg("-a").args([data, backup]).status();
            assert!(copied.unwrap().success());
        })
        .await;
    }

    /// Replaces its files by the backup while it is stopped.
    pub(crate) async fn restore(&mut self) {
        self.restart_after(|data, backup| {
            fs::remove_dir_all(data).unwrap();
            fs::rename(backup, data).unwrap();
        })
        .await;
    }

    /// Stops it, changes its files or those of the backup, and starts it again at the same address.
    async fn restart_after(&mut self, change: impl FnOnce(&Path, &Path) + Send + 'static) {
        let former = self.cluster.take().unwrap();
        let options = self.options.clone();
        let restart = move || {
            former.stop().unwrap();
            let folder = former.folder().to_owned();
            // Unlocks the folder.
            drop(former);
            change(&folder.join("postgres"), &folder.join("backup"));
            Cluster::start(options).unwrap()
        };
        self.cluster = Some(tokio::task::spawn_blocking(restart).await.unwrap());
    }

    /// Its log.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.cluster().folder().join("postgres.log")).unwrap()
    }

    fn cluster(&self) -> &Cluster {
        self.cluster.as_ref().unwrap()
    }

    fn connection(&self, role: &str, database: &str) -> PgConnectOptions {
        PgConnectOptions::new_without_pgpass()
            .socket(self.cluster().socket_folder())
            .port(self.cluster().port())
            .username(role)
            .database(database)
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        // After a failed test it may be stopped, and would not receive the signal to end.
        if self.cluster.as_ref().is_some_and(Cluster::is_running) {
            self.signal_all(Signal::CONT);
        }
    }
}

/// As in production: what is acknowledged is flushed.
pub(crate) fn durable_in(folder: &Path) -> ClusterOptions {
    ClusterOptions::new(folder)
}

pub(crate) async fn execute(connection: &mut PgConnection, statement: &str) {
    raw_sql(AssertSqlSafe(statement.to_owned())).execute(connection).await.unwrap();
}

/// None when it has ended.
fn children(pid: u32) -> Vec<u32> {
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"));
    let children = children.unwrap_or_default();
    let pids = children.split_whitespace();
    pids.map(|pid| pid.parse().unwrap()).collect()
}

/// A child may have ended since it was listed.
pub(crate) fn signal_one(pid: u32, signal: Signal) {
    let pid = Pid::from_raw(pid.try_into().unwrap()).unwrap();
    let _ended = kill_process(pid, signal);
}
