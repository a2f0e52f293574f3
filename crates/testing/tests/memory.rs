//! The suite on the store in memory.

use std::sync::Arc;

use flowruns_testing::MemoryStore;

flowruns_testing::conformance_suite!(Arc::new(MemoryStore::default()));

/// As a team that wants one test runs it: on a store that holds other rows.
#[tokio::test]
async fn all_cases_pass_one_after_the_other_on_one_store() {
    let store = Arc::new(MemoryStore::default());
    flowruns_testing::conformance::run_all(store.clone()).await;
    flowruns_testing::conformance::run_all(store).await;
}
