//! The pages, requested through their router on a store in memory, with a fixed clock and a gate that knows its visitors.

#![expect(clippy::expect_used, reason = "a failure of a test's own steps is a failed test")]

mod end;
mod export;
mod flow;
mod flow_runs;
mod habit;
mod harness;
mod live;
mod many_flows;
mod overview;
mod policy;
mod problem;
mod recording;
mod report;
mod run;
mod run_history;
mod runs;
mod search;
mod source;
mod statements;
mod timeline;
