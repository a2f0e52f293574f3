//! A run ends exactly once, and as failed unless an outcome is told.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    time::Duration,
};

use flowruns_client::{BlockingError, Error, Flushed, Outcome, ReportError, RunError, Status};
use serde_json::json;

use crate::{
    proxy::Fault,
    service::{Fixture, Service},
};

const SOON: Duration = Duration::from_secs(60);

#[tokio::test(start_paused = true)]
async fn the_result_of_the_job_is_the_outcome() {
    let fixture = Fixture::new().await;
    for (outcome, status) in [
        (Outcome::Completed, Status::Completed),
        (Outcome::WithWarnings, Status::CompletedWithWarnings),
        (Outcome::WithErrors(None), Status::CompletedWithErrors),
        (
            Outcome::WithErrors(Some(BlockingError::new("rows", "7 rows were dropped"))),
            Status::CompletedWithErrors,
        ),
    ] {
        let ended = fixture.flow.run("Run", async |run| {
            run.progress(&json!({"rows": 7}))?;
            Ok(outcome)
        });
        let ended = ended.await.unwrap();
        assert_eq!(ended.status, status);
        let stored = fixture.service.run(ended.address).await;
        assert_eq!(stored["status"], status.as_str());
        assert_eq!(stored["statistics"]["rows"], 7);
    }
}

#[tokio::test(start_paused = true)]
async fn an_error_of_the_job_fails_the_run_and_is_returned() {
    let fixture = Fixture::new().await;
    let result = fixture.flow.run("Run", async |_run| {
        let cause = std::io::Error::other("no such host");
        Err(anyhow::Error::from(cause).context("the source did not answer"))?;
        Ok(Outcome::Completed)
    });
    let Err(RunError::Job { error, report }) = result.await else { panic!() };
    assert_eq!(error.to_string(), "the source did not answer");
    let stored = fixture.service.run(report.unwrap().address).await;
    assert_eq!(stored["status"], "failed");
    assert_eq!(stored["blockingError"]["message"], "the source did not answer: no such host");
}

#[tokio::test(start_paused = true)]
async fn a_panic_fails_the_run() {
    let fixture = Fixture::new().await;
    let run = fixture.start().await;
    let address = run.address();
    let panicked = catch_unwind(AssertUnwindSafe(move || {
        let _run = run;
        panic!("a panic of the test");
    }));
    assert!(panicked.is_err());
    fixture.client.flush(SOON).await;
    let stored = fixture.service.run(address).await;
    assert_eq!(
        (&stored["status"], &stored["blockingError"]["code"]),
        (&json!("failed"), &json!("panic"))
    );
}

#[tokio::test(start_paused = true)]
async fn a_dropped_future_fails_the_run() {
    let fixture = Fixture::new().await;
    let mut address = None;
    let run = fixture.flow.run("Run", async |run| {
        address = Some(run.address());
        std::future::pending::<()>().await;
        Ok(Outcome::Completed)
    });
    assert!(tokio::time::timeout(Duration::from_secs(1), run).await.is_err());
    fixture.client.flush(SOON).await;
    let stored = fixture.service.run(address.unwrap()).await;
    assert_eq!(stored["status"], "failed");
    assert_eq!(stored["blockingError"]["code"], "noOutcome");
}

#[tokio::test(start_paused = true)]
async fn an_early_return_and_a_forgotten_outcome_fail_the_run() {
    let fixture = Fixture::new().await;
    let run = fixture.start().await;
    let address = run.address();
    let early = async move {
        let _rows: u64 = "no number".parse()?;
        run.complete(()).await.unwrap();
        Ok::<_, std::num::ParseIntError>(())
    };
    assert!(early.await.is_err());
    let forgotten = fixture.flow.start_detached("Run").unwrap();
    let other = forgotten.address();
    drop(forgotten);
    fixture.client.flush(SOON).await;
    assert_eq!(fixture.service.status(address).await, "failed");
    assert_eq!(fixture.service.status(other).await, "failed");
}

#[tokio::test(start_paused = true)]
async fn an_outcome_whose_future_was_never_polled_is_not_told() {
    let fixture = Fixture::new().await;
    let run = fixture.start().await;
    let address = run.address();
    drop(run.complete(()));
    fixture.client.flush(SOON).await;
    assert_eq!(fixture.service.status(address).await, "failed");
}

#[tokio::test(start_paused = true)]
async fn an_outcome_that_was_told_is_sent_though_nobody_waits_for_it() {
    let fixture = Fixture::new().await;
    let run = fixture.start().await;
    let address = run.address();
    fixture.proxy.next([Fault::Slow(Duration::from_secs(5))]);
    let told = tokio::time::timeout(Duration::from_secs(1), run.complete(()));
    assert!(told.await.is_err());
    let flushed = fixture.client.flush(SOON).await;
    assert_eq!((flushed.acknowledged, flushed.pending), (1, 0));
    assert_eq!(fixture.service.status(address).await, "completed");
}

