//! Waiting for what nobody announces.

use std::{
    thread,
    time::{Duration, Instant},
};

const INTERVAL: Duration = Duration::from_millis(10);

/// Asks every 10 ms whether it is done, for at most `limit`; answers whether it is.
pub(crate) fn poll(limit: Duration, mut done: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + limit;
    while !done() {
        if Instant::now() >= deadline {
            return false;
        }
        thread::sleep(INTERVAL);
    }
    true
}
