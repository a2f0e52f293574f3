//! Statistics: merged while they wait, within limits.

use std::time::Duration;

use flowruns_client::ReportError;
use serde_json::json;

use crate::{proxy::Fault, service::Fixture};

#[tokio::test(start_paused = true)]
async fn statistics_are_merged_and_sent_once_a_second() {
    let fixture = Fixture::new().await;
    let run = fixture.start().await;
    let address = run.address();
    for number in 0..3000 {
        run.progress(&json!({"rows": number, "files": {format!("f{}", number % 3): number}}))
            .unwrap();
        if number % 1000 == 999 {
            tokio::time::sleep(Duration::from_millis(1100)).await;
        }
    }
    assert_eq!(fixture.proxy.count("PATCH"), 3);
    run.progress(&json!({"files": {"f0": null}})).unwrap();
    run.complete(json!({"rows": 3000})).await.unwrap();
    // What waits goes with the end.
    assert_eq!(fixture.proxy.count("PATCH"), 4);
    let stored = fixture.service.run(address).await;
    assert_eq!(stored["statistics"]["rows"], 3000);
    assert_eq!(stored["statistics"]["files"], json!({"f1": 2998, "f2": 2999}));
}

#[tokio::test(start_paused = true)]
async fn statistics_that_cannot_be_combined_are_sent_in_order() {
    let fixture = Fixture::new().await;
    let run = fixture.start().await;
    let address = run.address();
    for statistics in [json!({"a": {"x": 1}}), json!({"a": 5}), json!({"a": {"y": 2}, "b": 1})] {
        run.progress(&statistics).unwrap();
    }
    run.complete(json!({"b": {"z": 1}})).await.unwrap();
    let stored = fixture.service.run(address).await;
    assert_eq!(stored["statistics"]["a"], json!({"y": 2}));
    assert_eq!(stored["statistics"]["b"], json!({"z": 1}));
}

#[tokio::test(start_paused = true)]
async fn statistics_are_checked_before_they_are_sent() {
    use flowruns_client::StatisticsError::{Invalid, OverLimit};
    let fixture = Fixture::new().await;
    let run = fixture.start().await;
    let address = run.address();
    let half = "x".repeat(40 * 1024);
    run.progress(&json!({"a": half})).unwrap();
    assert!(matches!(run.progress(&json!({"b": half})), Err(OverLimit(_))));
    assert!(matches!(run.progress(&json!({"c": "\0"})), Err(Invalid(_))));
    let deep = (0..16).fold(json!(1), |inner, _| json!({"d": inner}));
    run.progress(&deep).unwrap();
    assert!(matches!(run.progress(&json!({"d": deep})), Err(OverLimit(_))));
    run.progress(&json!({"a": null, "b": half})).unwrap();
    let error = run.complete(json!({"c": half})).await.unwrap_err();
    assert!(matches!(error, ReportError::Statistics(OverLimit(_))), "{error:?}");
    let stored = fixture.service.run(address).await;
    assert_eq!(stored["status"], "failed");
    assert_eq!(stored["blockingError"]["code"], "invalidStatistics");
    assert_eq!(stored["statistics"]["b"], half);
}

#[tokio::test(start_paused = true)]
async fn what_waits_is_bounded_and_the_end_is_always_accepted() {
    let fixture = Fixture::with(|builder| builder.queue_bytes(1000)).await;
    let run = fixture.start().await;
    let address = run.address();
    run.progress(&json!({"a": "x".repeat(900)})).unwrap();
    let error = run.progress(&json!({"b": "x".repeat(900)})).unwrap_err();
    assert!(error.to_string().contains("at most 1000 may"), "{error}");
    // Merging does not add up.
    for number in 0..1000 {
        run.progress(&json!({"n": number})).unwrap();
    }
    run.complete(json!({"b": "x".repeat(2000)})).await.unwrap();
    let stored = fixture.service.run(address).await;
    assert_eq!((&stored["status"], &stored["statistics"]["n"]), (&json!("completed"), &json!(999)));
    let run = fixture.start().await;
    run.progress(&json!({"a": "x".repeat(900)})).unwrap();
    run.complete(()).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn members_that_come_and_go_while_the_server_is_away_do_not_make_a_report_too_large() {
    let fixture = Fixture::new().await;
    fixture.proxy.set_away(true);
    let run = fixture.flow.start_detached("Run").unwrap();
    let address = run.address();
    // More than the service accepts in one body: 1 MiB.
    for number in 0..120 {
        let file = format!("{number}-{}", "x".repeat(10_000));
        run.progress(&json!({"files": {&file: 1}, "n": number})).unwrap();
        run.progress(&json!({"files": {&file: null}})).unwrap();
    }
    fixture.proxy.heal();
    run.complete(json!({"done": true})).await.unwrap();
    let stored = fixture.service.run(address).await;
    assert_eq!(stored["status"], "completed");
    assert_eq!(
        (&stored["statistics"]["n"], &stored["statistics"]["done"]),
        (&json!(119), &json!(true))
    );
    assert_eq!(stored["statistics"]["files"], json!({}));
}

#[tokio::test(start_paused = true)]
async fn the_number_of_requests_before_an_end_is_bounded() {
    use flowruns_client::StatisticsError::{PatchTooLarge, TooManyPatches};
    let fixture = Fixture::new().await;
    fixture.proxy.set_away(true);
    let run = fixture.flow.start_detached("Run").unwrap();
    let address = run.address();
    let changes = (0..100).map(|number| match number % 2 {
        0 => run.progress(&json!({"a": {"x": number}})),
        _ => run.progress(&json!({"a": number})),
    });
    let refused: Vec<_> = changes.filter_map(Result::err).collect();
    assert!(matches!(refused[0], TooManyPatches { .. }), "{refused:?}");
    let removed: serde_json::Map<_, _> =
        (0..300).map(|number| (format!("{number}-{}", "x".repeat(1000)), json!(null))).collect();
    assert!(matches!(run.progress(&removed), Err(PatchTooLarge { .. })));
    fixture.proxy.heal();
    run.complete(json!({"a": "the end"})).await.unwrap();
    let stored = fixture.service.run(address).await;
    assert_eq!(stored["statistics"]["a"], "the end");
    assert!(fixture.service.history(address).await.len() <= 20);
}

#[tokio::test(start_paused = true)]
async fn newer_statistics_are_kept_when_older_ones_were_lost_on_their_way() {
    let fixture = Fixture::new().await;
    let run = fixture.start().await;
    let address = run.address();
    fixture.proxy.next([Fault::Hang]);
    run.progress(&json!({"n": 1, "a": {"x": 1}, "first": true})).unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    run.progress(&json!({"n": 2, "a": {"x": null, "y": 2}})).unwrap();
    tokio::time::sleep(Duration::from_secs(60)).await;
    let expected = json!({"n": 2, "a": {"y": 2}, "first": true});
    let stored = fixture.service.run(address).await;
    for name in ["n", "a", "first"] {
        assert_eq!(stored["statistics"][name], expected[name], "{stored}");
    }
    run.complete(()).await.unwrap();
}
