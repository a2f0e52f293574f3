//! No query leaves its tenant.

use std::sync::Arc;

use flowruns_domain::{
    flow::Flow,
    id::{FlowKey, RunKey},
    query::{FlowQuery, RunQuery, RunScope},
    store::{Created, Store},
};

use super::fixture::{Fixture, first_page};
use crate::fixtures::{counted, fresh_tenant, new_run};

/// Another tenant neither sees nor changes a run whose ids it knows.
pub async fn runs_of_another_tenant_are_absent(store: Arc<dyn Store>) {
    let owner = Fixture::new(store).await;
    let run = owner.create_default(1).await;
    let stranger =
        Fixture { flow: FlowKey { tenant: fresh_tenant(), ..owner.flow }, ..owner.clone() };
    let key = RunKey { tenant: stranger.flow.tenant, ..run.key };
    assert_eq!(stranger.find(key).await, None);
    let exists = stranger.store.run_exists(key).await;
    assert!(!exists.expect("it can be asked"));
    let found = stranger.store.find_run_keys(key.tenant, key.run, 10).await;
    assert_eq!(found.expect("the store finds keys"), []);
    assert_eq!(stranger.report(key, counted(r#"{"rows":1}"#)).await, None);
    assert_eq!(stranger.delete(key).await, None);
    let events = stranger.store.list_run_events(key, first_page());
    assert_eq!(events.await.expect("events can be listed"), None);
    let query = RunQuery::new(RunScope::Flow(stranger.flow));
    let runs = stranger.store.query_runs(&query);
    assert_eq!(runs.await.expect("runs can be listed"), None);
    for number in [1, 2] {
        let created = stranger.create_run(stranger.creation(number, &new_run()));
        assert_eq!(created.await, Created::FlowNotFound);
    }
    assert_eq!(owner.find(run.key).await, Some(run));
}

/// Another tenant neither sees, changes, deletes nor lists a flow whose id it knows.
pub async fn flows_of_another_tenant_are_absent(store: Arc<dyn Store>) {
    let owner = Fixture::new(store).await;
    let store = &owner.store;
    let key = FlowKey { tenant: fresh_tenant(), ..owner.flow };
    assert_eq!(store.find_flow(key).await.expect("it can be asked"), None);
    let rename = |flow: &Flow| {
        let version = flow.version.next();
        Ok(Some(Flow { version, ..flow.clone() }))
    };
    let updated = store.update_flow(key, Arc::new(rename)).await;
    assert_eq!(updated.expect("the store responds"), None);
    let deleted = store.delete_flow(key, Arc::new(|_| Ok(None))).await;
    assert_eq!(deleted.expect("the store responds"), None);
    let listed = store.query_flows(&FlowQuery::new(key.tenant)).await;
    assert!(listed.expect("flows can be listed").items.is_empty());
    let found = store.find_flow(owner.flow).await.expect("it can be asked");
    assert_eq!(found.map(|flow| flow.version.number()), Some(1));
}
