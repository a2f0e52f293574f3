//! The instructions that the service and PostgreSQL's backends execute for one request, counted by valgrind (callgrind), against
//! budgets for each kind of request. Unlike times they hardly depend on the machine and on what else runs on it.
//!
//! `cargo bench -p flowruns-server --bench instructions -- --all`

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a measurement prints what it found"
)]

mod backends;
mod callgrind;
mod clients;
#[path = "../support/mod.rs"]
#[expect(dead_code, reason = "the other measurements use the rest")]
mod support;

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::ensure;
use clap::Parser;
use flowruns_testing::harness::ServerProcess;
use support::{
    dataset::Dataset,
    kind::Kind,
    loading,
    postgres::{Postgres, Setting},
    print_machine,
    request::Requests,
    service,
};

use crate::{backends::BackendCounter, callgrind::Callgrind, clients::Clients};

/// Requests whose instructions are counted, after a quarter as many that are not.
const REQUESTS: usize = 2560;
const DATASET: Dataset = Dataset::new(2_000, 20);

/// For a service on PostgreSQL under callgrind, which takes seconds to open a session. Its pool is as small as it can be, so that
/// all connections are open when counting begins.
const ON_SLOW_DATABASE: [(&str, &str); 4] = [
    ("FLOWRUNS_DATABASE__MAX_CONNECTIONS", "2"),
    ("FLOWRUNS_DATABASE__ACQUIRE_TIMEOUT_MS", "60000"),
    ("FLOWRUNS_DATABASE__STATEMENT_TIMEOUT_MS", "60000"),
    ("FLOWRUNS_HTTP__REQUEST_TIMEOUT_MS", "120000"),
];

/// A kind of request, the number of concurrent clients, and the most that one request may cost, in thousands of instructions:
/// the most that was measured when the budget was set, and a twentieth more.
#[derive(Clone, Copy)]
struct Budget {
    kind: Kind,
    clients: usize,
    service: u64,
    database: u64,
}

const fn budget(kind: Kind, clients: usize, service: u64, database: u64) -> Budget {
    Budget { kind, clients, service, database }
}

const BUDGETS: [Budget; 7] = [
    budget(Kind::Patch, 8, 117, 189),
    budget(Kind::Patch, 64, 118, 114),
    budget(Kind::Hot, 8, 101, 128),
    budget(Kind::Hot, 64, 98, 64),
    budget(Kind::Post, 8, 176, 392),
    budget(Kind::Get, 8, 86, 74),
    budget(Kind::List, 8, 428, 407),
];

/// Counts the instructions for one request, and fails if a kind of request needs more than its budget.
#[derive(Parser)]
struct Arguments {
    /// All kinds of request: about four minutes.
    #[arg(long)]
    all: bool,
    /// Only these kinds.
    #[arg(long, value_delimiter = ',')]
    only: Vec<Kind>,
    /// A setting of PostgreSQL instead of its default, as name=value.
    #[arg(long)]
    set: Vec<Setting>,
    /// Keeps what the service executed for each kind of request in this folder, for `callgrind_annotate`.
    #[arg(long)]
    profiles: Option<PathBuf>,
    /// The argument that cargo adds.
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> anyhow::Result<()> {
    if support::has_no_arguments() {
        println!(
            "`cargo bench -p flowruns-server --bench instructions -- --all` counts the instructions of a request"
        );
        return Ok(());
    }
    let arguments = Arguments::parse();
    Callgrind::check_installed()?;
    if let Some(profiles) = &arguments.profiles {
        fs::create_dir_all(profiles)?;
    }
    let postgres = Postgres::start(64, &arguments.set)?;
    print_machine("instructions", &postgres.version()?);
    let is_wanted = |kind: Kind| arguments.only.is_empty() || arguments.only.contains(&kind);
    let budgets: Vec<_> = BUDGETS.into_iter().filter(|budget| is_wanted(budget.kind)).collect();
    let mut in_service = Vec::with_capacity(budgets.len());
    for budget in &budgets {
        in_service.push(count_in_service(&postgres, *budget, arguments.profiles.as_deref())?);
    }
    let counter = BackendCounter::new()?;
    let postgres = postgres.restart_under(&counter.tool())?;
    println!("\nThousand instructions for a request:\n");
    println!(
        "| load | clients | service | budget | database | budget |\n|---|---|---|---|---|---|"
    );
    let mut exceeded = Vec::new();
    for (budget, service) in budgets.iter().zip(in_service) {
        let database = count_in_database(&postgres, &counter, *budget)?;
        exceeded.extend(budget.print(service, database));
    }
    ensure!(exceeded.is_empty(), "more than the budget: {}", exceeded.join(", "));
    Ok(())
}

impl Budget {
    /// Prints a row, and returns what exceeds the budget.
    fn print(self, service: u64, database: u64) -> Vec<String> {
        let Self { kind, clients, .. } = self;
        let title = kind.title();
        println!(
            "| {title} | {clients} | {service} | {} | {database} | {} |",
            self.service, self.database
        );
        let counted = [("service", service, self.service), ("database", database, self.database)];
        let exceeded = counted.into_iter().filter(|(_, counted, most)| counted > most);
        exceeded.map(|(side, ..)| format!("{side}: {title} with {clients} clients")).collect()
    }

