//! Many concurrent callers.

use std::{future::Future, sync::Arc};

use flowruns_domain::{
    flow::{Flow, FlowPatch, FlowProperties},
    json::JsonValue,
    run::Outcome,
    store::{Created, FlowDeleted, Store, Updated},
};
use tokio::task::JoinSet;

use super::fixture::Fixture;
use crate::fixtures::{counted, ended, name, new_run};

const OUTCOMES: [Outcome; 4] = [
    Outcome::Completed,
    Outcome::CompletedWithWarnings,
    Outcome::CompletedWithErrors,
    Outcome::Failed,
];

/// Starts them all, then waits for them all.
async fn all<F>(tasks: impl IntoIterator<Item = F>) -> Vec<F::Output>
where
    F: Future<Output: Send + 'static> + Send + 'static,
{
    tasks.into_iter().collect::<JoinSet<_>>().join_all().await
}

/// Every report of sixty-four is stored, with its own version, on top of the one before.
pub async fn sixty_four_writers_of_one_run_lose_no_update(store: Arc<dyn Store>) {
    let fixture = Fixture::new(store).await;
    let key = fixture.create_default(1).await.key;
    let writers = (0..64).map(|writer| {
        let fixture = fixture.clone();
        async move {
            let patch = format!(r#"{{"last":{writer},"writer{writer}":1}}"#);
            fixture.change(key, counted(&patch)).await.version.number()
        }
    });
    let mut versions = all(writers).await;
    versions.sort_unstable();
    assert_eq!(versions, (2..=65).collect::<Vec<_>>());
    let run = fixture.assert_history_leads_to_the_run(key).await;
    let statistics = run.properties.statistics.members();
    assert_eq!(statistics.iter().count(), 65, "64 writers, and `last`");
}

/// Writers of many runs lose no update.
pub async fn writers_of_many_runs_lose_no_update(store: Arc<dyn Store>) {
    let fixture = Fixture::new(store).await;
    let writers = (1..=16).map(|number| {
        let fixture = fixture.clone();
        async move {
            let key = fixture.create_default(number).await.key;
            for row in 0..8 {
                fixture.change(key, counted(&format!(r#"{{"rows":{row}}}"#))).await;
            }
            fixture.change(key, ended(Outcome::Completed)).await;
            let run = fixture.assert_history_leads_to_the_run(key).await;
            assert_eq!(run.version.number(), 10);
        }
    });
    all(writers).await;
}

/// Of reports that end a run differently one wins; those that agree with it change nothing, the others are rejected.
pub async fn of_four_concurrent_outcomes_one_wins(store: Arc<dyn Store>) {
    let fixture = Fixture::new(store).await;
    let key = fixture.create_default(1).await.key;
    let reports = (0..16).map(|number| {
        let (fixture, outcome) = (fixture.clone(), OUTCOMES[number % OUTCOMES.len()]);
        async move { fixture.report(key, ended(outcome)).await.expect("it exists") }
    });
    let responses = all(reports).await;
    let count = |wanted: fn(&Updated<_>) -> bool| responses.iter().filter(|a| wanted(a)).count();
    assert_eq!(count(|response| matches!(response, Updated::Changed(_))), 1);
    assert_eq!(count(|response| matches!(response, Updated::Unchanged(_))), 3);
    assert_eq!(count(|response| matches!(response, Updated::Rejected(_))), 12);
    let run = fixture.assert_history_leads_to_the_run(key).await;
    assert_eq!(run.version.number(), 2);
}

/// Of concurrent creations of one id one creates the run; the others get that run.
pub async fn concurrent_creations_of_one_id_create_one_run(store: Arc<dyn Store>) {
    let fixture = Fixture::new(store).await;
    let creations = (0..16).map(|caller| {
        let fixture = fixture.clone();
        let mut new = new_run();
        new.display_name = name(&format!("Caller {caller}"));
        async move { fixture.create_run(fixture.creation(1, &new)).await }
    });
    let responses = all(creations).await;
    let run = fixture.find(fixture.key(1)).await.expect("one was created");
    let first = fixture.history(run.key).await;
    assert_eq!(first.len(), 1);
    let made = Created::New(run.clone());
    assert_eq!(responses.iter().filter(|response| **response == made).count(), 1);
    let exists = Created::Exists(run, first.into_iter().next());
    let others = responses.iter().filter(|response| **response == exists);
    assert_eq!(others.count(), 15);
}

/// Reports during the deletion of a run are stored before it, or find no run.
pub async fn a_report_during_a_deletion_is_stored_or_finds_no_run(store: Arc<dyn Store>) {
    let fixture = Fixture::new(store).await;
    let key = fixture.create_default(1).await.key;
    let steps = (0..16).map(|number| {
        let fixture = fixture.clone();
        async move {
            let response = match number {
                8 => fixture.delete(key).await,
                _ => fixture.report(key, counted(&format!(r#"{{"a{number}":1}}"#))).await,
            };
            assert!(matches!(response, Some(Updated::Changed(_)) | None), "{response:?}");
            assert!(number != 8 || response.is_some(), "no other caller deletes it");
        }
    });
    all(steps).await;
    assert_eq!(fixture.find(key).await, None);
}

/// A caller that disconnects leaves the run and its history consistent, and the next report is accepted.
pub async fn a_report_whose_caller_hangs_up_is_stored_completely_or_not_at_all(
    store: Arc<dyn Store>,
) {
    let fixture = Fixture::new(store).await;
    let key = fixture.create_default(1).await.key;
    for row in 0..24_u64 {
        let caller = fixture.clone();
        let report = async move {
            let patch = counted(&format!(r#"{{"rows":{row}}}"#));
            caller.report(key, patch).await;
        };
        let task = tokio::spawn(report);
        tokio::time::sleep(std::time::Duration::from_micros(row * 100)).await;
        task.abort();
        let aborted = task.await.err().is_none_or(|error| error.is_cancelled());
        assert!(aborted, "a report panicked");
    }
    let run = fixture.change(key, counted(r#"{"last":true}"#)).await;
    let statistics = run.properties.statistics.members();
    assert_eq!(statistics.get("last"), Some(&JsonValue::Bool(true)));
    fixture.assert_history_leads_to_the_run(key).await;
}

/// Every change of sixteen of one flow is stored, on top of the one before.
pub async fn sixteen_writers_of_one_flow_lose_no_update(store: Arc<dyn Store>) {
    let fixture = Fixture::new(store).await;
    let writers = (0..16).map(|_| {
        let fixture = fixture.clone();
        async move {
            let updated = fixture.store.update_flow(fixture.flow, Arc::new(longer)).await;
            let updated = updated.expect("the store accepts an update");
            assert!(matches!(updated, Some(Updated::Changed(_))), "{updated:?}");
        }
    });
    all(writers).await;
    let flow = fixture.store.find_flow(fixture.flow).await;
    let flow = flow.expect("the store finds a flow").expect("it exists");
    assert_eq!(flow.version.number(), 17);
    let expected = format!("Rosters{}", "+".repeat(16));
    assert_eq!(flow.properties.display_name.as_str(), expected);
}

fn longer(flow: &Flow) -> Result<Option<Flow>, flowruns_domain::rejection::Rejection> {
    let longer = format!("{}+", flow.properties.display_name);
    let patch = FlowPatch {
        display_name: flowruns_domain::patch::Field::Value(name(&longer)),
        ..FlowPatch::default()
    };
    let properties: FlowProperties = patch.applied_to(&flow.properties).expect("the name is valid");
    Ok(Some(Flow { version: flow.version.next(), properties, ..flow.clone() }))
}

/// When a run is created while its flow is deleted, one of the two fails.
pub async fn a_run_is_not_created_in_a_flow_that_is_deleted_meanwhile(store: Arc<dyn Store>) {
    let fixture = Fixture::new(store).await;
    for _ in 0..12 {
        let fixture = fixture.other_flow().await;
        let creation = fixture.creation(1, &new_run());
        let key = creation.run.key;
        let creator = fixture.clone();
        let created = tokio::spawn(async move { creator.create_run(creation).await });
        let deleted = fixture.store.delete_flow(fixture.flow, Arc::new(|_| Ok(None)));
        let deleted = deleted.await.expect("the store accepts a deletion");
        let created = created.await.expect("no panic");
        match (created, deleted) {
            (Created::New(run), Some(FlowDeleted::HasRuns)) => {
                assert_eq!(fixture.find(key).await, Some(run));
            }
            (Created::FlowNotFound, Some(FlowDeleted::Deleted)) => {
                assert_eq!(fixture.find(key).await, None);
            }
            other => panic!("both or neither succeeded: {other:?}"),
        }
    }
}
