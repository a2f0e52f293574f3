//! The service under measurement: `flowruns serve` with its default configuration.

use std::{env, path::Path};

use flowruns_testing::harness::{Binary, ServerBuilder, ServerProcess};

use super::postgres::{Database, SERVICE_ROLE};

const FLOWRUNS: Binary = Binary::new(env!("CARGO_BIN_EXE_flowruns"));

/// Starts it on a database. `RUST_LOG` and `FLOWRUNS_…` of the environment reach it, except the folder and the address.
pub(crate) fn start(database: &Database<'_>, log: Option<&Path>) -> ServerProcess {
    builder(database).log(log.unwrap_or(Path::new("/dev/null"))).start()
}

/// How it is started.
pub(crate) fn builder(database: &Database<'_>) -> ServerBuilder {
    let (name, postgres) = (&database.name, database.postgres);
    let socket = postgres.socket().display();
    let url = format!("postgres://{SERVICE_ROLE}@localhost/{name}?host={socket}");
    FLOWRUNS
        .server()
        .data_folder(&postgres.folder().join(format!("service_{name}")))
        // The defaults of the service, not those of the tests.
        .env_remove("FLOWRUNS_ADMIN__LISTEN")
        .env_remove("RUST_LOG")
        .envs(env::vars().filter(|(name, _)| is_passed_on(name)))
        .env("DATABASE_URL", url)
}

fn is_passed_on(name: &str) -> bool {
    let is_own = ["FLOWRUNS_DATA_DIR", "FLOWRUNS_HTTP__LISTEN"].contains(&name);
    name == "RUST_LOG" || name.starts_with("FLOWRUNS_") && !is_own
}
