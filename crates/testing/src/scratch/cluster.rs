//! The server.

use std::{path::Path, sync::OnceLock, thread};

use flowruns_embedded::{Cluster, ClusterOptions};
use sqlx::{AssertSqlSafe, Connection, PgConnection, postgres::PgConnectOptions, raw_sql};

use super::{folder, statement_log, template};

/// A PostgreSQL server with the roles of production and a migrated template database. Its data do not survive a crash.
#[derive(Debug)]
pub struct ScratchCluster {
    cluster: Cluster,
}

impl ScratchCluster {
    /// Owns the schema, as in production.
    pub const OWNER: &'static str = "flowruns_owner";
    /// Reads and writes rows, as in production.
    pub const SERVICE: &'static str = "flowruns_service";
    /// Reads rows, as in production.
    pub const READER: &'static str = "flowruns_reader";

    /// The server of this process; the first call starts it, which takes a few seconds.
    ///
    /// # Panics
    ///
    /// When it cannot be started or migrated.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<ScratchCluster> = OnceLock::new();
        // A new thread, because the caller may be in a runtime, in which no other runtime can be entered.
        let start = || thread::spawn(Self::start).join().expect("the server starts");
        SHARED.get_or_init(start)
    }

    fn start() -> Self {
        folder::remove_abandoned();
        let mut options = ClusterOptions::new(folder::own());
        options.durable = false;
        options.max_connections = 300;
        options.settings = vec![
            // The service requires it; without fsync it costs nothing.
            ("synchronous_commit".to_owned(), "on".to_owned()),
            ("log_line_prefix".to_owned(), statement_log::LINE_PREFIX.to_owned()),
        ];
        let cluster = Cluster::start(options).expect("the server starts");
        let shared = Self { cluster };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.expect("a runtime can be built");
        runtime.block_on(template::create(&shared));
        shared
    }

    /// The options with which this role connects to this database.
    pub fn options(&self, database: &str, role: &str) -> PgConnectOptions {
        PgConnectOptions::new_without_pgpass()
            .socket(self.cluster.socket_folder())
            .port(self.cluster.port())
            .username(role)
            .database(database)
    }

    /// The file that the server writes its log to.
    pub(super) fn log_file(&self) -> &Path {
        self.cluster.log_file()
    }

    /// Runs statements as the superuser.
    pub(super) async fn administer(&self, statements: String) {
        let options = self.options("postgres", Cluster::SUPERUSER);
        let connected = PgConnection::connect_with(&options).await;
        let mut connection = connected.expect("the server accepts a connection");
        let done = raw_sql(AssertSqlSafe(statements)).execute(&mut connection).await;
        done.expect("the superuser may do this");
        connection.close().await.expect("the connection closes");
    }
}
