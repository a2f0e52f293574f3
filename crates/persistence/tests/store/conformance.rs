//! The conformance suite on PostgreSQL, each case in its own database: with the default cache of runs, and with one that is too small
//! for two runs.

use std::sync::Arc;

use flowruns_domain::store::Store;
use flowruns_testing::scratch::ScratchDatabase;

async fn store() -> Arc<dyn Store> {
    Arc::new(ScratchDatabase::create().await.store().await)
}

flowruns_testing::conformance_suite!(store().await);

mod small_cache {
    use super::*;

    async fn store() -> Arc<dyn Store> {
        Arc::new(ScratchDatabase::create().await.store_with_cache(1024).await)
    }

    flowruns_testing::conformance_suite!(store().await);
}
