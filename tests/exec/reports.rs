//! What is reported of a command, and what the command is told.

use std::fs;

use serde_json::{Value, json};

use crate::{
    place::{Place, run},
    proxy::State,
    until,
};

/// Runs a shell script by `exec` with these options, to the end. The exit code, and the stored run.
async fn reported(place: &Place, options: &[&str], script: &str) -> (Option<i32>, Value) {
    let before = place.runs().await;
    let ended = run(place.exec(options, &["sh", "-c", script]), b"").await;
    let mut runs = place.runs().await;
    runs.retain(|run| before.iter().all(|known| known["id"] != run["id"]));
    assert_eq!(runs.len(), 1, "{}", ended.said());
    (ended.code, runs.remove(0))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_tells_what_the_command_was_and_used() {
    let place = Place::new(State::Well).await;
    let script =
        "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done; head -c 1000000 /dev/zero > /dev/null";
    let options = ["--name", "Rosters", "--stat", "rows=5", "--stat", "source=a.csv"];
    let (code, stored) = reported(&place, &options, script).await;
    assert_eq!(
        (code, &stored["displayName"], &stored["status"]),
        (Some(0), &json!("Rosters"), &json!("completed"))
    );
    let statistics = &stored["statistics"];
    assert_eq!((&statistics["rows"], &statistics["source"]), (&json!(5), &json!("a.csv")));
    let exec = &statistics["exec"];
    assert_eq!((&exec["program"], &exec["exitCode"]), (&json!("sh"), &json!(0)));
    assert!(!exec["host"].as_str().unwrap().is_empty());
    let number = |name: &str| exec[name].as_f64().unwrap();
    assert!(
        number("seconds") > 0.0 && number("cpuSeconds") > 0.0 && number("maxRssBytes") > 100_000.0,
        "{exec}"
    );
    // Never the arguments: they may be secret.
    assert!(!stored.to_string().contains("while ["), "{stored:#}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_error_has_one_sentence_and_the_end_of_the_output_without_escape_sequences() {
    let place = Place::new(State::Well).await;
    let script = r#"printf 'first line\n\033[31mred\033[0m of Nu\303\241ez\n'; printf '10%%\r100%%\n\200\n' >&2; exit 3"#;
    let (code, stored) = reported(&place, &[], script).await;
    let error = &stored["blockingError"];
    assert_eq!(
        (code, &error["code"], &error["message"]),
        (Some(3), &json!("exitCode"), &json!("sh ended with exit code 3."))
    );
    let tail = error["innerError"]["message"].as_str().unwrap();
    let mut lines: Vec<&str> = tail.lines().collect();
    lines.sort_unstable();
    // Two pipes have no common order.
    assert_eq!(lines, ["100%", "first line", "red of Nuáez", "\u{fffd}"]);

    let (_, stored) =
        reported(&place, &["--tail", "9B"], "printf 'a secret\nlast line\n'; exit 1").await;
    assert_eq!(stored["blockingError"]["innerError"]["message"], "ast line");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn output_is_reported_when_it_is_asked_for() {
    let place = Place::new(State::Well).await;
    // Options, exit code; whether the output is with the error or in the statistics.
    let cases = [
        (&[][..], 0, false, false),
        (&[], 1, true, false),
        (&["--tail-on", "always"], 0, false, true),
        (&["--tail-on", "always"], 1, true, false),
        (&["--tail-on", "always", "--warn-exit", "1"], 1, false, true),
        (&["--tail-on", "never"], 1, false, false),
        (&["--tail", "0"], 1, false, false),
    ];
    for (options, code, in_error, in_statistics) in cases {
        let (_, stored) = reported(&place, options, &format!("echo a secret; exit {code}")).await;
        let error = stored["blockingError"]["innerError"]["message"] == "a secret";
        let statistics = stored["statistics"]["exec"]["tail"] == "a secret";
        assert_eq!(
            (error, statistics),
            (in_error, in_statistics),
            "{options:?} {code}: {stored:#}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn exit_codes_may_mean_warnings_and_errors() {
    let place = Place::new(State::Well).await;
    let options = ["--warn-exit", "3,4", "--error-exit", "5", "--error-exit", "6"];
    let cases = [
        (0, "completed", false),
        (3, "completedWithWarnings", false),
        (4, "completedWithWarnings", false),
        (5, "completedWithErrors", true),
        (6, "completedWithErrors", true),
        (7, "failed", true),
    ];
    for (exit, status, has_error) in cases {
        let (code, stored) = reported(&place, &options, &format!("exit {exit}")).await;
        assert_eq!((code, &stored["status"]), (Some(exit), &json!(status)));
        assert_eq!(stored["blockingError"]["code"] == "exitCode", has_error, "{exit}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn statistics_are_reported_while_the_command_runs() {
    let place = Place::new(State::Well).await;
    let script = r#"
        echo '{"rows": 1, "source": "a.csv", "inProgress": true}' > "$FLOWRUNS_STATISTICS"
        while [ ! -e go ]; do sleep 0.02; done
        echo '{"rows": 2, "inProgress": null}' > "$FLOWRUNS_STATISTICS""#;
    let mut child = place.exec(&[], &["sh", "-c", script]).spawn().unwrap();
    let running = until("no statistics arrive", async || {
        place.runs().await.pop().filter(|run| run["statistics"]["rows"] == 1)
    })
    .await;
    assert_eq!(running["status"], "running");
    fs::write(place.path("go"), "").unwrap();
    assert!(child.wait().unwrap().success());
    let statistics = &place.only_run().await["statistics"];
    let members = (&statistics["rows"], &statistics["source"], statistics["inProgress"].is_null());
    assert_eq!(members, (&json!(2), &json!("a.csv"), true));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn statistics_that_cannot_be_stored_are_told_and_change_no_outcome() {
    let place = Place::new(State::Well).await;
    let write = r#"> "$FLOWRUNS_STATISTICS""#;
    for script in [
        format!("echo '[1]' {write}"),
        format!("head -c 70000 /dev/zero {write}"),
        format!(r#"printf '{{"a": "\\u0000"}}' {write}"#),
    ] {
        let ended = run(place.exec(&[], &["sh", "-c", &script]), b"").await;
        assert_eq!(ended.code, Some(0));
        assert!(
            ended.said().contains("statistics of the command are not reported"),
            "{}",
            ended.said()
        );
    }
    let runs = place.runs().await;
    assert!(runs.len() == 3 && runs.iter().all(|run| run["status"] == "completed"), "{runs:#?}");
    assert!(runs.iter().all(|run| run["statistics"]["exec"]["exitCode"] == 0));
    // The folder of the file is removed.
    assert_eq!(fs::read_dir(place.path("tmp")).unwrap().count(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_command_is_told_its_run_and_not_the_token() {
    let place = Place::new(State::Well).await;
    let mut exec = place.exec(&[], &["env"]);
    exec.env("TRACEPARENT", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
        .env("TRACESTATE", "a=b");
    let ended = run(exec, b"").await;
    let text = ended.stdout_text();
    let value = |name: &str| text.lines().find_map(|line| line.strip_prefix(&format!("{name}=")));
    let stored = place.only_run().await;
    assert_eq!(value("FLOWRUNS_URL"), Some(place.proxy.url().as_str()));
    assert_eq!(value("FLOWRUNS_FLOW_ID"), Some(place.flow.as_str()));
    assert_eq!(value("FLOWRUNS_RUN_ID"), stored["id"].as_str());
    assert!(value("FLOWRUNS_STATISTICS").is_some());
    assert!(value("TRACEPARENT").unwrap().starts_with("00-4bf92f3577b34da6a3ce929d0e0e4736-"));
    assert_eq!((value("TRACESTATE"), value("FLOWRUNS_TOKEN")), (Some("a=b"), None));

    let ended = run(place.exec(&["--share-token"], &["env"]), b"").await;
    let text = ended.stdout_text();
    assert!(text.contains(&format!("FLOWRUNS_TOKEN={}", place.right_token())));
    let run = place.runs().await.remove(0);
    let trace = run["id"].as_str().unwrap().replace('-', "");
    assert!(text.contains(&format!("TRACEPARENT=00-{trace}-")), "{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flow_is_given_by_name_or_address_and_created_when_asked() {
    let place = Place::new(State::Well).await;
    let address = format!("{}/industryData/incomingFlows/{}", place.proxy.url(), place.flow);
    for flow in [place.name.as_str(), &address, &place.flow] {
        let ended = run(place.flowruns(&["exec", "--flow", flow, "--", "true"]), b"").await;
        assert_eq!((ended.code, ended.said().as_str()), (Some(0), ""), "{flow}");
    }
    assert_eq!(place.runs().await.len(), 3);

    let other = format!("{} (new)", place.name);
    let missing =
        run(place.flowruns(&["exec", "--strict", "--flow", &other, "--", "true"]), b"").await;
    assert_eq!(missing.code, Some(123));
    assert!(missing.said().contains("no flow has the name"), "{}", missing.said());
    let created =
        run(place.flowruns(&["exec", "--create-flow", "--flow", &other, "--", "true"]), b"").await;
    assert_eq!((created.code, created.said().as_str()), (Some(0), ""));
    let found =
        run(place.flowruns(&["exec", "--strict", "--flow", &other, "--", "true"]), b"").await;
    assert_eq!(found.code, Some(0), "{}", found.said());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrong_arguments_are_125_and_start_nothing() {
    let place = Place::new(State::Well).await;
    let touch = ["touch", "started"];
    for options in [
        &["--warn-exit", "0"][..],
        &["--warn-exit", "256"],
        &["--warn-exit", "3", "--error-exit", "3"],
        &["--stat", "rows"],
        &["--tail", "1GiB"],
        &["--timeout", "soon"],
        &["--name", " "],
        &["--no-such-option"],
    ] {
        let ended = run(place.exec(options, &touch), b"").await;
        assert_eq!(ended.code, Some(125), "{options:?}");
        assert!(!ended.stderr.is_empty(), "{options:?}");
    }
    for arguments in [&["exec", "--flow", "a"][..], &["exec", "--", "touch", "started"]] {
        assert_eq!(run(place.flowruns(arguments), b"").await.code, Some(125), "{arguments:?}");
    }
    assert!(!place.path("started").exists());
    assert_eq!(place.runs().await.len(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_an_address_or_a_token_the_command_runs_and_the_missing_report_is_told() {
    let place = Place::new(State::Well).await;
    let changes: [fn(&mut std::process::Command); 3] = [
        |exec| {
            exec.env_remove("FLOWRUNS_TOKEN");
        },
        |exec| {
            exec.env("FLOWRUNS_URL", "no URL");
        },
        |exec| {
            exec.env("FLOWRUNS_TOKEN_FILE", "/does/not/exist");
        },
    ];
    for change in changes {
        for (strict, script, code) in
            [(false, "echo ran", 0), (true, "echo ran", 123), (true, "echo ran; exit 3", 3)]
        {
            let options: &[&str] = if strict { &["--strict"] } else { &[] };
            let mut exec = place.exec(options, &["sh", "-c", script]);
            exec.env("FLOWRUNS_DATA_DIR", place.path("no-data"));
            change(&mut exec);
            let ended = run(exec, b"").await;
            assert_eq!(
                (ended.code, ended.stdout_text().as_str()),
                (Some(code), "ran\n"),
                "{}",
                ended.said()
            );
            assert!(ended.said().contains("is not reported"), "{}", ended.said());
        }
    }
}
