//! Polls a condition until it holds or a time limit passes.

use std::{
    thread,
    time::{Duration, Instant},
};

const INTERVAL: Duration = Duration::from_millis(10);

/// Checks `condition` every 10 ms for at most `limit`. Returns whether it holds.
pub(crate) fn wait_until(limit: Duration, mut condition: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + limit;
    while !condition() {
        if Instant::now() >= deadline {
            return false;
        }
        thread::sleep(INTERVAL);
    }
    true
}
