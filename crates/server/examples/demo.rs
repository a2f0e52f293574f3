//! Fills the database of a running server with a demo: fourteen flows and their history.
//!
//! `cargo run -p flowruns-server --example demo` while `flowruns serve` runs. It writes to the embedded database in `./data`, or to
//! that of `DATABASE_URL`, for the tenant of `flowruns token` and `flowruns open`.

#![expect(clippy::print_stdout, reason = "an example prints its results")]

use std::{env, sync::Arc};

use flowruns_domain::clock::{Clock as _, SystemClock};
use flowruns_persistence::{ConnectOptions, PostgresStore};
use flowruns_testing::demo;

/// The tenant of `flowruns token`.
const TENANT: &str = "f10a0000-0000-4000-8000-000000000001";

#[tokio::main]
async fn main() -> Result<(), demo::DemoError> {
    let socket = env::current_dir()?.join("data/run");
    let embedded =
        format!("postgres://flowruns_service@localhost/flowruns?host={}", socket.display());
    let url = env::var("DATABASE_URL").unwrap_or(embedded);
    let store = PostgresStore::connect(&ConnectOptions::from_url(&url)?).await?;
    let store = Arc::new(store);
    demo::fill(store.clone(), TENANT.parse()?, SystemClock.now()).await?;
    // Writes the reports that wait, then closes the connections.
    store.close().await;
    println!("the demo is written; `flowruns open` prints a link to it");
    Ok(())
}
