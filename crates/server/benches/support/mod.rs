//! What the measurements of the whole system share: a PostgreSQL, a service on it, and two kinds of load.

pub(crate) mod client;
pub(crate) mod dataset;
pub(crate) mod fixture;
pub(crate) mod history;
pub(crate) mod interrupt;
pub(crate) mod kind;
pub(crate) mod loading;
pub(crate) mod pgbench;
pub(crate) mod postgres;
pub(crate) mod process;
pub(crate) mod request;
pub(crate) mod service;
pub(crate) mod slice;

/// Prints the command of this measurement, and the machine.
pub(crate) fn print_machine(bench: &str, postgres: &str) {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let arguments: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    println!("`cargo bench -p flowruns-server --bench {bench} -- {}`\n", arguments.join(" "));
    println!(
        "{cores} processors, PostgreSQL {postgres}; clients, service and database on one machine."
    );
}

/// Whether there is no argument but that of cargo: a plain `cargo bench` does not run these measurements, which take long.
pub(crate) fn has_no_arguments() -> bool {
    std::env::args().skip(1).all(|argument| argument == "--bench")
}
