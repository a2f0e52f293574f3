//! A flow in a store, and a load on it.

use std::sync::Arc;

use flowruns_checker::{
    Guarantee, Length, LoadPlan, Record, StoreTarget, Stored, Summary, Target, Violation, check,
    run_load,
};
use flowruns_domain::{
    clock::{SystemClock, TimeOrderedIds},
    id::FlowKey,
    service::Environment,
    store::Store,
};
use flowruns_testing::fixtures;

pub(crate) fn plan() -> LoadPlan {
    LoadPlan {
        clients: 8,
        runs: 5,
        hot_runs: 2,
        length: Length::Operations(150),
        seed: 7,
        ..LoadPlan::default()
    }
}

/// A new flow of this store.
pub(crate) async fn flow(store: &Arc<dyn Store>) -> FlowKey {
    let flow = fixtures::fresh_flow(fixtures::fresh_tenant());
    store.create_flow(flow.clone()).await.unwrap();
    flow.key
}

pub(crate) fn target(store: Arc<dyn Store>, flow: FlowKey) -> Arc<dyn Target> {
    let environment =
        Environment { store, clock: Arc::new(SystemClock), ids: Arc::new(TimeOrderedIds) };
    Arc::new(StoreTarget::new(environment, flow))
}

/// Runs the load on these targets, and checks it through the first.
pub(crate) async fn checked(
    targets: &[Arc<dyn Target>],
    plan: &LoadPlan,
) -> (Record, Result<Summary, Vec<Violation>>) {
    let record = run_load(targets, plan).await.unwrap();
    let stored = Stored::read(&*targets[0], &record).await.unwrap();
    let checked = check(&record, &stored);
    (record, checked)
}

/// The guarantees that a store broke, each once.
pub(crate) async fn broken_by(store: Arc<dyn Store>, seed: u64) -> Vec<Guarantee> {
    let key = flow(&store).await;
    let plan = LoadPlan { seed, ..plan() };
    let (_, checked) = checked(&[target(store, key)], &plan).await;
    let violations = checked.err().unwrap_or_default();
    let mut guarantees: Vec<_> = violations.iter().map(|found| found.guarantee).collect();
    guarantees.sort_unstable();
    guarantees.dedup();
    guarantees
}
