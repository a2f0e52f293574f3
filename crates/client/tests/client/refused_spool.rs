//! Spooled ends that the server does not accept as they are.

use std::{sync::Arc, time::Duration};

use flowruns_client::{NewRun, ReportError, RunAddress, RunId};
use flowruns_testing::FixedClock;
use serde_json::{Value, json};

use crate::{
    proxy::Fault,
    service::Fixture,
    spool::{counts, reports, spooling},
};

const SOON: Duration = Duration::from_secs(60);

fn path(address: RunAddress) -> String {
    format!("/industryData/incomingFlows/{}/runs/{}", address.flow, address.run)
}

#[tokio::test(start_paused = true)]
async fn an_end_before_the_start_ends_the_run_by_the_clock_of_the_server() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(FixedClock::at("2099-03-01T08:30:00Z".parse().unwrap()));
    let fixture = Fixture::with(|builder| {
        let builder = builder.spool(folder.path().join("spool")).deadline(SOON / 12);
        builder.clock(Arc::clone(&clock) as _)
    });
    let fixture = fixture.await;
    let run = fixture.start().await;
    let address = run.address();
    // The clock is corrected while the job runs, and the server goes away.
    clock.set("2026-03-01T08:30:00Z".parse().unwrap());
    fixture.proxy.always(Fault::Lose);
    run.complete(json!({"rows": 1})).await.unwrap_err();
    fixture.proxy.heal();
    assert_eq!(counts(fixture.client.flush_spool(SOON).await.unwrap()), [1, 0, 0, 0]);
    let stored = fixture.service.run(address).await;
    assert_eq!(
        (&stored["status"], &stored["statistics"]["rows"]),
        (&json!("completed"), &json!(1))
    );
    assert_eq!(stored["endDateTime"], stored["startDateTime"]);
}

#[tokio::test(start_paused = true)]
async fn a_refused_outcome_does_not_leave_the_run_running() {
    let folder = tempfile::tempdir().unwrap();
    let fixture = spooling(folder.path()).await;
    let run = fixture.start().await;
    let address = run.address();
    fixture.proxy.always(Fault::Lose);
    run.complete(()).await.unwrap_err();
    let body = json!({"blockingError": {"code": "early", "message": "stored by another"}});
    assert_eq!(fixture.service.json("PATCH", &path(address), body).await.0, 200);
    fixture.proxy.heal();
    // The report that the run is failed is lost, so the entry is kept.
    fixture.proxy.next([Fault::Pass]);
    fixture.proxy.always(Fault::Lose);
    assert_eq!(counts(fixture.client.flush_spool(SOON).await.unwrap()), [0, 0, 1, 0]);
    fixture.proxy.heal();
    assert_eq!(counts(fixture.client.flush_spool(SOON).await.unwrap()), [0, 1, 0, 0]);
    let stored = fixture.service.run(address).await;
    assert_eq!(
        (&stored["status"], &stored["blockingError"]["code"]),
        (&json!("failed"), &json!("early"))
    );
}

#[tokio::test(start_paused = true)]
async fn reports_that_the_server_cannot_answer_do_not_keep_back_others() {
    let folder = tempfile::tempdir().unwrap();
    let fixture = spooling(folder.path()).await;
    fixture.proxy.always(Fault::Lose);
    let mut last = None;
    // Entries are sent in the order of the ids.
    for number in 1..=6 {
        let id: RunId = format!("0197f3a0-5c1e-7c3a-9d53-00000000000{number}").parse().unwrap();
        let run = fixture.flow.start_detached(NewRun::new("Run").id(id)).unwrap();
        last = Some(run.address());
        let error = run.complete(()).await.unwrap_err();
        assert!(matches!(error, ReportError::Unknown { spooled: true, .. }), "{error:?}");
    }
    fixture.proxy.heal();
    // The creations find no defect: they name no run in their URL.
    for number in 1..=5 {
        fixture.proxy.add_defect(&format!("/runs/0197f3a0-5c1e-7c3a-9d53-00000000000{number}"));
    }
    let flushed = fixture.client.flush_spool(Duration::from_secs(30)).await.unwrap();
    assert_eq!(counts(flushed), [1, 0, 5, 0]);
    assert_eq!(fixture.service.status(last.unwrap()).await, "completed");
}

#[tokio::test(start_paused = true)]
async fn the_reports_of_a_run_keep_their_order_though_the_clock_is_set_back() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(FixedClock::at("2026-03-01T08:30:00Z".parse().unwrap()));
    let fixture = Fixture::with(|builder| {
        let builder = builder.spool(folder.path().join("spool")).deadline(SOON / 12);
        builder.clock(Arc::clone(&clock) as _)
    });
    let fixture = fixture.await;
    fixture.proxy.always(Fault::Lose);
    let run = fixture.flow.start_detached("Run").unwrap();
    let address = run.address();
    let id = run.hand_over();
    fixture.client.flush(SOON).await;
    clock.set("2026-02-28T08:30:00Z".parse().unwrap());
    fixture.flow.adopt_detached(id).complete(()).await.unwrap_err();
    fixture.proxy.heal();
    assert_eq!(counts(fixture.client.flush_spool(SOON).await.unwrap()), [2, 0, 0, 0]);
    let stored = fixture.service.run(address).await;
    assert_eq!((&stored["status"], &stored["blockingError"]), (&json!("completed"), &Value::Null));
}

#[tokio::test(start_paused = true)]
async fn an_entry_that_another_process_removes_meanwhile_is_no_error() {
    let folder = tempfile::tempdir().unwrap();
    let fixture = spooling(folder.path()).await;
    fixture.proxy.always(Fault::Lose);
    fixture.flow.start_detached("Run").unwrap().complete(()).await.unwrap_err();
    fixture.proxy.heal();
    fixture.proxy.next([Fault::Slow(Duration::from_secs(2))]);
    let removed = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        std::fs::remove_file(reports(folder.path()).remove(0)).unwrap();
    };
    let (flushed, ()) = tokio::join!(fixture.client.flush_spool(SOON), removed);
    assert_eq!(counts(flushed.unwrap()), [1, 0, 0, 0]);
}

#[tokio::test]
async fn a_process_that_was_stopped_while_it_wrote_does_not_hold_up_others() {
    let folder = tempfile::tempdir().unwrap();
    let fixture = spooling(folder.path()).await;
    std::fs::create_dir(folder.path().join("spool")).unwrap();
    let lock = std::fs::File::create(folder.path().join("spool/write.lock")).unwrap();
    lock.lock().unwrap();
    fixture.proxy.always(Fault::Refuse(403, None));
    let run = fixture.flow.start_detached("Run").unwrap();
    let end = tokio::time::timeout(SOON, run.complete(())).await;
    let error = end.unwrap().unwrap_err();
    assert!(matches!(error, ReportError::NotAllowed { spooled: false, .. }), "{error:?}");
}
