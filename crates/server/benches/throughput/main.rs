//! The whole system against pgbench on the same PostgreSQL, in one rotation: reports, creations, reads and lists, each beside
//! the same work of pgbench.
//!
//! `cargo bench -p flowruns-server --bench throughput -- [--quick] [--runs 100000] [--clients 8,64] [--only patch,hot]`

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a measurement prints what it found"
)]

mod rotation;
#[path = "../support/mod.rs"]
#[expect(dead_code, reason = "the other measurements use the rest")]
mod support;
mod table;

use std::{collections::HashMap, path::PathBuf, time::Duration};

use clap::Parser;
use support::{
    dataset::Dataset,
    fixture::Fixture,
    kind::{Kind, Load},
    postgres::{Postgres, Setting},
    print_machine,
    slice::{Slice, Timing},
};

const MIB: u64 = 1024 * 1024;
const WARM_UP: Duration = Duration::from_secs(1);

/// Measures flowruns against pgbench, and prints the tables that docs/performance.md describes.
#[derive(Parser)]
struct Arguments {
    /// How many runs are loaded; a measurement for each.
    #[arg(long, value_delimiter = ',', default_values_t = [100_000])]
    runs: Vec<u64>,
    /// In how many flows they are.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..))]
    flows: u64,
    /// Numbers of concurrent clients; a rotation for each.
    #[arg(long, value_delimiter = ',', default_values_t = [1, 8, 32, 64, 256])]
    clients: Vec<usize>,
    /// How often each load runs in a rotation.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..))]
    rounds: u64,
    /// Seconds for which each load is measured, after a warm-up of one.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..))]
    seconds: u64,
    /// Seconds of reports that fill the cache of the service, before each load that is measured with a full cache.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..))]
    cache_seconds: u64,
    /// Only these loads, and the work of pgbench that they are compared with.
    #[arg(long, value_delimiter = ',')]
    only: Vec<Kind>,
    /// Everything with the defaults: about half an hour.
    #[arg(long)]
    full: bool,
    /// About four minutes: few runs, two numbers of clients, two short rounds.
    #[arg(long, conflicts_with_all = ["runs", "clients", "rounds", "seconds", "cache_seconds"])]
    quick: bool,
    /// A setting of PostgreSQL instead of its default, as name=value.
    #[arg(long)]
    set: Vec<Setting>,
    /// A file for the log of the service.
    #[arg(long)]
    service_log: Option<PathBuf>,
    /// The argument that cargo adds.
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> anyhow::Result<()> {
    if support::has_no_arguments() {
        println!(
            "`cargo bench -p flowruns-server --bench throughput -- --full` measures the whole system"
        );
        return Ok(());
    }
    let mut arguments = Arguments::parse();
    if arguments.quick {
        arguments.runs = vec![20_000];
        arguments.clients = vec![8, 64];
        (arguments.rounds, arguments.seconds, arguments.cache_seconds) = (2, 2, 2);
    }
    let most = arguments.clients.iter().copied().max().unwrap_or(1);
    let postgres = Postgres::start(most, &arguments.set)?;
    print_machine("throughput", &postgres.version()?);
    for &runs in &arguments.runs {
        let dataset = Dataset::new(runs, arguments.flows);
        measure(&postgres, &arguments, dataset)?;
    }
    Ok(())
}

/// The slices of each load at each number of clients, in the order of their rounds.
type Slices = HashMap<(usize, Load), Vec<Slice>>;

fn measure(postgres: &Postgres, arguments: &Arguments, dataset: Dataset) -> anyhow::Result<()> {
    eprintln!("loading {} runs", dataset.runs);
    let (name, log) = (format!("runs_{}", dataset.runs), arguments.service_log.as_deref());
    let mut fixture = Fixture::open(postgres, &name, dataset, "", log)?.with_baseline()?;
    let kinds = rotation::kinds(&arguments.only);
    let loads = rotation::loads(&kinds);
    let mut slices = Slices::new();
    for &clients in &arguments.clients {
        for round in 1..=arguments.rounds {
            for &load in &loads {
                let slice = measure_load(&mut fixture, arguments, load, clients)?;
                let (title, rate) = (load.title(), slice.rate());
                eprintln!("{clients} clients, round {round}: {title} {rate:.0}/s");
                slices.entry((clients, load)).or_default().push(slice);
            }
        }
    }
    println!("\n### {} runs\n", dataset.runs);
    table::print_ratios(&arguments.clients, &kinds, &slices);
    table::print_figures(&arguments.clients, &loads, &slices);
    let memory = fixture.service.memory();
    println!(
        "\nResident memory of the service: {} MiB at the end, {} MiB at most. \
         History: {} entries committed, as many as were acknowledged.",
        memory.resident / MIB,
        memory.peak / MIB,
        fixture.counted
    );
    Ok(())
}

fn measure_load(
    fixture: &mut Fixture<'_>,
    arguments: &Arguments,
    load: Load,
    clients: usize,
) -> anyhow::Result<Slice> {
    if let Load::Service(kind) = load
        && kind.is_warm()
    {
        // The other loads may have replaced what the cache holds.
        fixture.fill_cache(kind, Duration::from_secs(arguments.cache_seconds))?;
    }
    let measured = Duration::from_secs(arguments.seconds);
    fixture.measure(load, clients, Timing { warm_up: WARM_UP, measured })
}
