//! The tables, in Markdown.

use crate::{
    Slices,
    rotation::baseline,
    support::{
        kind::Kind,
        slice::{Slice, Spread},
    },
};

/// Each load's rate as a ratio to that of pgbench in the same round: median (least to greatest).
pub(crate) fn print_ratios(clients: &[usize], kinds: &[Kind], slices: &Slices) {
    let heads = clients.iter().map(|clients| format!(" {clients} |"));
    println!(
        "| rate as a ratio to pgbench, clients: |{}",
        heads.collect::<String>()
    );
    println!("|---|{}", "---|".repeat(clients.len()));
    for &kind in kinds.iter().filter(|&&kind| kind != baseline(kind)) {
        let cells = clients.iter().map(|&clients| {
            let of = |kind| slices.get(&(clients, kind)).map_or(&[][..], Vec::as_slice);
            let Spread { min, median, max } = ratios(of(kind), of(baseline(kind)));
            format!(" {median:.2} ({min:.2}–{max:.2}) |")
        });
        println!("| {} |{}", kind.title(), cells.collect::<String>());
    }
}

/// Round by round, since the machine may be slower at one time than at another.
fn ratios(slices: &[Slice], baseline: &[Slice]) -> Spread {
    let pairs = slices.iter().zip(baseline);
    Spread::of(pairs.map(|(slice, baseline)| slice.rate() / baseline.rate()))
}

/// The figures behind the ratios: medians of the rounds.
pub(crate) fn print_figures(clients: &[usize], kinds: &[Kind], slices: &Slices) {
    println!(
        "\n| clients | load | a second | p50 ms | p99 ms | CPU ms for 1000: service | database | client | failed |"
    );
    println!("|---|---|---|---|---|---|---|---|---|");
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
        "| {clients} | {} | {:.0} | {:.2} | {:.2} | {:.0} | {:.0} | {:.0} | {failed} |",
        kind.title(),
        median(&Slice::rate),
        median(&|slice| slice.quantile(0.5)),
        median(&|slice| slice.quantile(0.99)),
        median(&|slice| slice.cpu_per_1000(|cpu| cpu.service)),
        median(&|slice| slice.cpu_per_1000(|cpu| cpu.database)),
        median(&|slice| slice.cpu_per_1000(|cpu| cpu.client)),
    );
}
