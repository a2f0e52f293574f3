//! The database: that of DATABASE_URL, or an embedded PostgreSQL in the data folder.

use std::{path::Path, sync::Arc};

use anyhow::Context as _;
use flowruns_domain::clock::{Clock as _, SystemClock};
use flowruns_embedded::{Cluster, ClusterError, ClusterOptions, Install, RunningCluster};
use flowruns_persistence::{ConnectOptions, migrate};
use sqlx::{ConnectOptions as _, PgConnection, postgres::PgConnectOptions};

use crate::{
    config::{InstallSetting, Settings, StorageSettings},
    database_url,
};

const DATABASE: &str = "flowruns";
const OWNER: &str = "flowruns_owner";
const SERVICE: &str = "flowruns_service";
const READER: &str = "flowruns_reader";
/// Connections for other commands, in addition to those of the service.
const EXTRA_CONNECTIONS: u64 = 10;

/// How to connect to the database.
pub(crate) struct Database {
    /// With the role that may change the schema.
    pub(crate) owner: PgConnectOptions,
    /// With the role of the service.
    pub(crate) service: PgConnectOptions,
    /// The embedded PostgreSQL, if it was started here.
    pub(crate) cluster: Option<Arc<Cluster>>,
}

impl Database {
    /// Uses the database of DATABASE_URL, or starts the embedded one.
    pub(crate) async fn open(settings: &StorageSettings) -> anyhow::Result<Self> {
        match &settings.database_url {
            Some(url) => {
                let options = database_url::parse(url)?;
                Ok(Self { owner: options.clone(), service: options, cluster: None })
            }
            None => Self::start(settings).await,
        }
    }

    /// As [`Database::open`], or uses the embedded database that a running server has started: for commands that may run while
    /// a server runs.
    pub(crate) async fn open_or_join(settings: &StorageSettings) -> anyhow::Result<Self> {
        let error = match Self::open(settings).await {
            Ok(database) => return Ok(database),
            Err(error) => error,
        };
        let Some(ClusterError::InUse { folder, .. }) = error.downcast_ref() else {
            return Err(error);
        };
        match RunningCluster::find(folder)? {
            Some(running) => {
                tracing::info!(folder = %folder.display(), "using the embedded PostgreSQL of the running server");
                Ok(Self::at(running.socket_folder(), running.port(), None))
            }
            None => Err(error),
        }
    }

    async fn start(settings: &StorageSettings) -> anyhow::Result<Self> {
        let mut options = ClusterOptions::new(&settings.data_dir);
        options.binaries.clone_from(&settings.embedded.binaries);
        options.install = match settings.embedded.install {
            InstallSetting::Auto => Install::Auto,
            InstallSetting::Never => Install::Never,
        };
        options.max_connections =
            u16::try_from(settings.database.connections() + EXTRA_CONNECTIONS)?;
        let started = tokio::task::spawn_blocking(move || Cluster::start(options)).await?;
        let cluster = Arc::new(started.context("the embedded PostgreSQL did not start")?);
        let superuser =
            role(cluster.socket_folder(), cluster.port(), Cluster::SUPERUSER, "postgres");
        prepare(&superuser).await.context("the embedded database cannot be prepared")?;
        tracing::info!(folder = %cluster.folder().display(), "the embedded PostgreSQL has started");
        Ok(Self::at(cluster.socket_folder(), cluster.port(), Some(Arc::clone(&cluster))))
    }

    fn at(socket_folder: &Path, port: u16, cluster: Option<Arc<Cluster>>) -> Self {
        Self {
            owner: role(socket_folder, port, OWNER, DATABASE),
            service: role(socket_folder, port, SERVICE, DATABASE),
            cluster,
        }
    }

    /// Applies the pending migrations and grants the roles their rights. Only for the embedded database.
    pub(crate) async fn migrate(&self) -> anyhow::Result<()> {
        migrate::up(&self.owner, SystemClock.now())
            .await
            .context("the embedded database cannot be migrated")?;
        migrate::grant(&self.owner).await.context("the rights of the roles cannot be granted")
    }

    /// The options with which the store connects.
    pub(crate) fn connect_options(&self, settings: &Settings) -> anyhow::Result<ConnectOptions> {
        let database = &settings.database;
        Ok(ConnectOptions {
            max_connections: u32::try_from(database.max_connections)?,
            acquire_timeout: database.acquire_timeout_ms.duration(),
            statement_timeout: database.statement_timeout_ms.duration(),
            writers: usize::try_from(database.writers)?,
            writer_queue: usize::try_from(database.writer_queue)?,
            writer_queue_bytes: usize::try_from(database.writer_queue_bytes)?,
            run_cache_bytes: usize::try_from(database.run_cache_bytes)?,
            ..ConnectOptions::new(self.service.clone())
        })
    }

    /// Stops the embedded PostgreSQL if it was started here.
    pub(crate) async fn stop(&self) -> anyhow::Result<()> {
        if let Some(cluster) = self.cluster.clone() {
            tokio::task::spawn_blocking(move || cluster.stop())
                .await?
                .context("the embedded PostgreSQL did not stop")?;
        }
        Ok(())
    }
}

fn role(socket_folder: &Path, port: u16, role: &str, database: &str) -> PgConnectOptions {
    let socket = PgConnectOptions::new_without_pgpass().socket(socket_folder).port(port);
    socket.username(role).database(database)
}

/// Creates the roles that production has, and a database that belongs to the owner role, if they do not exist.
async fn prepare(superuser: &PgConnectOptions) -> anyhow::Result<()> {
    let mut connection = superuser.connect().await?;
    for role in [OWNER, SERVICE, READER] {
        let role_exists = "SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1)";
        if !exists(&mut connection, role_exists, role).await? {
            execute(&mut connection, format!("CREATE ROLE {role} LOGIN")).await?;
        }
    }
    let database_exists = "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)";
    if !exists(&mut connection, database_exists, DATABASE).await? {
        execute(&mut connection, format!("CREATE DATABASE {DATABASE} OWNER {OWNER}")).await?;
    }
    Ok(())
}

async fn exists(
    connection: &mut PgConnection,
    query: &'static str,
    name: &str,
) -> sqlx::Result<bool> {
    sqlx::query_scalar(query).bind(name).fetch_one(connection).await
}

/// Executes a statement that consists of constants of this file.
async fn execute(connection: &mut PgConnection, statement: String) -> sqlx::Result<()> {
    sqlx::raw_sql(sqlx::AssertSqlSafe(statement)).execute(connection).await.map(drop)
}
