//! The tables, in Markdown.

use crate::{
    Slices,
    support::{
        kind::{Kind, Load},
        slice::{Slice, Spread},
    },
};

/// Each kind of load as a ratio to the same work of pgbench in the same round: median (least–greatest).
pub(crate) fn print_ratios(clients: &[usize], kinds: &[Kind], slices: &Slices) {
    print_ratio("rate", Slice::rate, clients, kinds, slices);
    println!("\nThe same for each second of CPU that client, service and database used:\n");
    print_ratio("rate for CPU", Slice::rate_for_cpu, clients, kinds, slices);
    println!("\nAnd the time within which 99 of 100 responses came:\n");
    print_ratio("p99", |slice| slice.quantile(0.99), clients, kinds, slices);
}

fn print_ratio(
    name: &str,
    figure: fn(&Slice) -> f64,
    clients: &[usize],
    kinds: &[Kind],
    slices: &Slices,
) {
    let heads = clients.iter().map(|clients| format!(" {clients} |"));
    let heads = heads.collect::<String>();
    println!("| {name} as a ratio to pgbench, clients: |{heads}");
    println!("|---|{}", "---|".repeat(clients.len()));
    for &kind in kinds {
        let cells = clients.iter().map(|&clients| {
            let of = |load| slices.get(&(clients, load)).map_or(&[][..], Vec::as_slice);
            // Round by round, since the machine may be slower at one time than at another.
            let pairs = of(Load::Service(kind)).iter().zip(of(kind.baseline()));
            let ratios = pairs.map(|(slice, baseline)| figure(slice) / figure(baseline));
            let Spread { min, median, max } = Spread::of(ratios);
            format!(" {median:.2} ({min:.2}–{max:.2}) |")
        });
        println!("| {} |{}", kind.title(), cells.collect::<String>());
    }
}

/// The figures behind the ratios: medians of the rounds.
pub(crate) fn print_figures(clients: &[usize], loads: &[Load], slices: &Slices) {
    println!(
        "\n| clients | load | a second | p50 ms | p99 ms | CPU ms for 1000: service | database | client | WAL KiB for each | failed |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|");
    for &clients in clients {
        for &load in loads {
            let slices = slices.get(&(clients, load)).map_or(&[][..], Vec::as_slice);
            print_row(clients, load, slices);
        }
    }
}

fn print_row(clients: usize, load: Load, slices: &[Slice]) {
    let median = |figure: &dyn Fn(&Slice) -> f64| Spread::of(slices.iter().map(figure)).median;
    let failed: u64 = slices.iter().map(|slice| slice.failed).sum();
    println!(
        "| {clients} | {} | {:.0} | {:.2} | {:.2} | {:.0} | {:.0} | {:.0} | {:.1} | {failed} |",
        load.title(),
        median(&Slice::rate),
        median(&|slice| slice.quantile(0.5)),
        median(&|slice| slice.quantile(0.99)),
        median(&|slice| slice.cpu_per_1000(|cpu| cpu.service)),
        median(&|slice| slice.cpu_per_1000(|cpu| cpu.database)),
        median(&|slice| slice.cpu_per_1000(|cpu| cpu.client)),
        median(&Slice::wal_kib),
    );
}
