//! `--timeout` and `--kill-after`.

use crate::{
    place::{Place, run},
    proxy::State,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_that_runs_too_long_is_ended_with_all_its_processes() {
    let place = Place::new(State::Well).await;
    // Commands, and how `exec` ends. The output is read until all their processes have ended.
    let cases = [
        ("sleep 1000 & echo out; sleep 1000", "1h", 124),
        // It ends well, but late.
        ("trap 'exit 0' TERM; while :; do sleep 0.02; done", "1h", 124),
        ("trap '' TERM; while :; do sleep 0.02; done", "500ms", 137),
        // A stopped process continues, so that it can end.
        ("kill -STOP $$", "1h", 124),
    ];
    for (script, kill_after, code) in cases {
        let options = ["--timeout", "2s", "--kill-after", kill_after];
        let ended = run(place.exec(&options, &["sh", "-c", script]), b"").await;
        assert_eq!(ended.code, Some(code), "{script}: {}", ended.said());
    }
    let runs = place.runs().await;
    assert_eq!(runs.len(), cases.len());
    for run in runs {
        assert_eq!(
            (&run["status"], &run["blockingError"]["code"]),
            (&"failed".into(), &"timeout".into())
        );
        let message = run["blockingError"]["message"].as_str().unwrap();
        assert_eq!(message, "sh was ended because it ran longer than 2s.");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_within_its_time_ends_as_it_does() {
    let place = Place::new(State::Well).await;
    let ended = run(place.exec(&["--timeout", "1h"], &["sh", "-c", "exit 3"]), b"").await;
    assert_eq!(ended.code, Some(3));
    assert_eq!(place.only_run().await["blockingError"]["code"], "exitCode");
}
