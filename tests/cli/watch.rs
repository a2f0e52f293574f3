//! `flowruns watch`.

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, ChildStdout, Stdio},
    time::Duration,
};

use serde_json::{Value, json};

use crate::{
    place::{Place, Printed, printed},
    scripted_server::{ScriptedServer, response},
};

/// A command that is running, and its output so far.
fn spawn(place: &Place, arguments: &[&str]) -> (Child, BufReader<ChildStdout>) {
    let mut child = place.command(arguments).stdout(Stdio::piped()).spawn().unwrap();
    let stdout = BufReader::new(child.stdout.take().unwrap());
    (child, stdout)
}

fn line(stdout: &mut BufReader<ChildStdout>) -> String {
    let mut line = String::new();
    stdout.read_line(&mut line).unwrap();
    line
}

#[test]
fn each_change_is_a_line_and_the_end_a_sentence_with_an_exit_code() {
    let place = Place::new();
    let run = place.start("Flow");
    let (mut child, mut stdout) = spawn(&place, &["watch", &run]);
    assert!(line(&mut stdout).ends_with(" UTC  running\n"));
    place.done(&["report", "progress", &run, "rows=5", r#"records={"read":1}"#]);
    assert!(line(&mut stdout).ends_with("running  records/read=1  rows=5\n"));
    place.done(&[
        "report",
        "end",
        &run,
        "completedWithErrors",
        "rows=6",
        "--message",
        "one is bad",
    ]);
    assert!(line(&mut stdout).ends_with("completedWithErrors  rows=6\n"));
    let sentence = line(&mut stdout);
    assert!(
        sentence.contains("has completed with errors after ")
            && sentence.ends_with(": jobFailed: one is bad\n"),
        "{sentence}"
    );
    assert_eq!(line(&mut stdout), "");
    assert_eq!(child.wait().unwrap().code(), Some(3));
}

#[test]
fn the_exit_code_is_the_outcome_also_of_a_run_that_has_ended_and_without_output() {
    let place = Place::new();
    for (status, code) in
        [("completed", 0), ("completedWithWarnings", 0), ("completedWithErrors", 3), ("failed", 1)]
    {
        let run = place.ended("Flow", &[status]);
        let Printed { code: exit, out, err } = place.run(&["watch", &run, "--quiet"]);
        assert_eq!((exit, &*out, &*err), (code, "", ""), "{status}");
        let json = place.run(&["watch", &run, "--json"]);
        assert_eq!(serde_json::from_str::<Value>(&json.out).unwrap()["status"], json!(status));
    }
}

#[test]
fn a_flow_is_watched_from_its_running_run_or_its_next_one() {
    let place = Place::new();
    let first = place.start("Flow");
    let (mut child, mut stdout) = spawn(&place, &["watch", "--flow", "Flow", "--ndjson"]);
    let change: Value = serde_json::from_str(&line(&mut stdout)).unwrap();
    assert_eq!((&change["run"], &change["status"]), (&json!(first), &json!("running")));
    place.done(&["report", "end", &first, "completed"]);
    assert_eq!(child.wait().unwrap().code(), Some(0));

    // No run is running: the next one may end before it is seen.
    let (mut child, mut stdout) =
        spawn(&place, &["watch", "--flow", "Flow", "--ndjson", "--timeout", "60s"]);
    let mut ended = Vec::new();
    let code = loop {
        // Until the command has seen which runs were there before.
        ended.push(place.ended("Flow", &["failed"]));
        match child.try_wait().unwrap() {
            Some(status) => break status.code(),
            None => std::thread::sleep(Duration::from_millis(200)),
        }
    };
    assert_eq!(code, Some(1));
    let change: Value = serde_json::from_str(&line(&mut stdout)).unwrap();
    assert!(ended.iter().any(|run| change["run"] == json!(run)), "{change}");
}

#[test]
fn a_run_that_is_not_there_is_waited_for_if_that_is_asked_for() {
    let place = Place::new();
    place.start("Flow");
    let id = "0197f3a0-5c1e-7c3a-9d53-2f3a1b6c7d8e";
    assert_eq!(place.run(&["watch", id]).code, 4);
    assert_eq!(place.run(&["watch", id, "--wait-for", "1s"]).code, 124);
    let (mut child, _stdout) = spawn(&place, &["watch", id, "--wait-for", "60s"]);
    let run = place.done(&["report", "start", "--flow", "Flow", "--id", id]);
    place.done(&["report", "end", &run, "completed"]);
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert_eq!(place.run(&["watch", "--flow", "Flow", "--timeout", "1s"]).code, 124);
}

#[test]
fn the_time_limit_ends_the_watch_and_not_the_run() {
    let place = Place::new();
    let run = place.start("Flow");
    let Printed { code, out, err } = place.run(&["watch", &run, "--timeout", "6s"]);
    assert_eq!((code, out.lines().count()), (124, 1), "{out}");
    assert!(err.contains("it goes on"), "{err}");
    assert_eq!(place.json(&["show", &run, "--json"])["status"], "running");
    place.done(&["report", "end", &run, "completed"]);
    let empty = place.done(&["report", "start", "--create-flow", "--flow", "Empty"]);
    place.done(&["report", "end", &empty, "completed"]);
    let waited = place.run(&["watch", "--flow", "Empty", "--wait-for", "1s"]);
    assert_eq!(waited.code, 124, "{waited:?}");
}

#[test]
fn an_unchanged_run_is_not_sent_again_and_the_pause_that_the_server_asks_for_is_kept() {
    let place = Place::new();
    let (flow, id) =
        ("0197f3a0-5c1e-7c3a-9d53-2f3a1b6c7d8e", "0197f3a0-5c1e-7c3a-9d53-2f3a1b6c7d8f");
    let run = |status: &str, tag: &str, end: &str| {
        let url = format!("http://127.0.0.1/industryData/incomingFlows/{flow}/runs/{id}");
        let body = json!({
            "@odata.id": url, "@odata.etag": tag, "id": id, "displayName": "Run", "status": status,
            "startDateTime": "2026-03-01T08:30:00Z", "endDateTime": end, "blockingError": null, "statistics": {},
        });
        response(200, &[], &body.to_string())
    };
    let busy = json!({"error": {"code": "tooManyRequests", "message": "busy", "innerError": {"request-id": "1"}}});
    let server = ScriptedServer::start(vec![
        run("running", "W/\"1\"", ""),
        response(304, &[], ""),
        response(429, &["Retry-After: 2"], &busy.to_string()),
        run("completed", "W/\"2\"", "2026-03-01T08:31:00Z"),
    ]);
    let watched = printed(
        place.command(&["watch", &format!("{flow}/{id}")]).env("FLOWRUNS_URL", &server.url),
    );
    assert_eq!((watched.code, watched.out.lines().count()), (0, 3), "{watched:?}");
    let first = server.request();
    assert!(!first.head.contains("if-none-match"), "{}", first.head);
    let [second, third, fourth] = [(); 3].map(|()| server.request());
    for request in [&second, &third, &fourth] {
        assert!(request.head.contains("if-none-match: w/\"1\""), "{}", request.head);
    }
    assert!(second.at - first.at >= Duration::from_millis(900));
    assert!(fourth.at - third.at >= Duration::from_secs(2));
}
