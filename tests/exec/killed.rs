//! `exec` itself is killed.

use std::fs;

use crate::{place::Place, proxy::State, until};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_kill_9_of_exec_the_command_runs_on_and_its_run_is_never_completed() {
    let place = Place::new(State::Well).await;
    let script = "while [ ! -e go ]; do sleep 0.02; done; touch survived";
    let mut exec = place.exec(&[], &["sh", "-c", script]);
    let mut child = exec.spawn().unwrap();
    until("the run is not created", async || place.runs().await.pop()).await;
    child.kill().unwrap();
    child.wait().unwrap();
    fs::write(place.path("go"), "").unwrap();
    until("the command has not survived", async || place.path("survived").exists().then_some(()))
        .await;
    let stored = place.only_run().await;
    // The pages show a run as stale that is running for longer than its flow usually does.
    assert_eq!(
        (&stored["status"], &stored["endDateTime"]),
        (&"running".into(), &serde_json::Value::Null)
    );
}
