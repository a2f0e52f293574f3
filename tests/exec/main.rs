//! `flowruns exec` beside the bare command, on a real server and on bad ones.
#![expect(clippy::unwrap_used, reason = "a test that cannot continue must fail")]

mod children;
mod clocks;
mod killed;
mod offline;
mod output;
mod place;
mod proxy;
mod reports;
mod signals;
mod table;
mod terminal;
mod timeouts;

use flowruns_testing::harness::Binary;

pub(crate) const FLOWRUNS_PATH: &str = env!("CARGO_BIN_EXE_flowruns");
pub(crate) const FLOWRUNS: Binary = Binary::new(FLOWRUNS_PATH);

/// Waits until a condition is true.
pub(crate) async fn until<T>(what: &str, mut condition: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = std::time::Instant::now() + flowruns_testing::harness::DEADLINE;
    loop {
        if let Some(value) = condition().await {
            return value;
        }
        assert!(std::time::Instant::now() < deadline, "{what}");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}
