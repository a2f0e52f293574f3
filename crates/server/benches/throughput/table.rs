//! The tables, in Markdown.

use crate::{
    Slices,
    rotation::baseline,
    support::{
        kind::Kind,
        slice::{Slice, Spread},
    },
};

/// Each load as a ratio to pgbench in the same round, by rate and by CPU: median (least to greatest).
pub(crate) fn print_ratios(clients: &[usize], kinds: &[Kind], slices: &Slices) {
    print_ratio("rate", Slice::rate, clients, kinds, slices);
    println!("\nThe same for each second of CPU that client, service and database used:\n");
    print_ratio("rate for CPU", Slice::rate_for_cpu, clients, kinds, slices);
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
    for &kind in kinds.iter().filter(|&&kind| kind != baseline(kind)) {
        let cells = clients.iter().map(|&clients| {
            let of = |kind| slices.get(&(clients, kind)).map_or(&[][..], Vec::as_slice);
            // Round by round, since the machine may be slower at one time than at another.
            let pairs = of(kind).iter().zip(of(baseline(kind)));
            let ratios = pairs.map(|(slice, baseline)| figure(slice) / figure(baseline));
            let Spread { min, median, max } = Spread::of(ratios);
            format!(" {median:.2} ({min:.2}–{max:.2}) |")
        });
        println!("| {} |{}", kind.title(), cells.collect::<String>());
    }
}

/// The figures behind the ratios: medians of the rounds.
pub(crate) fn print_figures(clients: &[usize], kinds: &[Kind], slices: &Slices) {
    println!(
        "\n| clients | load | a second | p50 ms | p99 ms | CPU ms for 1000: service | database | client | WAL KiB for each | failed |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|");
    for &clients in clients {
        for &kind in kinds {
            let slices = slices.get(&(clients, kind)).map_or(&[][..], Vec::as_slice);
            print_row(clients, kind, slices);
        }
    }
}

fn print_row(clients: usize, kind: Kind, slices: &[Slice]) {
    let median = |figure: &dyn Fn(&Slice) -> f64| Spread::of(slices.iter().map(figure)).median;
    let failed: u64 = slices.iter().map(|slice| slice.failed).sum();
    println!(
        "| {clients} | {} | {:.0} | {:.2} | {:.2} | {:.0} | {:.0} | {:.0} | {:.1} | {failed} |",
        kind.title(),
        median(&Slice::rate),
        median(&|slice| slice.quantile(0.5)),
        median(&|slice| slice.quantile(0.99)),
        median(&|slice| slice.cpu_per_1000(|cpu| cpu.service)),
        median(&|slice| slice.cpu_per_1000(|cpu| cpu.database)),
        median(&|slice| slice.cpu_per_1000(|cpu| cpu.client)),
        median(&Slice::wal_kib),
    );
}