    /// The name of its database.
    fn database_name(self) -> String {
        let name = format!("{:?}_{}", self.kind, self.clients);
        name.to_lowercase()
    }
}

/// The instructions of the service for one request, in thousands, on a new database. The result of callgrind is kept in the folder
/// of profiles.
fn count_in_service(
    postgres: &Postgres,
    budget: Budget,
    profiles: Option<&Path>,
) -> anyhow::Result<u64> {
    let mut database = postgres.create(&budget.database_name())?;
    loading::load(&mut database, DATASET)?;
    let folder = tempfile::tempdir()?;
    let callgrind = Callgrind::new(folder.path());
    let service = service::builder(&database).log(&folder.path().join("service.log"));
    let mut service = service.run_under(callgrind.command()).start();
    let mut load = Load::new(budget, &service)?;
    load.send(REQUESTS / 4)?;
    callgrind.begin(service.pid())?;
    load.send(REQUESTS)?;
    callgrind.end(service.pid())?;
    ensure!(service.stop().success(), "the service failed");
    if let Some(profiles) = profiles {
        let name = format!("{}.callgrind", budget.database_name());
        fs::copy(callgrind.output(), profiles.join(name))?;
    }
    Ok(for_one(callgrind.counted()?))
}

/// The instructions of PostgreSQL's backends for one request, in thousands, on the database that the service was counted on.
fn count_in_database(
    postgres: &Postgres,
    counter: &BackendCounter,
    budget: Budget,
) -> anyhow::Result<u64> {
    let mut database = postgres.connect(&budget.database_name())?;
    let mut service =
        service::builder(&database).log(Path::new("/dev/null")).envs(ON_SLOW_DATABASE).start();
    let mut load = Load::new(budget, &service)?;
    load.send(REQUESTS / 4)?;
    let backends = counter.begin(&mut database, sessions_of(budget.kind))?;
    load.send(REQUESTS)?;
    let counted = counter.end(&mut database, backends)?;
    ensure!(service.stop().success(), "the service failed");
    Ok(for_one(counted))
}

/// The name of the sessions that carry out a kind of request. Those of the pool also do what happens in the background.
const fn sessions_of(kind: Kind) -> &'static str {
    match kind.action() {
        Some(_) => "flowruns writer",
        None => "flowruns",
    }
}

const fn for_one(counted: u64) -> u64 {
    counted / REQUESTS as u64 / 1000
}

/// The clients of a kind of request.
struct Load {
    kind: Kind,
    clients: Clients,
    requests: Requests,
}

impl Load {
    fn new(budget: Budget, service: &ServerProcess) -> anyhow::Result<Self> {
        let Budget { kind, clients, .. } = budget;
        let clients = Clients::connect(clients, service.address())?;
        Ok(Self { kind, clients, requests: Requests::new(DATASET, service) })
    }

    /// Sends this number of requests, one for each client at a time.
    fn send(&mut self, requests: usize) -> anyhow::Result<()> {
        self.clients.send(self.kind, requests / self.clients.count(), &mut self.requests)
    }
}
