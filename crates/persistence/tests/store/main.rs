//! The PostgreSQL store, without HTTP: the conformance suite, the writer and its transactions, lost connections, and the
//! cost of lists.

#![expect(clippy::unwrap_used, reason = "a test whose preparation fails must fail")]

mod abandoned_reads;
mod changed_columns;
mod conformance;
mod durability;
mod fixture;
mod json_columns;
mod listing;
mod locked_rows;
mod plans;
mod prepared_statements;
mod read_only;
mod reconnections;
mod run_cache;
mod stopped_backend;
mod transaction;
mod unknown_outcomes;
mod withholding_proxy;
mod writer;
mod writer_fixture;
