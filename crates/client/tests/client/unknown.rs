//! Responses that are lost: the client never says that something is stored when it does not know it.

use std::{sync::Arc, time::Duration};

use flowruns_client::{ClientBuilder, Error, NewRun, ReportError, Status};
use flowruns_domain::timestamp::Timestamp;
use flowruns_testing::FixedClock;
use serde_json::{Value, json};

use crate::{proxy::Fault, service::Fixture};

const DEADLINE: Duration = Duration::from_secs(5);

async fn hasty() -> Fixture {
    Fixture::with(|builder| builder.deadline(DEADLINE)).await
}

#[tokio::test(start_paused = true)]
async fn a_lost_response_is_asked_for_again_and_changes_nothing_twice() {
    let fixture = Fixture::new().await;
    fixture.proxy.next([Fault::LoseResponse]);
    let run = fixture.start().await;
    let address = run.address();
    fixture.proxy.next([Fault::LoseResponse, Fault::Repeat]);
    run.complete(json!({"rows": 1})).await.unwrap();
    assert_eq!(fixture.service.history(address).await.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn an_end_that_was_stored_without_a_response_is_found_by_reading() {
    let fixture = hasty().await;
    let run = fixture.start().await;
    let address = run.address();
    fixture.proxy.next([Fault::HangAfter]);
    let ended = run.complete(json!({"rows": 1})).await.unwrap();
    assert_eq!(ended.status, Status::Completed);
    assert_eq!(fixture.service.status(address).await, "completed");
    assert_eq!(fixture.proxy.count("PATCH"), 1);
}

#[tokio::test(start_paused = true)]
async fn an_end_that_was_not_stored_is_never_ok() {
    let fixture = hasty().await;
    let run = fixture.start().await;
    let address = run.address();
    fixture.proxy.next([Fault::Hang]);
    let error = run.complete(()).await.unwrap_err();
    let ReportError::Unknown { spooled, last } = error else { panic!("{error:?}") };
    assert!(!spooled);
    assert!(matches!(*last, Error::Away { .. }), "{last:?}");
    assert_eq!(fixture.service.status(address).await, "running");
}

#[tokio::test(start_paused = true)]
async fn an_end_that_another_process_contradicted_is_refused_by_reading() {
    let fixture = hasty().await;
    let run = fixture.start().await;
    let address = run.address();
    let path = format!("/industryData/incomingFlows/{}/runs/{}", address.flow, address.run);
    assert_eq!(fixture.service.json("PATCH", &path, json!({"status": "failed"})).await.0, 200);
    fixture.proxy.next([Fault::Hang]);
    let error = run.complete(()).await.unwrap_err();
    let ReportError::Refused { stored, .. } = error else { panic!("{error:?}") };
    assert_eq!(stored, Some(Status::Failed));
}

#[tokio::test(start_paused = true)]
async fn a_run_whose_start_was_not_acknowledged_does_not_stay_running() {
    let fixture = hasty().await;
    fixture.proxy.next([Fault::HangAfter]);
    let error = fixture.flow.start("Run").await.unwrap_err();
    assert!(matches!(error, Error::Away { .. }), "{error:?}");
    fixture.client.flush(Duration::from_secs(60)).await;
    let path = format!("/industryData/incomingFlows/{}/runs", fixture.flow.id());
    let (_, runs) = fixture.service.json("GET", &path, Value::Null).await;
    assert_eq!(runs["value"][0]["status"], "failed", "{runs}");

    // If it was not created, it is not created by its end.
    fixture.proxy.next([Fault::Hang]);
    fixture.flow.start("Run").await.unwrap_err();
    let flushed = fixture.client.flush(Duration::from_secs(60)).await;
    let (_, runs) = fixture.service.json("GET", &path, Value::Null).await;
    assert_eq!(runs["value"].as_array().unwrap().len(), 1, "{runs}");
    assert_eq!((flushed.refused, flushed.lost, flushed.pending), (0, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_report_that_arrives_late_does_not_change_the_outcome() {
    let fixture = Fixture::new().await;
    let run = fixture.start().await;
    let address = run.address();
    run.progress(&json!({"rows": 1})).unwrap();
    fixture.proxy.next([Fault::Late(Duration::from_secs(300))]);
    tokio::time::sleep(Duration::from_secs(2)).await;
    fixture.proxy.next([Fault::Late(Duration::from_secs(200))]);
    run.complete(json!({"rows": 2})).await.unwrap();
    tokio::time::sleep(Duration::from_secs(400)).await;
    assert_eq!(fixture.service.status(address).await, "completed");
}

#[tokio::test(start_paused = true)]
async fn a_job_with_a_server_that_comes_back_is_told_completely() {
    let fixture = Fixture::new().await;
    fixture.proxy.always(Fault::Lose);
    let run = fixture.flow.start_detached("Run").unwrap();
    let address = run.address();
    run.progress(&json!({"rows": 1})).unwrap();
    tokio::time::sleep(Duration::from_secs(600)).await;
    run.progress(&json!({"files": 2})).unwrap();
    fixture.proxy.heal();
    let ended = run.complete(json!({"seconds": 600})).await.unwrap();
    assert_eq!(ended.status, Status::Completed);
    let stored = fixture.service.run(address).await;
    let statistics = ["rows", "files", "seconds"].map(|name| &stored["statistics"][name]);
    assert_eq!(statistics, [&json!(1), &json!(2), &json!(600)]);
}

#[tokio::test(start_paused = true)]
async fn a_creation_that_is_allowed_later_comes_before_the_statistics() {
    let fixture = Fixture::new().await;
    fixture.proxy.next([Fault::Refuse(403, None), Fault::Refuse(403, None)]);
    let run = fixture.flow.start_detached("Run").unwrap();
    let address = run.address();
    run.progress(&json!({"rows": 1})).unwrap();
    tokio::time::sleep(Duration::from_secs(60)).await;
    let stored = fixture.service.run(address).await;
    assert_eq!((&stored["status"], &stored["statistics"]["rows"]), (&json!("running"), &json!(1)));
    run.complete(()).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_start_with_the_same_id_name_and_time_finds_the_run() {
    let fixture = Fixture::new().await;
    let new = NewRun::new("Run").id("0197f3a0-5c1e-7c3a-9d53-2f3a1b6c7d8e".parse().unwrap());
    let new = new.start("2026-03-01T08:30:00Z".parse().unwrap());
    let one = fixture.flow.start(new.clone()).await.unwrap();
    let other = fixture.flow.start(new.clone()).await.unwrap();
    let address = one.address();
    assert_eq!(other.address(), address);
    one.complete(()).await.unwrap();
    other.complete(()).await.unwrap();
    assert_eq!(fixture.service.run(address).await["startDateTime"], "2026-03-01T08:30:00Z");
    let error = fixture.flow.start(new.start("2026-03-01T08:31:00Z".parse().unwrap())).await;
    assert!(matches!(error, Err(Error::Refused(_))), "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn clocks_that_differ_never_keep_a_run_from_ending() {
    for year in ["1999", "2099"] {
        let now: Timestamp = format!("{year}-03-01T08:30:00Z").parse().unwrap();
        let clock = Arc::new(FixedClock::at(now));
        let fixture = Fixture::with(|builder| builder.clock(Arc::clone(&clock) as _)).await;
        let run = fixture.start().await;
        let address = run.address();
        clock.advance(Duration::from_secs(90));
        run.complete(()).await.unwrap();
        let stored = fixture.service.run(address).await;
        assert_eq!(stored["startDateTime"], format!("{year}-03-01T08:30:00Z"));
        assert_eq!(stored["endDateTime"], format!("{year}-03-01T08:31:30Z"));

        // A run that another machine started, and a clock that is set back.
        let path = format!("/industryData/incomingFlows/{}/runs", address.flow);
        let (_, body) = fixture.service.json("POST", &path, json!({"displayName": "Run"})).await;
        let id = body["id"].as_str().unwrap().parse().unwrap();
        let adopted = fixture.flow.adopt(id).await.unwrap();
        let adopted = adopted.complete(()).await.unwrap();
        let run = fixture.start().await;
        clock.set("1980-01-01T00:00:00Z".parse().unwrap());
        let set_back = run.complete(()).await.unwrap();
        for ended in [adopted, set_back] {
            let stored = fixture.client.run(ended.address).await.unwrap();
            assert!(stored.end.unwrap() >= stored.start, "{stored:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_response_that_cannot_be_read_is_resolved_by_reading_the_run() {
    let fixture = hasty().await;
    let run = fixture.start().await;
    let address = run.address();
    fixture.proxy.next([Fault::Cut]);
    assert_eq!(run.complete(()).await.unwrap().status, Status::Completed);
    assert_eq!(fixture.service.status(address).await, "completed");
}

#[tokio::test(start_paused = true)]
async fn a_response_of_another_run_is_not_an_acknowledgement() {
    const ODATA: &[(&str, &str)] = &[("OData-Version", "4.0")];
    const BODIES: [&str; 3] = [
        "",
        "{}",
        // Another run, which has completed.
        r#"{"@odata.id":"http://127.0.0.1:1/industryData/incomingFlows/0197f3a0-5c1e-7c3a-9d53-2f3a1b6c7d8e/runs/x",
            "id":"0197f3a0-5c1e-7c3a-9d53-2f3a1b6c7d8e","displayName":"Run","status":"completed",
            "startDateTime":"2026-03-01T08:30:00Z","endDateTime":"2026-03-01T08:30:00Z","statistics":{}}"#,
    ];
    for body in BODIES {
        let folder = tempfile::tempdir().unwrap();
        let fixture = Fixture::with(|builder| builder.spool(folder.path().join("spool"))).await;
        let run = fixture.start().await;
        let address = run.address();
        fixture.proxy.next([Fault::Respond(200, ODATA, body)]);
        let error = run.complete(()).await.unwrap_err();
        let ReportError::Unknown { spooled: true, last } = error else { panic!("{error:?}") };
        assert!(matches!(*last, Error::Unreadable(_)), "{last:?}");
        assert_eq!(fixture.service.status(address).await, "running");
        fixture.client.flush_spool(DEADLINE).await.unwrap();
        assert_eq!(fixture.service.status(address).await, "completed");
    }
}

#[tokio::test(start_paused = true)]
async fn a_flush_without_a_spool_gives_up_nothing() {
    let fixture = Fixture::new().await;
    let run = fixture.start().await;
    let address = run.address();
    fixture.proxy.next([Fault::Slow(Duration::from_secs(5))]);
    drop(run);
    let flushed = fixture.client.flush(Duration::from_secs(1)).await;
    assert_eq!((flushed.pending, flushed.lost), (1, 0));
    let flushed = fixture.client.flush(Duration::from_secs(60)).await;
    assert_eq!((flushed.pending, flushed.acknowledged), (0, 1));
    assert_eq!(fixture.service.status(address).await, "failed");
}

#[tokio::test(start_paused = true)]
async fn an_end_whose_statistics_are_not_stored_is_not_ok() {
    let folder = tempfile::tempdir().unwrap();
    let change =
        |builder: ClientBuilder| builder.deadline(DEADLINE).spool(folder.path().join("spool"));
    let fixture = Fixture::with(change).await;
    let run = fixture.start().await;
    let address = run.address();
    let path = format!("/industryData/incomingFlows/{}/runs/{}", address.flow, address.run);
    assert_eq!(fixture.service.json("PATCH", &path, json!({"status": "completed"})).await.0, 200);
    fixture.proxy.next([Fault::Hang]);
    let error = run.complete(json!({"rows": 1})).await.unwrap_err();
    assert!(matches!(error, ReportError::Unknown { spooled: true, .. }), "{error:?}");
    fixture.client.flush_spool(DEADLINE).await.unwrap();
    assert_eq!(fixture.service.run(address).await["statistics"]["rows"], 1);
}

#[tokio::test(start_paused = true)]
async fn an_end_is_not_resolved_by_a_response_that_cannot_be_read() {
    let fixture = hasty().await;
    let run = fixture.start().await;
    let address = run.address();
    fixture.proxy.next([Fault::Hang, Fault::Respond(200, &[("OData-Version", "4.0")], "{}")]);
    let error = run.complete(()).await.unwrap_err();
    assert!(matches!(error, ReportError::Unknown { .. }), "{error:?}");
    assert_eq!(fixture.service.status(address).await, "running");
}
