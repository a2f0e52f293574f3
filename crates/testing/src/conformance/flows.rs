//! Flows: created, found, updated, deleted, listed.

use std::sync::Arc;

use flowruns_domain::{
    flow::{Flow, ReadinessStatus},
    id::FlowKey,
    query::{FlowOrder, FlowQuery, RunQuery, RunScope},
    rejection::Rejection,
    store::{Created, FlowDeleted, Store, Updated},
};

use super::fixture::{Fixture, page_size};
use crate::fixtures::{counted, fresh_flow, fresh_tenant, name, new_run, time};

async fn find(store: &Arc<dyn Store>, key: FlowKey) -> Option<Flow> {
    store.find_flow(key).await.expect("the store finds a flow")
}

async fn delete(store: &Arc<dyn Store>, key: FlowKey) -> Option<FlowDeleted> {
    let deleted = store.delete_flow(key, Arc::new(|_| Ok(None))).await;
    deleted.expect("the store takes a deletion")
}

/// A created flow is found with all its values.
pub async fn a_created_flow_is_found(store: Arc<dyn Store>) {
    let tenant = fresh_tenant();
    for status in ReadinessStatus::ALL {
        let mut flow = fresh_flow(tenant);
        flow.properties.readiness_status = status;
        flow.properties.display_name = name("\u{1F600} Übernahme \u{202E}");
        flow.properties.effective = time("0001-01-01T00:00:00.000001Z");
        flow.properties.expiration = Some(time("9999-12-31T23:59:59.999999Z"));
        let stored = store.create_flow(flow.clone()).await;
        stored.expect("the store takes a flow");
        assert_eq!(find(&store, flow.key).await, Some(flow));
    }
}

/// The creation of a flow with an id in use is rejected, and the existing flow stays unchanged.
pub async fn a_flow_id_is_used_once(store: Arc<dyn Store>) {
    let flow = fresh_flow(fresh_tenant());
    let stored = store.create_flow(flow.clone()).await;
    stored.expect("the store takes a flow");
    let mut again = flow.clone();
    again.properties.display_name = name("Another");
    assert!(store.create_flow(again).await.is_err());
    assert_eq!(find(&store, flow.key).await, Some(flow));
}

/// The result of an update equals the stored flow.
pub async fn an_update_of_a_flow_is_stored(store: Arc<dyn Store>) {
    let fixture = Fixture::new(store).await;
    let decide = |flow: &Flow| {
        let mut changed = flow.clone();
        changed.version = flow.version.next();
        changed.properties.display_name = name("Renamed");
        changed.properties.readiness_status = ReadinessStatus::Expired;
        changed.properties.expiration = Some(time("2030-01-01T00:00:00Z"));
        Ok(Some(changed))
    };
    let updated = fixture.store.update_flow(fixture.flow, Arc::new(decide)).await;
    let updated = updated.expect("the store takes an update");
    let found = find(&fixture.store, fixture.flow).await.expect("it exists");
    assert_eq!(found.properties.display_name.as_str(), "Renamed");
    assert_eq!(found.version.number(), 2);
    assert_eq!(updated, Some(Updated::Changed(found)));
}

/// A rejected or unchanged update of a flow writes nothing.
pub async fn a_rejected_or_unchanged_update_of_a_flow_writes_nothing(store: Arc<dyn Store>) {
    let fixture = Fixture::new(store).await;
    let before = find(&fixture.store, fixture.flow).await.expect("it exists");
    let reject = |_: &Flow| Err(Rejection::PreconditionFailed);
    let result = fixture.store.update_flow(fixture.flow, Arc::new(reject)).await;
    let failed = Updated::Rejected(Rejection::PreconditionFailed);
    assert_eq!(result.expect("the store responds"), Some(failed));
    let unchanged = fixture.store.update_flow(fixture.flow, Arc::new(|_| Ok(None)));
    let unchanged = unchanged.await.expect("the store responds");
    assert_eq!(unchanged, Some(Updated::Unchanged(before.clone())));
    assert_eq!(find(&fixture.store, fixture.flow).await, Some(before));
}

