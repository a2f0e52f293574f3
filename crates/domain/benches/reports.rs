//! The cost of a report without a store: parsing, decision, serialization. Statistics have 400 bytes.

use divan::{AllocProfiler, Bencher, black_box};
use flowruns_domain::{
    clock::{Clock as _, Ids as _, SystemClock, TimeOrderedIds},
    display_name::DisplayName,
    id::{EventId, FlowKey},
    json::{JsonObject, parse_object},
    patch::Field,
    run::{NewRun, ReportOrigin, Run, RunPatch, RunStatus, Statistics},
    version::IfMatch,
};

#[global_allocator]
static ALLOCATOR: AllocProfiler = AllocProfiler::system();

const STATISTICS: &str = include_str!("statistics.json");
const REPORT: &str =
    r#"{"rowsRead":10000001,"rowsWritten":10000001,"lastFile":"part-10000001.parquet"}"#;

fn main() {
    divan::main();
}

#[divan::bench]
fn parse_statistics() -> JsonObject {
    object(black_box(STATISTICS))
}

#[divan::bench]
fn write_statistics(bencher: Bencher) {
    let statistics = object(STATISTICS);
    bencher.bench_local(|| serde_json::to_string(black_box(&statistics)));
}

#[divan::bench]
fn merge_a_report(bencher: Bencher) {
    let (statistics, report) = (Statistics::from_stored(&object(STATISTICS)), object(REPORT));
    bencher.bench_local(|| black_box(&statistics).merged(black_box(&report)));
}

#[divan::bench]
fn decide_a_report(bencher: Bencher) {
    decide(bencher, REPORT);
}

#[divan::bench]
fn decide_a_report_that_changes_nothing(bencher: Bencher) {
    decide(bencher, r#"{"rowsRead":10000000}"#);
}

fn decide(bencher: Bencher<'_, '_>, report: &str) {
    let patch = RunPatch { statistics: Field::Value(object(report)), ..RunPatch::default() };
    let (run, origin) = (run(), origin());
    bencher.bench_local(|| black_box(&run).decide(black_box(&patch), &IfMatch::Absent, &origin));
}

#[expect(clippy::unwrap_used, reason = "a benchmark of a wrong shape must fail")]
fn object(json: &str) -> JsonObject {
    parse_object(json.as_bytes()).unwrap()
}

#[expect(clippy::unwrap_used, reason = "a benchmark of a wrong shape must fail")]
fn origin() -> ReportOrigin {
    let now = SystemClock.now();
    ReportOrigin {
        event: EventId::new(TimeOrderedIds.next(now)).unwrap(),
        actor: "nightly".to_owned(),
        request: TimeOrderedIds.next(now),
        received: now,
    }
}

#[expect(clippy::unwrap_used, reason = "a benchmark of a wrong shape must fail")]
fn run() -> Run {
    let id = || TimeOrderedIds.next(SystemClock.now()).to_string();
    let flow = FlowKey { tenant: id().parse().unwrap(), flow: id().parse().unwrap() };
    let new = NewRun {
        display_name: DisplayName::new("Nightly rosters").unwrap(),
        start: None,
        end: None,
        status: RunStatus::Running,
        blocking_error: None,
        statistics: object(STATISTICS),
    };
    new.create(flow.run(id().parse().unwrap()), &origin()).unwrap().run
}
