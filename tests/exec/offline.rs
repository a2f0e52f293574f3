//! The server is away: reports are spooled and sent later, dropped, or the command is not started.

use std::io::Read as _;

use flowruns_domain::timestamp::Timestamp;
use rustix::process::{Pid, Signal, kill_process};

use crate::{
    place::{Place, fill, run},
    proxy::State,
};

/// Runs a command whose report the server does not accept, so that it goes to the spool at once.
async fn spool(place: &Place, command: &[&str]) {
    let mut exec = place.exec(&[], command);
    exec.env("FLOWRUNS_TOKEN", "wrong");
    let ended = run(exec, b"").await;
    assert!(ended.said().contains("is in the spool"), "{}", ended.said());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_next_exec_sends_what_is_in_the_spool() {
    let place = Place::new(State::Well).await;
    spool(&place, &["sh", "-c", "exit 3"]).await;
    assert_eq!((place.spooled(), place.runs().await.len()), (1, 0));
    let ended = run(place.exec(&[], &["true"]), b"").await;
    assert_eq!((ended.code, ended.said().as_str()), (Some(0), ""));
    assert_eq!(place.spooled(), 0);
    let runs = place.runs().await;
    let mut statuses: Vec<&str> = runs.iter().map(|run| run["status"].as_str().unwrap()).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, ["completed", "failed"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_exec_that_send_the_spool_at_once_report_each_run_once() {
    const SPOOLED: usize = 8;
    let place = Place::new(State::Well).await;
    let spooling = (0..SPOOLED).map(|_| spool(&place, &["false"]));
    futures_util::future::join_all(spooling).await;
    assert_eq!(place.spooled(), SPOOLED);
    let (one, other) =
        tokio::join!(run(place.exec(&[], &["true"]), b""), run(place.exec(&[], &["true"]), b""));
    assert_eq!((one.code, other.code), (Some(0), Some(0)), "{} {}", one.said(), other.said());
    assert_eq!(place.spooled(), 0);
    let runs = place.runs().await;
    assert_eq!(runs.len(), SPOOLED + 2);
    for run in runs {
        let history = place.client().history(&place.run_path(run["id"].as_str().unwrap())).await;
        assert!(run["status"] != "running" && history.len() <= 3, "{history:#?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_of_a_flow_by_name_is_spooled_if_the_name_was_found_before() {
    let place = Place::new(State::Well).await;
    let by_name = |token: &str| {
        let mut exec = place.flowruns(&["exec", "--flow", &place.name, "--", "true"]);
        exec.env("FLOWRUNS_TOKEN", token);
        exec
    };
    let unknown = run(by_name("wrong"), b"").await;
    assert!(unknown.said().contains("the id of the flow"), "{}", unknown.said());
    assert_eq!(place.spooled(), 0);
    assert_eq!(run(by_name(place.right_token()), b"").await.said(), "");
    let known = run(by_name("wrong"), b"").await;
    assert!(known.said().contains("is in the spool"), "{}", known.said());
    assert_eq!(run(place.exec(&[], &["true"]), b"").await.said(), "");
    assert_eq!(place.runs().await.len(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dropped_reports_are_told_and_not_spooled() {
    let place = Place::new(State::Absent).await;
    let options = ["--offline", "drop"];
    let ended = run(place.exec(&options, &["sh", "-c", "echo out; exit 3"]), b"").await;
    assert_eq!((ended.code, ended.stdout_text().as_str()), (Some(3), "out\n"));
    assert!(ended.said().contains("is not reported"), "{}", ended.said());
    assert_eq!(place.spooled(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_that_must_be_reported_does_not_start_while_the_server_is_away() {
    let place = Place::new(State::Absent).await;
    let options = ["--offline", "fail"];
    let refused = run(place.exec(&options, &["touch", "started"]), b"").await;
    assert_eq!(refused.code, Some(125), "{}", refused.said());
    assert!(refused.said().contains("the command is not started"), "{}", refused.said());
    assert!(!place.path("started").exists());
    place.proxy.heal();
    let ended = run(place.exec(&options, &["sh", "-c", "exit 3"]), b"").await;
    assert_eq!((ended.code, ended.said().as_str()), (Some(3), ""));
    assert_eq!(place.only_run().await["status"], "failed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_end_of_a_command_that_waited_for_its_run_is_when_it_ended() {
    let place = Place::new(State::Slow).await;
    let ended = run(place.exec(&["--offline", "fail"], &["date", "+%s%6N"]), b"").await;
    let before_its_end: i64 = ended.stdout_text().trim().parse().unwrap();
    let stored = place.only_run().await;
    let end: Timestamp = stored["endDateTime"].as_str().unwrap().parse().unwrap();
    assert!(end.date_time().timestamp_micros() >= before_its_end, "{stored:#}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn strict_tells_a_report_that_is_neither_sent_nor_spooled() {
    let place = Place::new(State::Absent).await;
    let spooled = run(place.exec(&["--strict"], &["true"]), b"");
    let full = Place::new(State::Absent).await;
    fill(&full.spool());
    let lost = run(full.exec(&["--strict"], &["true"]), b"");
    let failed = run(full.exec(&["--strict"], &["sh", "-c", "exit 3"]), b"");
    let (spooled, lost, failed) = tokio::join!(spooled, lost, failed);
    assert_eq!((spooled.code, lost.code, failed.code), (Some(0), Some(123), Some(3)));
    assert_eq!((place.spooled(), full.spooled()), (1, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_signal_while_the_report_waits_spools_it_and_keeps_the_exit_code() {
    let place = Place::new(State::Silent).await;
    let mut child = place.exec(&[], &["sh", "-c", "echo out; exit 3"]).spawn().unwrap();
    let mut out = String::new();
    // The command has ended when its output has.
    child.stdout.take().unwrap().read_to_string(&mut out).unwrap();
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!((out.as_str(), output.status.code()), ("out\n", Some(3)));
    assert_eq!(place.spooled(), 1, "{}", String::from_utf8_lossy(&output.stderr));
}
