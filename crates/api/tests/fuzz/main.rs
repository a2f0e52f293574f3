//! Nothing that a client can send makes the routes panic or answer 5xx, and what is acknowledged is there.
//!
//! Texts of every grammar are broken byte by byte and sent through the routes on a store in memory. A panic in there is a
//! 500, so each property finds both. `PROPTEST_CASES=1000000 cargo test --release -p flowruns-api --test fuzz` goes on for long.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on shall fail")]

mod app;
mod batches;
mod bodies;
mod broken;
mod heads;
mod paths;
mod queries;
mod tokens;