/// An absent flow is None, not an error.
pub async fn an_absent_flow_is_none(store: Arc<dyn Store>) {
    let key = fresh_flow(fresh_tenant()).key;
    assert_eq!(find(&store, key).await, None);
    let updated = store.update_flow(key, Arc::new(|_| Ok(None))).await;
    assert_eq!(updated.expect("the store responds"), None);
    assert_eq!(delete(&store, key).await, None);
}

/// A flow with runs cannot be deleted.
pub async fn a_flow_with_runs_cannot_be_deleted(store: Arc<dyn Store>) {
    let fixture = Fixture::new(store).await;
    let run = fixture.create_default(1).await;
    let has_runs = Some(FlowDeleted::HasRuns);
    assert_eq!(delete(&fixture.store, fixture.flow).await, has_runs);
    assert!(find(&fixture.store, fixture.flow).await.is_some());
    assert_eq!(fixture.find(run.key).await, Some(run));
}

/// A flow whose runs were all deleted can be deleted, and is then absent everywhere.
pub async fn a_flow_whose_runs_were_deleted_can_be_deleted(store: Arc<dyn Store>) {
    let fixture = Fixture::new(store).await;
    let key = fixture.create_default(1).await.key;
    fixture.delete(key).await;
    let done = Some(FlowDeleted::Deleted);
    assert_eq!(delete(&fixture.store, fixture.flow).await, done);
    assert_eq!(find(&fixture.store, fixture.flow).await, None);
    assert_eq!(delete(&fixture.store, fixture.flow).await, None);
    assert_eq!(fixture.report(key, counted(r#"{"rows":1}"#)).await, None);
    let created = fixture.create_run(fixture.creation(2, &new_run())).await;
    assert_eq!(created, Created::FlowNotFound);
    let runs = fixture.store.query_runs(&RunQuery::new(RunScope::Flow(fixture.flow))).await;
    assert_eq!(runs.expect("runs can be listed"), None);
    let query = FlowQuery::new(fixture.flow.tenant);
    let flows = fixture.store.query_flows(&query);
    assert!(flows.await.expect("flows can be listed").items.is_empty());
}

/// A rejected deletion deletes nothing; the rejection comes before the check for runs.
pub async fn a_rejected_deletion_of_a_flow_deletes_nothing(store: Arc<dyn Store>) {
    let fixture = Fixture::new(store).await;
    fixture.create_default(1).await;
    let reject = |_: &Flow| Err(Rejection::PreconditionFailed);
    let result = fixture.store.delete_flow(fixture.flow, Arc::new(reject)).await;
    let failed = FlowDeleted::Rejected(Rejection::PreconditionFailed);
    assert_eq!(result.expect("the store responds"), Some(failed));
    assert!(find(&fixture.store, fixture.flow).await.is_some());
}

/// Lists only the flows of the tenant by id, in stable pages.
pub async fn flows_are_listed_by_id_in_pages(store: Arc<dyn Store>) {
    let tenant = fresh_tenant();
    let mut flows: Vec<Flow> = (0..6).map(|_| fresh_flow(tenant)).collect();
    flows.sort_by_key(|flow| flow.key);
    for flow in flows.iter().rev().chain([&fresh_flow(fresh_tenant())]) {
        let stored = store.create_flow(flow.clone()).await;
        stored.expect("the store takes a flow");
    }
    let page = async |after: Option<&Flow>| {
        let query = FlowQuery {
            size: page_size(2),
            after: after.map(|flow| FlowOrder::default().cursor(flow)),
            ..FlowQuery::new(tenant)
        };
        let page = store.query_flows(&query).await;
        page.expect("flows can be listed")
    };
    let first = page(None).await;
    assert_eq!((&first.items[..], first.next.is_some()), (&flows[..2], true));
    assert_eq!(delete(&store, flows[1].key).await, Some(FlowDeleted::Deleted));
    assert_eq!(delete(&store, flows[3].key).await, Some(FlowDeleted::Deleted));
    let second = page(first.items.last()).await;
    let expected = [flows[2].clone(), flows[4].clone()];
    assert_eq!((second.items.as_slice(), second.next.is_some()), (&expected[..], true));
    let third = page(second.items.last()).await;
    assert_eq!((&third.items[..], third.next.is_some()), (&flows[5..], false));
}
