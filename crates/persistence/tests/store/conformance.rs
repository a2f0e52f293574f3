//! The conformance suite on PostgreSQL, each case in its own database.

use std::sync::Arc;

use flowruns_domain::store::Store;
use flowruns_testing::scratch::ScratchDatabase;

async fn store() -> Arc<dyn Store> {
    Arc::new(ScratchDatabase::create().await.store().await)
}

flowruns_testing::conformance_suite!(store().await);
