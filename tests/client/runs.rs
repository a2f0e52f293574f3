//! Reports and reads of runs.

use std::time::Duration;

use flowruns_client::{
    BlockingError, Client, Error, Flow, NewRun, Order, Outcome, ReportError, RunAddress, RunError,
    RunId, RunQuery, RunRecord, Status, blocking,
};
use futures_util::TryStreamExt as _;
use serde_json::{Value, json};

use crate::{FLOWRUNS, builder, client};

const SOON: Duration = Duration::from_secs(60);

fn statistics(run: &RunRecord) -> Value {
    run.statistics_as().unwrap()
}

async fn status(client: &Client, address: RunAddress) -> Status {
    client.run(address).await.unwrap().status
}

#[tokio::test]
async fn the_result_of_a_job_is_what_is_stored() {
    let server = FLOWRUNS.server().start();
    let client = client(&server);
    let flow = client.create_flow("Nightly rosters").await.unwrap();
    let dropped = BlockingError::new("rows", "7 rows were dropped");
    for (outcome, expected) in [
        (Outcome::Completed, Status::Completed),
        (Outcome::WithWarnings, Status::CompletedWithWarnings),
        (Outcome::WithErrors(Some(dropped)), Status::CompletedWithErrors),
    ] {
        let job = async |run: &flowruns_client::Run| {
            run.progress(&json!({"rows": {"read": 7}}))?;
            Ok(outcome)
        };
        let ended = flow.run("Rosters of 1 March", job).await.unwrap();
        let stored = client.run(ended.address).await.unwrap();
        assert_eq!((&ended.status, &stored.status), (&expected, &expected));
        assert_eq!(statistics(&stored), json!({"rows": {"read": 7}}));
        assert_eq!(stored.blocking_error.is_some(), expected == Status::CompletedWithErrors);
        assert!(stored.end.unwrap() >= stored.start);
    }

    let failed = flow.run("Run", async |_run| Err("the source did not answer".into())).await;
    let Err(RunError::Job { report, .. }) = failed else { panic!("{failed:?}") };
    let failed = report.unwrap().address;
    let forgotten = flow.start("Run").await.unwrap();
    let forgotten_address = forgotten.address();
    drop(forgotten);
    let flushed = client.flush(SOON).await;
    assert_eq!((flushed.acknowledged, flushed.pending), (5, 0));
    for address in [failed, forgotten_address] {
        assert_eq!(status(&client, address).await, Status::Failed);
    }
    let history: Vec<_> = client.history(failed).try_collect().await.unwrap();
    assert_eq!(history.iter().map(|entry| entry.version).collect::<Vec<_>>(), [1, 2]);
}

#[tokio::test]
async fn a_run_that_is_handed_over_is_ended_by_the_client_that_adopts_it() {
    let server = FLOWRUNS.server().start();
    let (first, second) = (client(&server), client(&server));
    let flow = first.create_flow("Nightly rosters").await.unwrap();
    let run = flow.start("Rosters of 1 March").await.unwrap();
    run.progress(&json!({"read": 7})).unwrap();
    let id = run.hand_over();
    assert_eq!(first.flush(SOON).await.pending, 0);

    let flow = second.flow("Nightly rosters").await.unwrap();
    let run = flow.adopt(id).await.unwrap();
    let late = flow.adopt_detached(id);
    let ended = run.complete(json!({"written": 6})).await.unwrap();
    let stored = second.run(ended.address).await.unwrap();
    assert_eq!(statistics(&stored), json!({"read": 7, "written": 6}));

    let error = flow.adopt(id).await.unwrap_err();
    assert!(matches!(error, Error::AlreadyEnded(Status::Completed)), "{error:?}");
    let error = late.fail(BlockingError::new("io", "broken")).await.unwrap_err();
    let ReportError::Refused { rule, stored, .. } = error else { panic!("{error:?}") };
    assert_eq!((rule.code(), stored), ("conflictingOutcome", Some(Status::Completed)));
    assert_eq!(status(&second, ended.address).await, Status::Completed);
}

