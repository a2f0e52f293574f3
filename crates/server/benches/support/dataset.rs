//! The rows: their ids can be computed from a number, also by pgbench.

use std::{fmt::Write as _, ops::RangeInclusive};

use serde_json::{Map, Value};
use uuid::Uuid;

/// The tenant of `flowruns token`.
pub(crate) const TENANT: Uuid = Uuid::from_u128(0xf10a_0000_0000_4000_8000_0000_0000_0001);
/// The milliseconds of the first id of version 7; in hex they have eleven digits.
pub(crate) const FIRST_MILLISECOND: u64 = 0x190_0000_0000;
/// What follows the milliseconds in the ids of flows, and of runs.
pub(crate) const FLOW_TAIL: &str = "70008000000000000001";
pub(crate) const RUN_TAIL: &str = "70008000000000000002";
/// The first number that a report sends; numbers below 10^8 have equally many digits, and none is used twice.
pub(crate) const FIRST_REPORTED: u64 = 10_000_001;

/// The statistics of every run when it is loaded, and when it is created by POST: 400 bytes.
const STATISTICS: &str = include_str!("../../../domain/benches/statistics.json");

/// The number of rows: run number n belongs to flow n modulo `flows`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Dataset {
    pub(crate) runs: u64,
    pub(crate) flows: u64,
    /// How many of the newest runs are reported on and read.
    pub(crate) in_use: u64,
}

impl Dataset {
    /// All runs are in use.
    pub(crate) const fn new(runs: u64, flows: u64) -> Self {
        Self { runs, flows, in_use: runs }
    }

    /// The numbers of the runs that are in use.
    pub(crate) const fn numbers_in_use(self) -> RangeInclusive<u64> {
        self.runs.saturating_sub(self.in_use) + 1..=self.runs
    }

    /// The flow of a run.
    pub(crate) const fn flow_of(self, run: u64) -> u64 {
        run % self.flows
    }
}

/// The id of a flow, from 0.
pub(crate) fn flow_id(number: u64) -> Uuid {
    id(number, FLOW_TAIL)
}

/// The id of a run, from 1.
pub(crate) fn run_id(number: u64) -> Uuid {
    id(number, RUN_TAIL)
}

fn id(number: u64, tail: &str) -> Uuid {
    let hex = format!("0{:x}{tail}", FIRST_MILLISECOND + number);
    Uuid::try_parse(&hex).unwrap_or_default()
}

/// The statistics of a new run as compact JSON.
pub(crate) fn statistics() -> &'static str {
    STATISTICS.trim_end()
}

/// The changes of a creation before and after its start time, as the history holds them.
pub(crate) fn creation(name: &str) -> anyhow::Result<(String, String)> {
    let head = format!(
        "[{},{{\"property\":\"startDateTime\",\"before\":null,\"after\":\"",
        change("displayName", "null", &format!("\"{name}\""))
    );
    let mut tail = format!("\"}},{}", change("status", "null", "\"running\""));
    for (name, value) in serde_json::from_str::<Map<String, Value>>(STATISTICS)? {
        let path = format!("statistics/{name}");
        write!(tail, ",{}", change(&path, "null", &value.to_string()))?;
    }
    tail.push(']');
    Ok((head, tail))
}

/// What a report changes: two counters and the name of a file.
pub(crate) fn report(number: u64) -> String {
    format!(
        "{{\"statistics\":{{\"rowsRead\":{number},\"rowsWritten\":{number},\"lastFile\":\"part-{number}.parquet\"}}}}"
    )
}

/// The changes of a report, as the history holds them.
pub(crate) fn report_changes(before: u64, after: u64) -> String {
    let file = |number| format!("\"part-{number}.parquet\"");
    let (from, to) = (before.to_string(), after.to_string());
    format!(
        "[{},{},{}]",
        change("statistics/lastFile", &file(before), &file(after)),
        change("statistics/rowsRead", &from, &to),
        change("statistics/rowsWritten", &from, &to)
    )
}

fn change(property: &str, before: &str, after: &str) -> String {
    format!("{{\"property\":\"{property}\",\"before\":{before},\"after\":{after}}}")
}
