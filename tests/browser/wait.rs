//! Waiting for what a page does.

use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::time::sleep;

use crate::webdriver::Session;

/// Between two looks at the page.
const POLL: Duration = Duration::from_millis(20);
/// Longer than a page needs for anything, also on a loaded machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

impl Session {
    /// Waits until this expression of JavaScript is true in the page; how long that took.
    pub(crate) async fn wait_for(&self, expression: &str) -> Duration {
        self.wait_at_most(PATIENCE, expression).await
    }

    /// The same, and fails after this time.
    pub(crate) async fn wait_at_most(&self, deadline: Duration, expression: &str) -> Duration {
        let begun = Instant::now();
        let script = format!("return Boolean({expression})");
        while self.run(&script).await != Value::Bool(true) {
            if begun.elapsed() >= deadline {
                let location = self.location().await;
                let text = self.run("return document.body.innerText.slice(0, 2000)").await;
                panic!("not within {deadline:?}: {expression}\nat {location}\n{text}");
            }
            sleep(POLL).await;
        }
        begun.elapsed()
    }
}
