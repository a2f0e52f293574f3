//! The instructions that the service executes for one request, counted by valgrind (callgrind), against a budget for each kind
//! of request. Unlike times they hardly depend on the machine and on what else runs on it.
//!
//! `cargo bench -p flowruns-server --bench instructions -- --all`

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a measurement prints what it found"
)]

mod callgrind;
mod clients;
#[path = "../support/mod.rs"]
#[expect(dead_code, reason = "the other measurements use the rest")]
mod support;

use anyhow::ensure;
use clap::Parser;
use support::{
    dataset::Dataset,
    kind::Kind,
    loading,
    postgres::{Postgres, Setting},
    print_machine,
    request::Requests,
    service,
};

use crate::{callgrind::Callgrind, clients::Clients};

/// Requests whose instructions are counted, after a quarter as many that are not.
const REQUESTS: usize = 2560;
const RUNS: u64 = 2_000;
const FLOWS: u64 = 20;

/// Kinds of request, numbers of concurrent clients, and the budget for one request in thousands of instructions: what was
/// measured when it was set, and a twentieth more.
const BUDGETS: [(Kind, usize, u64); 7] = [
    (Kind::Patch, 8, 166),
    (Kind::Patch, 64, 165),
    (Kind::Hot, 8, 133),
    (Kind::Hot, 64, 123),
    (Kind::Post, 8, 198),
    (Kind::Get, 8, 138),
    (Kind::List, 8, 1223),
];

/// Counts the instructions of the service for one request, and fails if a kind of request needs more than its budget.
#[derive(Parser)]
struct Arguments {
    /// All kinds of request: about two minutes.
    #[arg(long)]
    all: bool,
    /// Only these kinds.
    #[arg(long, value_delimiter = ',')]
    only: Vec<Kind>,
    /// A setting of PostgreSQL instead of its default, as name=value.
    #[arg(long)]
    set: Vec<Setting>,
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
    let postgres = Postgres::start(64, &arguments.set)?;
    print_machine("instructions", &postgres.version()?);
    println!("\n| load | clients | thousand instructions a request | budget |\n|---|---|---|---|");
    let is_wanted = |kind: Kind| arguments.only.is_empty() || arguments.only.contains(&kind);
    let mut exceeded = Vec::new();
    for (number, (kind, clients, budget)) in BUDGETS.into_iter().enumerate() {
        if !is_wanted(kind) {
            continue;
        }
        let counted = count(&postgres, number, kind, clients)?;
        println!("| {} | {clients} | {counted} | {budget} |", kind.title());
        if counted > budget {
            exceeded.push(format!("{} with {clients} clients", kind.title()));
        }
    }
    ensure!(exceeded.is_empty(), "more than the budget: {}", exceeded.join(", "));
    Ok(())
}

/// The instructions for one request, in thousands, on a database and a service of its own.
fn count(postgres: &Postgres, number: usize, kind: Kind, clients: usize) -> anyhow::Result<u64> {
    let mut database = postgres.create(&format!("load_{number}"))?;
    let dataset = Dataset::new(RUNS, FLOWS);
    loading::load(&mut database, dataset)?;
    let folder = tempfile::tempdir()?;
    let callgrind = Callgrind::new(folder.path());
    let service = service::builder(&database).log(&folder.path().join("service.log"));
    let mut service = service.run_under(callgrind.command()).start();
    let address = service.address();
    let mut requests = Requests::new(dataset, &service);
    let mut clients = Clients::connect(clients, address)?;
    let rounds = REQUESTS / clients.count();
    clients.send(kind, rounds / 4, &mut requests)?;
    callgrind.begin(service.pid())?;
    clients.send(kind, rounds, &mut requests)?;
    callgrind.end(service.pid())?;
    ensure!(service.stop().success(), "the service failed");
    Ok(callgrind.counted()? / (rounds * clients.count()) as u64 / 1000)
}
