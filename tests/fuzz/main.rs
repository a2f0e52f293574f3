//! The server under bytes that no client should send: none makes it panic, hang, answer 5xx, or forget what it acknowledged.
//!
//! `FLOWRUNS_FUZZ_SECONDS=600 cargo test --release -p flowruns-server --test fuzz -- --nocapture` goes on for so long. The
//! seed is printed, and with a failure the bytes; `FLOWRUNS_FUZZ_SEED` draws others, or the same again.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on shall fail")]

mod draw;
mod drive;
mod mutate;
#[path = "../process/program.rs"]
mod program;
mod site;
#[path = "../process/token.rs"]
mod token;
mod wire;

use std::sync::{Arc, atomic::Ordering};

use crate::{
    draw::Kind,
    drive::{Bounds, drive},
    site::Site,
};

/// A connection that says nothing more is closed after so long, in milliseconds.
const HEADER_TIMEOUT: u32 = 1000;

/// What comes of them may wait for a body that never ends: that alone is 503, when its time is over.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn broken_bytes_do_no_harm() {
    let site = Arc::new(Site::start(HEADER_TIMEOUT, 5000));
    let (known, target) = (Arc::new(site.run().await), Arc::new(site.run().await));
    let tally = drive(&site, [&known, &target], Bounds::new(1000), Kind::Bytes).await;
    assert!(tally.refusals.load(Ordering::Relaxed) > 0);
    Arc::into_inner(site).unwrap().end_unharmed(&[&known]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn broken_requests_are_answered_once_and_the_history_is_what_was_acknowledged() {
    let site = Arc::new(Site::start(HEADER_TIMEOUT, 30_000));
    let (known, target) = (Arc::new(site.run().await), Arc::new(site.run().await));
    let tally = drive(&site, [&known, &target], Bounds::new(3000), Kind::Requests).await;
    let [successes, refusals] =
        [&tally.successes, &tally.refusals].map(|n| n.load(Ordering::Relaxed));
    assert!(successes > 100 && refusals > 100, "{tally:?}");
    let site = Arc::into_inner(site).unwrap();
    site.end_unharmed(&[&known, &target]).await;
}
