//! The cost of growth: the same loads on a small and on a large database, in one rotation. On the large database first all its
//! runs are in use, then as many of the newest as the small database has.
//!
//! `cargo bench -p flowruns-server --bench growth -- [--runs 10000000] [--flows 1000] [--set shared_buffers=4GB]`

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a measurement prints what it found"
)]

mod storage;
#[path = "../support/mod.rs"]
#[expect(dead_code, reason = "the other measurements use the rest")]
mod support;

use std::{path::PathBuf, time::Duration};

use clap::{Parser, value_parser};
use support::{
    dataset::Dataset,
    fixture::Fixture,
    kind::{Kind, Load},
    postgres::{Postgres, Setting},
    print_machine,
    slice::{Slice, Spread, Timing},
};

const WARM_UP: Duration = Duration::from_secs(1);
const LOADS: [Load; 4] = [
    Load::Pgbench(Kind::Patch),
    Load::Service(Kind::Patch),
    Load::Service(Kind::Get),
    Load::Service(Kind::List),
];

/// Measures what growth costs.
#[derive(Parser)]
struct Arguments {
    /// Everything with the defaults: about twenty minutes, and 30 GB of disk meanwhile.
    #[arg(long)]
    full: bool,
    /// How many runs the large database has.
    #[arg(long, default_value_t = 10_000_000)]
    runs: u64,
    /// In how many flows they are.
    #[arg(long, default_value_t = 1000, value_parser = value_parser!(u64).range(1..))]
    flows: u64,
    /// How many runs the small database has.
    #[arg(long, default_value_t = 100_000)]
    small_runs: u64,
    /// In how many flows they are.
    #[arg(long, default_value_t = 100, value_parser = value_parser!(u64).range(1..))]
    small_flows: u64,
    /// The number of concurrent clients.
    #[arg(long, default_value_t = 64)]
    clients: usize,
    /// How often each load runs on each database.
    #[arg(long, default_value_t = 3, value_parser = value_parser!(u64).range(1..))]
    rounds: u64,
    /// Seconds for which each load is measured, after a warm-up of one.
    #[arg(long, default_value_t = 5, value_parser = value_parser!(u64).range(1..))]
    seconds: u64,
    /// Only these loads.
    #[arg(long, value_delimiter = ',')]
    only: Vec<Kind>,
    /// The fillfactor of the table of runs, instead of that of the migrations.
    #[arg(long, value_parser = value_parser!(u8).range(10..=100))]
    fillfactor: Option<u8>,
    /// A setting of PostgreSQL instead of its default, as name=value.
    #[arg(long)]
    set: Vec<Setting>,
    /// A file for the log of the services.
    #[arg(long)]
    service_log: Option<PathBuf>,
    /// The argument that cargo adds.
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> anyhow::Result<()> {
    if support::has_no_arguments() {
        println!(
            "`cargo bench -p flowruns-server --bench growth -- --full` measures what growth costs"
        );
        return Ok(());
    }
    let arguments = Arguments::parse();
    let postgres = Postgres::start(arguments.clients, &arguments.set)?;
    print_machine("growth", &postgres.version()?);
    let small = Dataset::new(arguments.small_runs, arguments.small_flows);
    let large = Dataset::new(arguments.runs, arguments.flows);
    let mut small = open(&postgres, "small", small, &arguments)?;
    let mut large = open(&postgres, "large", large, &arguments)?;
    println!(
        "\n| {} clients | load | a second | p50 ms | p99 ms | CPU ms for 1000: service | database | WAL KiB for each |",
        arguments.clients
    );
    println!("|---|---|---|---|---|---|---|---|");
    let is_wanted =
        |load: &Load| arguments.only.is_empty() || arguments.only.contains(&load.kind());
    for load in LOADS.into_iter().filter(is_wanted) {
        compare(load, &arguments, &mut small, &mut large)?;
    }
    for fixture in [&mut small, &mut large] {
        storage::print(fixture)?;
        let peak = fixture.service.memory().peak / (1024 * 1024);
        println!(
            "\nResident memory of its service: {} MiB at most. History: {} entries committed, as many as were \
             acknowledged.",
            peak, fixture.counted
        );
    }
    Ok(())
}

fn open<'a>(
    postgres: &'a Postgres,
    name: &str,
    dataset: Dataset,
    arguments: &Arguments,
) -> anyhow::Result<Fixture<'a>> {
    eprintln!("loading {} runs", dataset.runs);
    let fillfactor = arguments.fillfactor;
    let prepare =
        fillfactor.map(|percent| format!("ALTER TABLE runs SET (fillfactor = {percent})"));
    Fixture::open(
        postgres,
        name,
        dataset,
        &prepare.unwrap_or_default(),
        arguments.service_log.as_deref(),
    )
}

fn compare(
    load: Load,
    arguments: &Arguments,
    small: &mut Fixture<'_>,
    large: &mut Fixture<'_>,
) -> anyhow::Result<()> {
    let timing = Timing { warm_up: WARM_UP, measured: Duration::from_secs(arguments.seconds) };
    let (mut smalls, mut larges, mut newests) = (Vec::new(), Vec::new(), Vec::new());
    let (small_runs, runs) = (small.requests.dataset.runs, large.requests.dataset.runs);
    for round in 1..=arguments.rounds {
        smalls.push(small.measure(load, arguments.clients, timing)?);
        larges.push(large.measure(load, arguments.clients, timing)?);
        large.requests.dataset.in_use = small_runs.min(runs);
        newests.push(large.measure(load, arguments.clients, timing)?);
        large.requests.dataset.in_use = runs;
        eprintln!("{}: round {round} of {}", load.title(), arguments.rounds);
    }
    print_row(&format!("{small_runs} runs"), load, &smalls);
    print_row(&format!("{runs} runs"), load, &larges);
    print_ratio(&larges, &smalls);
    let newest = format!("{runs} runs, the newest {small_runs} in use");
    print_row(&newest, load, &newests);
    print_ratio(&newests, &smalls);
    Ok(())
}

fn print_ratio(larges: &[Slice], smalls: &[Slice]) {
    let spread = |figure: fn(&Slice) -> f64| {
        let pairs = larges.iter().zip(smalls);
        Spread::of(pairs.map(|(large, small)| figure(large) / figure(small)))
    };
    let Spread { min, median, max } = spread(Slice::rate);
    println!(
        "| | **ratio** | **{median:.2}** ({min:.2}–{max:.2}) | | for CPU: | **{:.2}** | | |",
        spread(Slice::rate_for_cpu).median
    );
}

fn print_row(what: &str, load: Load, slices: &[Slice]) {
    let median = |figure: &dyn Fn(&Slice) -> f64| Spread::of(slices.iter().map(figure)).median;
    println!(
        "| {what} | {} | {:.0} | {:.2} | {:.2} | {:.0} | {:.0} | {:.1} |",
        load.title(),
        median(&Slice::rate),
        median(&|slice| slice.quantile(0.5)),
        median(&|slice| slice.quantile(0.99)),
        median(&|slice| slice.cpu_per_1000(|cpu| cpu.service)),
        median(&|slice| slice.cpu_per_1000(|cpu| cpu.database)),
        median(&Slice::wal_kib),
    );
}
