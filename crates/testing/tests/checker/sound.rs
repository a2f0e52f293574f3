//! Stores that keep their promises.

use std::sync::Arc;

use flowruns_domain::Store;
use flowruns_testing::MemoryStore;

use crate::scene::{checked, flow, plan, target};

#[tokio::test(flavor = "multi_thread")]
async fn the_memory_store_passes() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
    let key = flow(&store).await;
    let (record, checked) = checked(&[target(store, key)], &plan()).await;
    let summary = checked.unwrap();
    assert_eq!(record.operations.len(), 8 * 150);
    assert!(
        summary.changed > 300 && summary.refused.len() > 8,
        "{summary}"
    );
    assert_eq!(summary.unknown, 0);
}
