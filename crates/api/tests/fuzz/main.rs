//! Nothing that a client can send makes the routes panic or respond with 5xx, and every acknowledged change is stored.
//!
//! Texts of every grammar are broken byte by byte and sent through the routes on a store in memory. A panic in there is a
//! 500, so each property finds both. `PROPTEST_CASES=1000000 cargo test --release -p flowruns-api --test fuzz` runs for a long time.

#![expect(clippy::unwrap_used, reason = "a test that cannot continue must fail")]

mod app;
mod batches;
mod bodies;
mod broken;
mod heads;
mod paths;
mod queries;
mod tokens;
