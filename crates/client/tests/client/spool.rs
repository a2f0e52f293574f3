//! Ends that could not be delivered.

use std::{fs, path::Path, sync::Arc, time::Duration};

use flowruns_client::{Client, ClientBuilder, ReportError, RunAddress, SpoolError, SpoolFlushed};
use flowruns_domain::{
    clock::{Clock as _, SystemClock},
    timestamp::Timestamp,
};
use flowruns_testing::FixedClock;
use serde_json::json;

use crate::{proxy::Fault, service::Fixture};

const SOON: Duration = Duration::from_secs(60);

pub(crate) async fn spooling(folder: &Path) -> Fixture {
    Fixture::with(|builder| builder.spool(folder.join("spool")).deadline(SOON / 12)).await
}

/// Ends a run while the server is away.
async fn spool_one(fixture: &Fixture) -> RunAddress {
    let run = fixture.flow.start_detached("Run").unwrap();
    let address = run.address();
    run.progress(&json!({"rows": 1})).unwrap();
    let error = run.complete(json!({"files": 2})).await.unwrap_err();
    assert!(matches!(error, ReportError::Unknown { spooled: true, .. }), "{error:?}");
    address
}

pub(crate) fn reports(folder: &Path) -> Vec<std::path::PathBuf> {
    let files = fs::read_dir(folder.join("spool")).unwrap();
    let paths = files.map(|file| file.unwrap().path());
    paths.filter(|path| path.extension().is_some_and(|end| end == "report")).collect()
}

pub(crate) fn counts(flushed: SpoolFlushed) -> [usize; 4] {
    [flushed.delivered, flushed.refused, flushed.kept + flushed.other, flushed.expired]
}

#[tokio::test(start_paused = true)]
async fn what_could_not_be_sent_is_sent_later_and_completely() {
    let folder = tempfile::tempdir().unwrap();
    let fixture = spooling(folder.path()).await;
    fixture.proxy.always(Fault::Lose);
    let address = spool_one(&fixture).await;
    assert_eq!(counts(fixture.client.flush_spool(SOON).await.unwrap()), [0, 0, 1, 0]);

    fixture.proxy.heal();
    assert_eq!(counts(fixture.client.flush_spool(SOON).await.unwrap()), [1, 0, 0, 0]);
    let stored = fixture.service.run(address).await;
    assert_eq!(stored["status"], "completed");
    assert_eq!(
        (&stored["statistics"]["rows"], &stored["statistics"]["files"]),
        (&json!(1), &json!(2))
    );
    assert!(reports(folder.path()).is_empty());
    assert_eq!(counts(fixture.client.flush_spool(SOON).await.unwrap()), [0; 4]);
}

#[cfg(unix)]
#[tokio::test(start_paused = true)]
async fn no_other_user_can_read_or_change_the_spool() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let fixture = spooling(folder.path()).await;
    fixture.proxy.always(Fault::Lose);
    spool_one(&fixture).await;
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let spool = folder.path().join("spool");
    assert_eq!(mode(&spool), 0o700);
    for file in fs::read_dir(&spool).unwrap() {
        let path = file.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
        let text = fs::read_to_string(&path).unwrap();
        assert!(!text.contains("Bearer") && !text.contains(&fixture.service.full_token()));
    }
    fs::set_permissions(&spool, fs::Permissions::from_mode(0o777)).unwrap();
    // What another user put there must not be sent with this token.
    let error = fixture.client.flush_spool(SOON).await.unwrap_err();
    assert!(matches!(error, SpoolError::WritableByOthers(_)), "{error:?}");
    let run = fixture.flow.start_detached("Run").unwrap();
    let error = run.complete(()).await.unwrap_err();
    assert!(matches!(error, ReportError::Unknown { spooled: false, .. }), "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn a_full_spool_keeps_what_it_has_and_says_what_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let change = |builder: ClientBuilder| {
        builder.spool(folder.path().join("spool")).deadline(SOON / 12).spool_bytes(1500)
    };
    let fixture = Fixture::with(change).await;
    fixture.proxy.always(Fault::Lose);
    let address = spool_one(&fixture).await;
    let run = fixture.flow.start_detached("Run").unwrap();
    let error = run.complete(json!({"a": "x".repeat(1000)})).await.unwrap_err();
    assert!(matches!(error, ReportError::Unknown { spooled: false, .. }), "{error:?}");
    let flushed = fixture.client.flush(SOON).await;
    assert_eq!((flushed.spooled, flushed.lost), (1, 1));
    fixture.proxy.heal();
    assert_eq!(counts(fixture.client.flush_spool(SOON).await.unwrap()), [1, 0, 0, 0]);
    assert_eq!(fixture.service.status(address).await, "completed");
}

