//! Bytes that no client should send: none makes the server panic, hang, respond with 5xx, or lose what it acknowledged.
//!
//! `FLOWRUNS_FUZZ_SECONDS=600 cargo test --release -p flowruns-server --test fuzz -- --nocapture` sends cases for
//! that time. The test prints its seed, and with a failure the bytes; `FLOWRUNS_FUZZ_SEED` sets another seed, or the same again.

#![expect(clippy::unwrap_used, reason = "a test that cannot continue must fail")]

mod drive;
mod generator;
mod mutate;
mod server;

use std::sync::{Arc, atomic::Ordering};

use flowruns_testing::harness::Binary;

use crate::{
    drive::{Limits, drive},
    generator::CaseKind,
    server::Server,
};

pub(crate) const FLOWRUNS: Binary = Binary::new(env!("CARGO_BIN_EXE_flowruns"));

/// The time-out in milliseconds after which a silent connection is closed.
const STEP_TIMEOUT: u32 = 1000;

/// A request may announce a body that never comes: only that is 503, at its deadline.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn broken_bytes_cause_no_failure() {
    let server = Arc::new(Server::start(STEP_TIMEOUT, 5000));
    let (known, target) = (Arc::new(server.run().await), Arc::new(server.run().await));
    let tally = drive(&server, [&known, &target], Limits::new(1000), CaseKind::Bytes).await;
    assert!(tally.rejections.load(Ordering::Relaxed) > 0);
    Arc::into_inner(server).unwrap().stop_unharmed(&[&known]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn broken_requests_have_one_response_and_the_history_is_what_was_acknowledged() {
    let server = Arc::new(Server::start(STEP_TIMEOUT, 30_000));
    let (known, target) = (Arc::new(server.run().await), Arc::new(server.run().await));
    let tally = drive(&server, [&known, &target], Limits::new(3000), CaseKind::Requests).await;
    let [successes, rejections] =
        [&tally.successes, &tally.rejections].map(|n| n.load(Ordering::Relaxed));
    assert!(successes > 100 && rejections > 100, "{tally:?}");
    let server = Arc::into_inner(server).unwrap();
    server.stop_unharmed(&[&known, &target]).await;
}
