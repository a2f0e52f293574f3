//! One run: created, found, updated, deleted.

use std::sync::{Arc, Mutex};

use flowruns_domain::{
    patch::Field,
    rejection::Rejection,
    run::{Decision, Outcome, Run, RunPatch, RunState, RunStatus},
    store::{Created, Store, Updated},
    version::IfMatch,
};

use super::fixture::{Fixture, first_page};
use crate::fixtures::{counted, ended, fresh_flow, name, new_run, origin, report};

/// A created run is found with all its values.
pub async fn a_created_run_is_found(store: Arc<dyn Store>) {
    let fixture = Fixture::new(store).await;
    let creation = fixture.creation(1, &new_run());
    let created = fixture.create_run(creation.clone()).await;
    assert_eq!(created, Created::New(creation.run.clone()));
    let key = creation.run.key;
    assert_eq!(fixture.find(key).await, Some(creation.run));
    assert!(fixture.store.run_exists(key).await.expect("it can be asked"));
    assert_eq!(fixture.history(key).await, [creation.event]);
}

/// A run of an absent flow is not stored.
pub async fn a_run_of_an_absent_flow_is_not_created(store: Arc<dyn Store>) {
    let fixture = Fixture::new(store).await;
    let absent = Fixture { flow: fresh_flow(fixture.flow.tenant).key, ..fixture };
    let creation = absent.creation(1, &new_run());
    let key = creation.run.key;
    assert_eq!(absent.create_run(creation).await, Created::FlowNotFound);
    assert_eq!(absent.find(key).await, None);
}