#[tokio::test(start_paused = true)]
async fn a_report_older_than_seven_days_is_removed_and_one_of_the_future_is_sent() {
    for (days, expected) in [(6, [1, 0, 0, 0]), (8, [0, 0, 0, 1])] {
        let folder = tempfile::tempdir().unwrap();
        let now: Timestamp = "2026-03-01T08:30:00Z".parse().unwrap();
        let clock = Arc::new(FixedClock::at(now));
        let change = |builder: ClientBuilder| {
            let builder = builder.clock(Arc::clone(&clock) as _).deadline(SOON / 12);
            builder.spool(folder.path().join("spool"))
        };
        let fixture = Fixture::with(change).await;
        fixture.proxy.always(Fault::Lose);
        spool_one(&fixture).await;
        fixture.proxy.heal();
        clock.advance(Duration::from_secs(days * 24 * 3600));
        assert_eq!(counts(fixture.client.flush_spool(SOON).await.unwrap()), expected);

        fixture.proxy.always(Fault::Lose);
        spool_one(&fixture).await;
        fixture.proxy.heal();
        clock.set("1999-01-01T00:00:00Z".parse().unwrap());
        assert_eq!(counts(fixture.client.flush_spool(SOON).await.unwrap()), [1, 0, 0, 0]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_report_that_contradicts_what_is_stored_is_refused_once() {
    let folder = tempfile::tempdir().unwrap();
    let fixture = spooling(folder.path()).await;
    let run = fixture.start().await;
    let address = run.address();
    fixture.proxy.always(Fault::Lose);
    run.complete(()).await.unwrap_err();
    let path = format!("/industryData/incomingFlows/{}/runs/{}", address.flow, address.run);
    assert_eq!(fixture.service.json("PATCH", &path, json!({"status": "failed"})).await.0, 200);
    fixture.proxy.heal();
    assert_eq!(counts(fixture.client.flush_spool(SOON).await.unwrap()), [0, 1, 0, 0]);
    assert_eq!(fixture.service.status(address).await, "failed");
    assert!(reports(folder.path()).is_empty());
}

#[tokio::test(start_paused = true)]
async fn reports_of_another_server_and_unknown_files_are_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let fixture = spooling(folder.path()).await;
    fixture.proxy.always(Fault::Lose);
    spool_one(&fixture).await;
    let path = reports(folder.path()).remove(0);
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("http://127.0.0.1:1", "https://other.example")).unwrap();
    fs::write(folder.path().join("spool/broken.report"), "{\"version\":1").unwrap();
    fixture.proxy.heal();
    let sent = fixture.proxy.sent().len();
    let flushed = fixture.client.flush_spool(SOON).await.unwrap();
    assert_eq!((counts(flushed), flushed.other), ([0, 0, 2, 0], 2));
    assert_eq!(fixture.proxy.sent().len(), sent);
    assert_eq!(reports(folder.path()).len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_report_that_is_too_old_is_removed_whatever_its_server_is_and_when_another_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(FixedClock::at(SystemClock.now()));
    let change = |builder: ClientBuilder| {
        let builder = builder.clock(Arc::clone(&clock) as _).deadline(SOON / 12);
        builder.spool(folder.path().join("spool"))
    };
    let fixture = Fixture::with(change).await;
    fixture.proxy.always(Fault::Lose);
    spool_one(&fixture).await;
    let old = reports(folder.path()).remove(0);
    clock.advance(Duration::from_secs(8 * 24 * 3600));
    spool_one(&fixture).await;
    assert!(!old.exists());

    let path = reports(folder.path()).remove(0);
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("http://127.0.0.1:1", "https://other.example")).unwrap();
    clock.advance(Duration::from_secs(8 * 24 * 3600));
    assert_eq!(counts(fixture.client.flush_spool(SOON).await.unwrap()), [0, 0, 0, 1]);
    assert!(!path.exists());
}

#[tokio::test(start_paused = true)]
async fn the_reports_of_a_run_keep_their_order() {
    let folder = tempfile::tempdir().unwrap();
    let fixture = spooling(folder.path()).await;
    fixture.proxy.always(Fault::Lose);
    let run = fixture.flow.start_detached("Run").unwrap();
    let address = run.address();
    let id = run.hand_over();
    fixture.client.flush(SOON).await;
    let run = fixture.flow.adopt_detached(id);
    run.complete(()).await.unwrap_err();
    assert_eq!(reports(folder.path()).len(), 2);
    // The first entry cannot be sent, so the second one waits.
    fixture.proxy.heal();
    fixture.proxy.next([Fault::Hang]);
    assert_eq!(counts(fixture.client.flush_spool(SOON / 60).await.unwrap()), [0, 0, 2, 0]);
    assert_eq!(counts(fixture.client.flush_spool(SOON).await.unwrap()), [2, 0, 0, 0]);
    assert_eq!(fixture.service.status(address).await, "completed");
}

#[tokio::test(start_paused = true)]
async fn a_flush_does_not_wait_longer_than_it_may() {
    let folder = tempfile::tempdir().unwrap();
    let fixture = Fixture::with(|builder| builder.spool(folder.path().join("spool"))).await;
    fixture.proxy.always(Fault::Hang);
    let run = fixture.flow.start_detached("Run").unwrap();
    drop(run);
    let begun = tokio::time::Instant::now();
    let flushed = fixture.client.flush(Duration::from_secs(1)).await;
    assert!(begun.elapsed() < Duration::from_secs(6), "{:?}", begun.elapsed());
    assert_eq!((flushed.spooled, flushed.pending), (1, 0));
    let live: Client = fixture.client.clone();
    let run = fixture.flow.start_detached("Run").unwrap();
    assert_eq!(live.flush(Duration::from_secs(1)).await.pending, 1);
    run.hand_over();
}
