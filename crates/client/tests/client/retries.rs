//! When a request is repeated, and when it is not.

use std::{sync::Arc, time::Duration};

use flowruns_client::{Error, ReportError, Status};
use flowruns_testing::FixedClock;
use tokio::time::Instant;

use crate::{
    proxy::{Fault, Sent},
    service::Fixture,
};

async fn patches(fixture: &Fixture) -> Vec<Sent> {
    let sent = fixture.proxy.sent();
    sent.into_iter().filter(|sent| sent.method == "PATCH").collect()
}

#[tokio::test(start_paused = true)]
async fn an_end_is_repeated_until_its_deadline_with_the_same_id_and_body() {
    let fixture = Fixture::new().await;
    let run = fixture.start().await;
    let address = run.address();
    fixture.proxy.always(Fault::Refuse(503, None));
    let begun = Instant::now();
    let error = run.complete(()).await.unwrap_err();
    let elapsed = begun.elapsed();
    assert!(matches!(error, ReportError::Unknown { spooled: false, .. }), "{error:?}");
    assert!(elapsed <= Duration::from_secs(33), "{elapsed:?}");

    let sent = patches(&fixture).await;
    assert!((4..=100).contains(&sent.len()), "{}", sent.len());
    for pair in sent.windows(2) {
        assert!(pair[1].at - pair[0].at <= Duration::from_secs(10));
        assert_eq!(pair[0].client_request_id, pair[1].client_request_id);
        assert_eq!(pair[0].body, pair[1].body);
    }
    fixture.proxy.heal();
    assert_eq!(fixture.service.status(address).await, "running");
}

#[tokio::test(start_paused = true)]
async fn retryable_failures_are_repeated() {
    for fault in [
        Fault::Lose,
        Fault::Hang,
        Fault::Portal,
        Fault::Refuse(408, None),
        Fault::Refuse(429, None),
        Fault::Refuse(500, None),
        Fault::Refuse(502, None),
        Fault::Refuse(503, None),
        Fault::Refuse(504, None),
    ] {
        let fixture = Fixture::new().await;
        let run = fixture.start().await;
        fixture.proxy.next([fault.clone(), fault.clone()]);
        let ended = run.complete(()).await;
        assert_eq!(ended.unwrap().status, Status::Completed, "{fault:?}");
        assert_eq!(patches(&fixture).await.len(), 3, "{fault:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_pause_that_the_server_asks_for_is_kept() {
    for (after, least) in [("7", 7), ("Fri, 01 Jan 2100 00:00:00 GMT", 31)] {
        let fixture = Fixture::new().await;
        let run = fixture.start().await;
        fixture.proxy.next([Fault::Refuse(429, Some(after))]);
        let begun = Instant::now();
        let result = run.complete(()).await;
        let sent = patches(&fixture).await;
        match least {
            7 => {
                assert!(sent[1].at - sent[0].at >= Duration::from_secs(7));
                assert_eq!(result.unwrap().status, Status::Completed);
            }
            // Later than the deadline: it is not repeated, and not waited for.
            _ => {
                assert!(matches!(result, Err(ReportError::Unknown { .. })), "{result:?}");
                assert_eq!(sent.len(), 1);
                assert!(begun.elapsed() < Duration::from_secs(5));
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_final_refusal_is_never_repeated() {
    for status in [409, 412, 422] {
        let fixture = Fixture::new().await;
        let run = fixture.start().await;
        fixture.proxy.always(Fault::Refuse(status, None));
        let error = run.complete(()).await.unwrap_err();
        assert!(matches!(error, ReportError::Refused { .. }), "{error:?}");
        assert_eq!(patches(&fixture).await.len(), 1, "{status}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_invalid_end_is_not_repeated_and_the_run_fails() {
    let fixture = Fixture::new().await;
    let run = fixture.start().await;
    let address = run.address();
    fixture.proxy.next([Fault::Refuse(400, None)]);
    let error = run.complete(()).await.unwrap_err();
    assert!(matches!(error, ReportError::Invalid { .. }), "{error:?}");
    let stored = fixture.service.run(address).await;
    assert_eq!(stored["status"], "failed");
    assert_eq!(stored["blockingError"]["code"], "reportRefused");
}

#[tokio::test(start_paused = true)]
async fn all_runs_of_a_client_share_the_budget_of_retries() {
    let fixture = Fixture::new().await;
    fixture.proxy.always(Fault::Lose);
    let runs: Vec<_> = (0..200).map(|_| fixture.flow.start_detached("Run").unwrap()).collect();
    let begun = Instant::now();
    tokio::time::sleep(Duration::from_secs(60)).await;
    // One attempt of each, a hundred retries at once, then one a second.
    let sent = fixture.proxy.sent().len();
    assert!((250..=200 + 100 + 61).contains(&sent), "{sent}");
    drop(runs);
    let flushed = fixture.client.flush(Duration::from_secs(300)).await;
    assert_eq!((flushed.lost, flushed.pending), (200, 0));
    let seconds = begun.elapsed().as_secs() as usize;
    let sent = fixture.proxy.sent().len();
    // And one attempt of each end, for the creation that comes first.
    assert!(sent <= 200 + 100 + seconds + 1 + 200, "{sent} in {seconds} s");
}

#[tokio::test(start_paused = true)]
async fn a_read_says_how_often_it_was_tried() {
    let fixture = Fixture::new().await;
    fixture.proxy.always(Fault::Lose);
    let error = fixture.client.flow_record(fixture.flow.id()).await.unwrap_err();
    let Error::Away { server, attempts, last } = &error else { panic!("{error:?}") };
    assert_eq!(server, "http://127.0.0.1:1");
    assert_eq!(*attempts as usize, fixture.proxy.sent().len());
    assert_eq!(last.as_ref().unwrap().to_string(), "connection refused");
}

#[tokio::test(start_paused = true)]
async fn a_creation_that_is_finally_refused_is_not_sent_again_and_the_end_says_why() {
    for status in [400, 404, 409, 422] {
        let fixture = Fixture::new().await;
        fixture.proxy.always(Fault::Refuse(status, None));
        let run = fixture.flow.start_detached("Run").unwrap();
        for number in 0..60 {
            run.progress(&serde_json::json!({"n": number})).unwrap();
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        let error = run.complete(()).await.unwrap_err();
        let is_told = matches!(
            (status, &error),
            (400, ReportError::Invalid { .. })
                | (404, ReportError::NotFound(_))
                | (409 | 422, ReportError::Refused { .. })
        );
        assert!(is_told, "{status}: {error:?}");
        assert_eq!(fixture.proxy.sent().len(), 1, "{status}");
        let flushed = fixture.client.flush(Duration::from_secs(60)).await;
        assert_eq!((flushed.refused, flushed.pending), (1, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn a_date_to_retry_after_counts_from_the_date_of_the_response() {
    let clock = FixedClock::at("1999-03-01T08:30:00Z".parse().unwrap());
    let fixture = Fixture::with(|builder| builder.clock(Arc::new(clock))).await;
    let run = fixture.start().await;
    let headers = &[
        ("Date", "Sun, 01 Mar 2026 08:30:00 GMT"),
        ("Retry-After", "Sun, 01 Mar 2026 08:30:07 GMT"),
    ];
    fixture.proxy.next([Fault::Respond(503, headers, "")]);
    assert_eq!(run.complete(()).await.unwrap().status, Status::Completed);
    let sent = patches(&fixture).await;
    let pause = sent[1].at - sent[0].at;
    assert!((7..8).contains(&pause.as_secs()), "{pause:?}");
}