/// A second creation of an id gives the run as it is now and the entry of its creation, and changes nothing.
pub async fn a_second_creation_gives_the_stored_run_and_its_first_entry(store: Arc<dyn Store>) {
    let fixture = Fixture::new(store).await;
    let creation = fixture.creation(1, &new_run());
    fixture.create_run(creation.clone()).await;
    let key = creation.run.key;
    let stored = fixture.change(key, counted(r#"{"rows":1}"#)).await;
    let mut other = new_run();
    other.display_name = name("Another");
    let again = fixture.create_run(fixture.creation(1, &other)).await;
    assert_eq!(again, Created::Exists(stored.clone(), Some(creation.event)));
    assert_eq!(fixture.find(key).await, Some(stored));
    assert_eq!(fixture.history(key).await.len(), 2);
}

/// An absent run is None, not an error.
pub async fn an_absent_run_is_none(store: Arc<dyn Store>) {
    let fixture = Fixture::new(store).await;
    let key = fixture.key(1);
    assert_eq!(fixture.find(key).await, None);
    assert!(!fixture.store.run_exists(key).await.expect("it can be asked"));
    assert_eq!(fixture.report(key, counted(r#"{"rows":1}"#)).await, None);
    assert_eq!(fixture.delete(key).await, None);
    let events = fixture.store.list_run_events(key, first_page()).await;
    assert_eq!(events.expect("events can be listed"), None);
}

/// The result of an update, the stored run and the history agree.
pub async fn an_update_is_stored_with_its_history_entry(store: Arc<dyn Store>) {
    let fixture = Fixture::new(store).await;
    let before = fixture.create_default(1).await;
    let (patch, origin) = (ended(Outcome::Failed), origin());
    let decision = before.decide(&patch, &IfMatch::Absent, &origin);
    let Ok(Decision::Changed(expected)) = decision else {
        panic!("a running run may fail: {decision:?}");
    };
    let updated = fixture.update(before.key, patch, IfMatch::Absent, origin).await;
    assert_eq!(updated, Some(Updated::Changed(expected.run.clone())));
    assert_eq!(fixture.find(before.key).await, Some(expected.run));
    assert_eq!(fixture.history(before.key).await.pop(), Some(expected.event));
    fixture.assert_history_leads_to_the_run(before.key).await;
}

/// The decision is made on the run as it is stored.
pub async fn an_update_is_decided_on_the_stored_run(store: Arc<dyn Store>) {
    let fixture = Fixture::new(store).await;
    let key = fixture.create_default(1).await.key;
    let stored = fixture.change(key, counted(r#"{"rows":1}"#)).await;
    let seen: Arc<Mutex<Option<Run>>> = Arc::default();
    let decide = {
        let seen = Arc::clone(&seen);
        move |run: &Run| {
            *seen.lock().expect("nobody panics with it") = Some(run.clone());
            Ok(Decision::Unchanged)
        }
    };
    let updated = fixture.store.update_run(key, report(decide)).await;
    let updated = updated.expect("the store takes an update");
    assert_eq!(updated, Some(Updated::Unchanged(stored.clone())));
    assert_eq!(*seen.lock().expect("nobody panics with it"), Some(stored));
}

/// The caller gets the rejection unchanged, and nothing is written.
pub async fn a_rejected_update_changes_nothing(store: Arc<dyn Store>) {
    let fixture = Fixture::new(store).await;
    let key = fixture.create_default(1).await.key;
    let stored = fixture.change(key, ended(Outcome::Completed)).await;
    let patch = RunPatch { status: Field::Value(RunStatus::Running), ..counted(r#"{"rows":1}"#) };
    let result = fixture.report(key, patch.clone()).await;
    let expected = stored.decide(&patch, &IfMatch::Absent, &origin());
    let rejected = expected.expect_err("an ended run does not run again");
    assert_eq!(result, Some(Updated::Rejected(rejected)));
    assert_eq!(fixture.find(key).await, Some(stored));
    assert_eq!(fixture.history(key).await.len(), 2);
}

/// A precondition on an older version fails; on the stored version it holds.
pub async fn a_precondition_is_checked_on_the_stored_version(store: Arc<dyn Store>) {
    let fixture = Fixture::new(store).await;
    let first = fixture.create_default(1).await;
    let second = fixture.change(first.key, counted(r#"{"rows":1}"#)).await;
    let patch = counted(r#"{"rows":2}"#);
    let old = IfMatch::OneOf(vec![first.tag()]);
    let result = fixture.update(first.key, patch.clone(), old, origin()).await;
    let failed = Updated::Rejected(Rejection::PreconditionFailed);
    assert_eq!(result, Some(failed));
    let current = IfMatch::OneOf(vec![second.tag()]);
    let updated = fixture.update(first.key, patch, current, origin()).await;
    assert!(matches!(updated, Some(Updated::Changed(_))), "{updated:?}");
}

/// A repeated report makes no version and no history entry.
pub async fn an_unchanged_update_writes_nothing(store: Arc<dyn Store>) {
    let fixture = Fixture::new(store).await;
    let key = fixture.create_default(1).await.key;
    let patch = RunPatch {
        status: Field::Value(RunStatus::Ended(Outcome::CompletedWithErrors)),
        ..counted(r#"{"rows":1.0,"ratio":0.1}"#)
    };
    let stored = fixture.change(key, patch.clone()).await;
    let again = fixture.report(key, patch).await;
    assert_eq!(again, Some(Updated::Unchanged(stored.clone())));
    assert_eq!(fixture.find(key).await, Some(stored));
    assert_eq!(fixture.history(key).await.len(), 2);
}

/// A deleted run cannot be found, listed, changed or deleted, and its id cannot be used again.
pub async fn a_deleted_run_is_absent_everywhere_and_its_id_stays_in_use(store: Arc<dyn Store>) {
    let fixture = Fixture::new(store).await;
    let run = fixture.create_default(1).await;
    let kept = fixture.create_default(2).await;
    let deleted = fixture.delete(run.key).await;
    let expected = Run { version: run.version.next(), ..run.clone() };
    assert_eq!(deleted, Some(Updated::Changed(expected)));

    let key = run.key;
    assert_eq!(fixture.find(key).await, None);
    assert!(!fixture.store.run_exists(key).await.expect("it can be asked"));
    assert_eq!(fixture.report(key, counted(r#"{"rows":1}"#)).await, None);
    assert_eq!(fixture.delete(key).await, None);
    let events = fixture.store.list_run_events(key, first_page()).await;
    assert_eq!(events.expect("events can be listed"), None);
    let listed = fixture.page(10, None).await.items;
    let listed: Vec<_> = listed.iter().map(|row| row.summary.key).collect();
    assert_eq!(listed, [kept.key]);
    let again = fixture.create_run(fixture.creation(1, &new_run())).await;
    assert_eq!(again, Created::Deleted);
    assert_eq!(fixture.find(key).await, None);
}

/// A deletion whose precondition fails deletes nothing.
pub async fn a_rejected_deletion_deletes_nothing(store: Arc<dyn Store>) {
    let fixture = Fixture::new(store).await;
    let run = fixture.create_default(1).await;
    let origin = origin();
    let decide = move |run: &Run| run.decide_deletion(&IfMatch::AbsentButRequired, &origin);
    let result = fixture.store.update_run(run.key, report(decide)).await;
    let required = Updated::Rejected(Rejection::PreconditionRequired);
    assert_eq!(result.expect("the store responds"), Some(required));
    assert_eq!(fixture.find(run.key).await, Some(run));
}

/// Every outcome and its end are stored.
pub async fn every_status_is_stored(store: Arc<dyn Store>) {
    let fixture = Fixture::new(store).await;
    for (number, status) in (1..).zip(RunStatus::ALL) {
        let mut new = new_run();
        new.status = status;
        new.end = match status {
            RunStatus::Running => None,
            RunStatus::Ended(_) => new.start,
        };
        let run = fixture.create(number, &new).await;
        let found = fixture.find(run.key).await.expect("it was created");
        assert_eq!(found.properties.state.status(), status);
        assert_eq!(found.properties.state.end(), new.end);
        let is_running = matches!(found.properties.state, RunState::Running);
        assert_eq!(is_running, new.end.is_none());
    }
}

/// A run is unique within its flow only.
pub async fn one_id_in_two_flows_is_two_runs(store: Arc<dyn Store>) {
    let one = Fixture::new(store).await;
    let other = one.other_flow().await;
    let first = one.create_default(1).await;
    let second = other.create_default(1).await;
    let changed = one.change(first.key, counted(r#"{"rows":1}"#)).await;
    assert_eq!(one.find(first.key).await, Some(changed));
    assert_eq!(other.find(second.key).await, Some(second.clone()));
    one.delete(first.key).await;
    assert_eq!(other.find(second.key).await, Some(second));
}

/// A run is found by its id alone, in each flow that has one of that id; a deleted run is not.
pub async fn runs_are_found_by_their_id_alone(store: Arc<dyn Store>) {
    let one = Fixture::new(store).await;
    let other = one.other_flow().await;
    let tenant = one.flow.tenant;
    let keys = async |number, limit| {
        let found = one.store.find_run_keys(tenant, one.key(number).run, limit).await;
        found.expect("the store finds keys")
    };
    assert_eq!(keys(1, 10).await, []);
    one.create_default(1).await;
    other.create_default(1).await;
    one.create_default(2).await;
    let mut both = [one.key(1), other.key(1)];
    both.sort_unstable_by_key(|key| key.flow);
    assert_eq!(keys(1, 10).await, both);
    assert_eq!(keys(1, 1).await, both[..1]);
    assert_eq!(keys(2, 10).await, [one.key(2)]);
    one.delete(one.key(1)).await;
    assert_eq!(keys(1, 10).await, [other.key(1)]);
}
