//! `flowruns report`.

use std::{fs, io::Write as _, process::Stdio};

use serde_json::{Value, json};

use crate::place::{Place, Printed, mint, printed};

/// The stored run, as the API shows it.
fn stored(place: &Place, run: &str) -> Value {
    place.json(&["show", run, "--json"])
}

#[test]
fn a_run_is_started_reported_and_ended() {
    let place = Place::new();
    let start = ["report", "start", "--flow", "Nightly", "--create-flow", "--name", "Rosters"];
    let run = place.done(&start);
    let (flow, id) = run.split_once('/').unwrap();
    assert_eq!((flow.len(), id.len()), (36, 36), "{run}");
    assert_eq!(place.done(&["report", "progress", &run, "rows=5", "file=a.csv", "gone=1"]), "");
    fs::write(place.path("s.json"), r#"{"records": {"read": 7}, "rows": 1}"#).unwrap();
    place.done(&["report", "progress", &run, "rows=6", "gone=null", "--statistics", "@s.json"]);
    let running = stored(&place, &run);
    assert_eq!(running["status"], "running");
    assert_eq!(running["displayName"], "Rosters");
    assert_eq!(running["flowName"], "Nightly");
    let expected = json!({"rows": 6, "file": "a.csv", "records": {"read": 7}});
    assert_eq!(running["statistics"], expected);

    let end = ["report", "end", &run, "completedWithErrors", "rows=8"];
    let error = ["--error", "rows", "--message", "2 rows were dropped"];
    assert_eq!(place.done(&[&end[..], &error].concat()), "");
    let ended = stored(&place, &run);
    assert_eq!(ended["status"], "completedWithErrors");
    assert_eq!(ended["statistics"]["rows"], 8);
    let error = json!({"code": "rows", "message": "2 rows were dropped"});
    assert_eq!(ended["blockingError"], error);
    // The same report again is harmless.
    place.done(&["report", "end", &run, "completedWithErrors"]);
}

#[test]
fn each_status_with_which_a_run_ends_is_stored_and_only_failures_have_errors() {
    let place = Place::new();
    for status in ["completed", "completedWithWarnings", "completedWithErrors", "failed"] {
        let run = place.ended("Flow", &[status, "rows=1"]);
        let ended = stored(&place, &run);
        assert_eq!((&ended["status"], &ended["statistics"]["rows"]), (&json!(status), &json!(1)));
        assert_eq!(ended["blockingError"], Value::Null);
    }
    let run = place.start("Flow");
    let refused = place.run(&["report", "end", &run, "completed", "--message", "but"]);
    assert_eq!(refused.code, 2, "{refused:?}");
    assert_eq!(stored(&place, &run)["status"], "running");
    place.done(&["report", "end", &run, "failed", "--message", "the disk is full"]);
    let error = json!({"code": "jobFailed", "message": "the disk is full"});
    assert_eq!(stored(&place, &run)["blockingError"], error);
}

#[test]
fn a_repeated_start_with_the_same_id_finds_the_run() {
    let place = Place::new();
    place.done(&["report", "start", "--create-flow", "--flow", "Flow"]);
    let start = [
        "report",
        "start",
        "--flow",
        "Flow",
        "--name",
        "Rosters",
        "--start",
        "2026-03-01T08:30:00+01:00",
        "--id",
        "0197f3a0-5c1e-7c3a-9d53-2f3a1b6c7d8e",
    ];
    let run = place.done(&start);
    assert_eq!(place.done(&start), run);
    let json = place.json(&[&start[..], &["--json"]].concat());
    assert_eq!(json["run"], json!(run));
    assert_eq!(stored(&place, &run)["startDateTime"], "2026-03-01T07:30:00Z");
    // Another run with this id is refused.
    let mut other = start;
    other[5] = "Another name";
    assert_eq!(place.run(&other).code, 5);
}

#[test]
fn what_contradicts_the_stored_run_is_refused_with_what_is_stored() {
    let place = Place::new();
    let run = place.ended("Flow", &["failed"]);
    let Printed { code, out, err } = place.run(&["report", "end", &run, "completed"]);
    assert_eq!((code, &*out), (5, ""), "{err}");
    assert!(
        err.starts_with("error: ") && err.contains("failed") && err.lines().count() == 1,
        "{err}"
    );
    assert_eq!(stored(&place, &run)["status"], "failed");
    // Statistics may still be added.
    place.done(&["report", "progress", &run, "rows=9"]);
    assert_eq!(stored(&place, &run)["statistics"]["rows"], 9);
}

#[test]
fn statistics_come_from_standard_input_and_mistakes_are_usage_errors() {
    let place = Place::new();
    let run = place.start("Flow");
    let from_stdin = |document: &str| {
        let mut command = place.command(&["report", "progress", &run, "--statistics", "-"]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(document.as_bytes()).unwrap();
        child.wait_with_output().unwrap().status.code().unwrap()
    };
    assert_eq!(from_stdin(r#"{"big": 18446744073709551615}"#), 0);
    assert_eq!(stored(&place, &run)["statistics"]["big"], json!(u64::MAX));
    for document in ["", "[1]", "{\"a\":1", "{\"a\":1,\"a\":2}"] {
        assert_eq!(from_stdin(document), 2, "{document}");
    }
    for arguments in [
        &["report", "progress", &run][..],
        &["report", "progress", &run, "rows"],
        &["report", "progress", &run, "a=1", "a=2"],
        &["report", "progress", &run, "--statistics", "file.json"],
        &["report", "progress", &run, "--statistics", "@missing.json"],
        &["report", "progress", "no-run", "a=1"],
        &["report", "end", &run, "running"],
        &["report", "end", &run, "Completed"],
        &["report", "start", "--flow", "Flow", "--name", " "],
        &["report", "start"],
        &["report"],
    ] {
        let refused = place.run(arguments);
        assert_eq!((refused.code, &*refused.out), (2, ""), "{arguments:?}: {refused:?}");
        assert!(refused.err.starts_with("error: ") || refused.err.contains("Usage"), "{refused:?}");
    }
    assert_eq!(stored(&place, &run)["status"], "running");
}

#[test]
fn over_a_limit_of_the_service_nothing_is_stored() {
    let place = Place::new();
    let run = place.start("Flow");
    let large = format!("text={}", "x".repeat(70_000));
    assert_eq!(place.run(&["report", "progress", &run, &large]).code, 5);
    assert_eq!(stored(&place, &run)["statistics"], json!({}));
}

#[test]
fn a_token_without_the_permission_is_told_apart_from_one_that_is_not_accepted() {
    let place = Place::new();
    let reader = mint(&place.server, &["--role", "IndustryData-Run.Read.All"]);
    for token in [&*reader, "no-token"] {
        let start = ["report", "start", "--flow", "New flow", "--create-flow"];
        let refused = printed(place.command(&start).env("FLOWRUNS_TOKEN", token));
        assert_eq!((refused.code, &*refused.out), (6, ""), "{refused:?}");
        assert!(!refused.err.contains(token), "{refused:?}");
    }
}