#[tokio::test]
async fn a_server_that_is_killed_while_a_job_runs_loses_nothing_that_was_told() {
    let mut server = FLOWRUNS.server().start();
    let client = builder(&server).deadline(SOON).build().unwrap();
    let flow = client.create_flow("Nightly rosters").await.unwrap();
    let run = flow.start("Rosters of 1 March").await.unwrap();
    run.progress(&json!({"read": 7})).unwrap();
    server.kill();
    let created_meanwhile = flow.start_detached("Rosters of 2 March").unwrap();
    created_meanwhile.progress(&json!({"read": 8})).unwrap();
    server.restart();
    for (run, read) in [(run, 7), (created_meanwhile, 8)] {
        let ended = run.complete(json!({"written": 6})).await.unwrap();
        let stored = client.run(ended.address).await.unwrap();
        assert_eq!(stored.status, Status::Completed);
        assert_eq!(statistics(&stored), json!({"read": read, "written": 6}));
    }
}

async fn names(
    runs: impl futures_util::Stream<Item = Result<flowruns_client::RunRow, Error>>,
) -> Vec<String> {
    runs.map_ok(|row| row.display_name).try_collect().await.unwrap()
}

/// Runs whose names are their numbers; those with an odd number failed.
async fn numbered(flow: &Flow, count: u32) {
    for number in 0..count {
        let start = format!("2026-03-01T08:{number:02}:00Z").parse().unwrap();
        let run = flow.start(NewRun::new(number.to_string()).start(start)).await.unwrap();
        match number % 2 {
            0 => run.complete(()).await.unwrap(),
            _ => run.fail(BlockingError::new("io", "broken")).await.unwrap(),
        };
    }
}

#[tokio::test]
async fn a_list_follows_its_next_links() {
    let server = FLOWRUNS.server().start();
    let client = client(&server);
    let flow = client.create_flow("Nightly 'rosters' & more").await.unwrap();
    numbered(&flow, 7).await;
    let query = RunQuery::new().page_size(2);
    assert_eq!(names(flow.runs(&query)).await, ["6", "5", "4", "3", "2", "1", "0"]);
    assert_eq!(names(client.runs(&query)).await.len(), 7);
    let oldest = query.clone().order(Order::OldestFirst);
    let failed = oldest.clone().status([Status::Failed]);
    assert_eq!(names(flow.runs(&failed)).await, ["1", "3", "5"]);
    let window = oldest.since("2026-03-01T08:02:00Z".parse().unwrap());
    let window = window.before("2026-03-01T08:05:00Z".parse().unwrap());
    assert_eq!(names(flow.runs(&window)).await, ["2", "3", "4"]);
    assert_eq!(names(client.runs(&window)).await, ["2", "3", "4"]);
    assert_eq!(names(flow.runs(&query.name("4"))).await, ["4"]);

    let found = client.flow("Nightly 'rosters' & more").await.unwrap();
    assert_eq!(found.id(), flow.id());
    let row = flow.runs(&RunQuery::new()).try_collect::<Vec<_>>().await.unwrap().remove(0);
    assert_eq!(client.find_run(row.address.run).await.unwrap().address, row.address);
    let absent: RunId = "0197f3a0-5c1e-7c3a-9d53-2f3a1b6c7d8e".parse().unwrap();
    let error = client.find_run(absent).await.unwrap_err();
    assert!(matches!(error, Error::NotFound(_)), "{error:?}");
}

#[test]
fn a_program_without_a_runtime_reports_watches_and_reads() {
    let server = FLOWRUNS.server().start();
    let client = blocking::Client::from(client(&server));
    let flow = client.create_flow("Nightly rosters").unwrap();
    let run = flow.start("Rosters of 1 March").unwrap();
    let mut watch = client.watch(run.address());
    assert_eq!(watch.next().unwrap().unwrap().status, Status::Running);
    let ended = run.end_with(Outcome::WithWarnings, json!({"read": 7})).unwrap();
    let last = watch.next().unwrap().unwrap();
    assert_eq!(
        (last.status.clone(), statistics(&last)),
        (Status::CompletedWithWarnings, json!({"read": 7}))
    );
    assert!(watch.next().is_none());
    let read = client.run(ended.address).unwrap();
    assert_eq!(client.run_if_changed(ended.address, &read.etag).unwrap(), None);
    drop(flow.start_detached("Rosters of 2 March").unwrap());
    assert_eq!(client.flush(SOON).acknowledged, 2);
    let failed = flow.runs(&RunQuery::new().status([Status::Failed]));
    assert_eq!(failed.map(Result::unwrap).count(), 1);
}