#[tokio::test(start_paused = true)]
async fn a_run_can_be_handed_over_and_adopted() {
    let fixture = Fixture::new().await;
    let run = fixture.flow.start_detached("Run").unwrap();
    run.progress(&json!({"rows": 1})).unwrap();
    let id = run.hand_over();
    fixture.client.flush(SOON).await;

    let run = fixture.flow.adopt(id).await.unwrap();
    let address = run.address();
    assert_eq!(fixture.service.status(address).await, "running");
    run.complete(json!({"files": 2})).await.unwrap();
    let stored = fixture.service.run(address).await;
    assert_eq!(
        (&stored["statistics"]["rows"], &stored["statistics"]["files"]),
        (&json!(1), &json!(2))
    );

    let error = fixture.flow.adopt(id).await.unwrap_err();
    assert!(matches!(error, Error::AlreadyEnded(Status::Completed)), "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn a_contradicted_outcome_says_what_is_stored() {
    let fixture = Fixture::new().await;
    let id = fixture.flow.start_detached("Run").unwrap().hand_over();
    fixture.client.flush(SOON).await;
    let (one, other) = (fixture.flow.adopt(id).await.unwrap(), fixture.flow.adopt_detached(id));
    one.fail(BlockingError::new("io", "broken")).await.unwrap();
    let patches = fixture.proxy.count("PATCH");
    let error = other.complete(json!({"rows": 1})).await.unwrap_err();
    let ReportError::Refused { rule, stored, message } = error else { panic!("{error:?}") };
    assert_eq!((rule.code(), stored), ("conflictingOutcome", Some(Status::Failed)));
    assert!(message.contains("leave status out"), "{message}");
    assert_eq!(fixture.proxy.count("PATCH"), patches + 1, "it was sent again");
}

#[tokio::test(start_paused = true)]
async fn a_refused_completion_does_not_leave_the_run_running() {
    let fixture = Fixture::new().await;
    let id = fixture.flow.start_detached("Run").unwrap().hand_over();
    fixture.client.flush(SOON).await;
    let run = fixture.flow.adopt(id).await.unwrap();
    let address = run.address();
    let path = format!("/industryData/incomingFlows/{}/runs/{id}", address.flow);
    let body = json!({"blockingError": {"code": "early", "message": "stored by another"}});
    assert_eq!(fixture.service.json("PATCH", &path, body).await.0, 200);
    let error = run.complete(()).await.unwrap_err();
    let ReportError::Refused { rule, stored, .. } = error else { panic!("{error:?}") };
    assert_eq!((rule.code(), stored), ("blockingErrorStored", Some(Status::Running)));
    let stored = fixture.service.run(address).await;
    assert_eq!(
        (&stored["status"], &stored["blockingError"]["code"]),
        (&json!("failed"), &json!("early"))
    );
}

#[tokio::test(start_paused = true)]
async fn a_name_that_the_service_does_not_accept_starts_nothing() {
    let fixture = Fixture::new().await;
    let mut has_started = false;
    let result = fixture.flow.run(" \n ", async |_run| {
        has_started = true;
        Ok(Outcome::Completed)
    });
    assert!(matches!(result.await, Err(RunError::NotStarted(_))));
    assert!(!has_started);
    assert_eq!(fixture.client.flush(SOON).await, Flushed::default());
    assert!(fixture.proxy.sent().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_run_can_be_reported_from_a_spawned_task() {
    let fixture = Fixture::new().await;
    let flow = fixture.flow.clone();
    let task = tokio::spawn(async move {
        let run = flow.start("Run").await?;
        run.progress(&json!({"rows": 1})).map_err(|error| error.to_string()).unwrap();
        Ok::<_, Error>(run.complete(()).await)
    });
    assert_eq!(task.await.unwrap().unwrap().unwrap().status, Status::Completed);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_demands_a_precondition_accepts_reports() {
    let service = Service::with(|options| options.require_if_match = true);
    let flow = service.create_flow("Flow").await;
    let (builder, _proxy) = service.builder();
    let run = builder.build().unwrap().flow_by_id(flow).start("Run").await.unwrap();
    run.progress(&json!({"rows": 1})).unwrap();
    let ended = run.complete(()).await.unwrap();
    assert_eq!(service.run(ended.address).await["statistics"]["rows"], 1);
}

#[tokio::test(start_paused = true)]
async fn an_end_that_is_too_large_for_the_server_does_not_leave_the_run_running() {
    let fixture = Fixture::new().await;
    let run = fixture.start().await;
    let address = run.address();
    fixture.proxy.next([Fault::Refuse(413, None)]);
    let error = run.complete(json!({"rows": 1})).await.unwrap_err();
    assert!(matches!(error, ReportError::Refused { .. }), "{error:?}");
    assert_eq!(fixture.service.status(address).await, "failed");
}
