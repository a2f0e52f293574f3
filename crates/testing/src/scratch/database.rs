//! One database.

use std::{
    path::Path,
    sync::atomic::{AtomicU64, Ordering},
};

use flowruns_embedded::Cluster;
use flowruns_persistence::{ConnectOptions, PostgresStore};
use sqlx::postgres::PgConnectOptions;

use super::{ScratchCluster, StatementLog, template};

/// A new, migrated, empty database. It is removed with the server.
#[derive(Debug)]
pub struct ScratchDatabase {
    cluster: &'static ScratchCluster,
    name: String,
}

impl ScratchDatabase {
    /// Copies the template.
    ///
    /// # Panics
    ///
    /// When the server cannot be started, or does not create the database.
    pub async fn create() -> Self {
        static CREATED: AtomicU64 = AtomicU64::new(0);
        let cluster = ScratchCluster::shared();
        let name = format!("scratch_{}", CREATED.fetch_add(1, Ordering::Relaxed));
        let (template, owner) = (template::NAME, ScratchCluster::OWNER);
        let create = format!("CREATE DATABASE {name} TEMPLATE {template} OWNER {owner}");
        cluster.administer(create).await;
        Self { cluster, name }
    }

    /// The name of the database.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Connects as the owner of the schema.
    pub fn owner(&self) -> PgConnectOptions {
        self.cluster.options(&self.name, ScratchCluster::OWNER)
    }

    /// Connects as the service, with the rights that it has in production.
    pub fn service(&self) -> PgConnectOptions {
        self.cluster.options(&self.name, ScratchCluster::SERVICE)
    }

    /// `DATABASE_URL` of a server that connects as the service.
    pub fn service_url(&self) -> String {
        let options = self.service();
        let socket = options.get_socket().map_or(Path::new(""), |path| path);
        let (role, port) = (options.get_username(), options.get_port());
        format!("postgres://{role}@localhost:{port}/{}?host={}", self.name, socket.display())
    }

    /// Connects as the superuser, for what no role of production may do.
    pub fn superuser(&self) -> PgConnectOptions {
        self.cluster.options(&self.name, Cluster::SUPERUSER)
    }

    /// A store that connects as the service does. Its connections belong to the runtime that called this.
    ///
    /// # Panics
    ///
    /// When it cannot connect.
    pub async fn store(&self) -> PostgresStore {
        self.connect(ConnectOptions::new(self.service())).await
    }

    /// As [`store`](Self::store), with a cache of runs of this size in bytes.
    ///
    /// # Panics
    ///
    /// When it cannot connect.
    pub async fn store_with_cache(&self, run_cache_bytes: usize) -> PostgresStore {
        self.connect(ConnectOptions { run_cache_bytes, ..ConnectOptions::new(self.service()) })
            .await
    }

    async fn connect(&self, options: ConnectOptions) -> PostgresStore {
        PostgresStore::connect(&options).await.expect("the service connects")
    }

    /// The log of the statements of the sessions that begin after this call.
    pub async fn statement_log(&self) -> StatementLog {
        StatementLog::begin(self.cluster, &self.name).await
    }

    /// A store whose reads share one connection, so that none of its statements prepares another one, and the log of the statements
    /// of its sessions.
    ///
    /// # Panics
    ///
    /// When it cannot connect.
    pub async fn logged_store(&self) -> (PostgresStore, StatementLog) {
        let log = self.statement_log().await;
        let options = ConnectOptions { max_connections: 1, ..ConnectOptions::new(self.service()) };
        let connected = PostgresStore::connect(&options).await;
        (connected.expect("the service connects"), log)
    }
}
