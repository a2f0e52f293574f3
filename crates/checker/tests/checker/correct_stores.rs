//! Stores that keep their guarantees.

use std::sync::Arc;

use flowruns_checker::{Length, LoadPlan, StoreTarget, Target};
use flowruns_domain::{clock::TimeOrderedIds, service::Environment, store::Store};
use flowruns_testing::{FixedClock, MemoryStore, fixtures::time, scratch::ScratchDatabase};

use crate::{
    fixture::{checked, flow, plan, target},
    lossy_target::LossyTarget,
};

#[tokio::test(flavor = "multi_thread")]
async fn the_memory_store_passes() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
    let key = flow(&store).await;
    let (record, checked) = checked(&[target(store, key)], &plan()).await;
    let summary = checked.unwrap();
    assert_eq!(record.operations.len(), 8 * 150);
    assert!(summary.changed > 300 && summary.rejected.len() > 8, "{summary}");
    for rejection in ["409 runAlreadyEnded", "409 conflictingOutcome"] {
        assert!(summary.rejected.contains_key(rejection), "{summary}");
    }
    assert_eq!(summary.unknown, 0);
}

/// The sizes of the cache of runs: of the default; too small for more than a few runs; none.
const CACHE_SIZES: [usize; 3] = [32 * 1024 * 1024, 4 * 1024, 0];

#[tokio::test(flavor = "multi_thread")]
async fn one_store_on_postgres_passes_with_a_cache_of_any_size() {
    for size in CACHE_SIZES {
        let database = ScratchDatabase::create().await;
        let store: Arc<dyn Store> = Arc::new(database.store_with_cache(size).await);
        let key = flow(&store).await;
        let shorter = LoadPlan { length: Length::Operations(80), ..plan() };
        let (_, checked) = checked(&[target(store, key)], &shorter).await;
        assert!(checked.unwrap().changed > 150);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_stores_on_one_database_that_share_a_hot_run_pass_with_a_cache_of_any_size() {
    for size in CACHE_SIZES {
        let database = ScratchDatabase::create().await;
        let first: Arc<dyn Store> = Arc::new(database.store_with_cache(size).await);
        let key = flow(&first).await;
        let second = Arc::new(database.store_with_cache(size).await);
        let targets = [target(first, key), target(second, key)];
        let shared = LoadPlan { hot_runs: 1, length: Length::Operations(80), seed: 8, ..plan() };
        let (_, checked) = checked(&targets, &shared).await;
        assert!(checked.unwrap().changed > 150);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_whose_clocks_are_a_day_apart_pass() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
    let key = flow(&store).await;
    let at = |now| -> Arc<dyn Target> {
        let environment = Environment {
            store: Arc::clone(&store),
            clock: Arc::new(FixedClock::at(time(now))),
            ids: Arc::new(TimeOrderedIds),
        };
        Arc::new(StoreTarget::new(environment, key))
    };
    let targets = [at("2026-03-02T08:00:00Z"), at("2026-03-01T08:00:00Z")];
    checked(&targets, &plan()).await.1.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn lost_responses_and_late_reports_break_no_guarantee() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
    let key = flow(&store).await;
    let targets: [Arc<dyn Target>; 2] =
        [Arc::new(LossyTarget::new(target(Arc::clone(&store), key))), target(store, key)];
    let (_, checked) = checked(&targets, &plan()).await;
    let summary = checked.unwrap();
    assert!(summary.unknown > 10 && summary.repeated > 10, "{summary}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_load_reports_its_progress_and_can_be_stopped() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
    let key = flow(&store).await;
    let plan = LoadPlan { length: Length::UntilStopped, ..plan() };
    let (stop, mut acknowledged) = (plan.stop.clone(), plan.acknowledged.subscribe());
    let load = tokio::spawn(async move { checked(&[target(store, key)], &plan).await });
    acknowledged.wait_for(|count| *count >= 100).await.unwrap();
    stop.cancel();
    let summary = load.await.unwrap().1.unwrap();
    assert!(summary.changed + summary.unchanged >= 100);
}
