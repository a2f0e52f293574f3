//! `exec` at a terminal. `script` of util-linux makes one.

use std::{
    fs,
    io::{Read as _, Write as _},
    process::{Command, Stdio},
};

use crate::{place::Place, proxy::State, until};

/// `flowruns exec` with this shell script, at a terminal. The exit code is that of `exec`.
fn at_terminal(place: &Place, redirection: &str, script: &str) -> Command {
    let path = place.file("command", &format!("#!/bin/sh\n{script}\n"), 0o755);
    let exec = place.exec(&[], &[&path]);
    let words: Vec<_> = exec.get_args().map(|word| word.to_str().unwrap().to_owned()).collect();
    // Without the program that starts a session of its own.
    let program = words.iter().position(|word| word == crate::FLOWRUNS_PATH).unwrap();
    let line = format!("exec {} {redirection}", words[program..].join(" "));
    // Whatever started the tests may ignore signals.
    let mut command = Command::new("env");
    command
        .args(["--default-signal", "script", "-qec", &line, "/dev/null"])
        .current_dir(place.folder.path());
    for (name, value) in exec.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command.env("SHELL", "/bin/sh");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit());
    command
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_terminal_stays_a_terminal_and_its_output_is_not_kept() {
    let place = Place::new(State::Well).await;
    let script = "test -t 0 && test -t 1 && test -t 2 && read line && echo \"got $line\"; exit 3";
    let mut child = at_terminal(&place, "", script).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"input\n").unwrap();
    let mut output = String::new();
    child.stdout.take().unwrap().read_to_string(&mut output).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(3), "{output}");
    assert!(output.contains("got input"), "{output}");
    let error = &place.only_run().await["blockingError"];
    assert_eq!(
        (&error["code"], error["innerError"].is_null()),
        (&"exitCode".into(), true),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_of_the_terminal_reaches_the_command_once() {
    let place = Place::new(State::Well).await;
    let script = "trap 'echo int >> interrupts; sleep 0.3; exit 11' INT; touch ready; while :; do sleep 0.02; done";
    let mut child = at_terminal(&place, "", script).spawn().unwrap();
    let mut keys = child.stdin.take().unwrap();
    until("the command has not begun", async || place.path("ready").exists().then_some(())).await;
    keys.write_all(b"\x03").unwrap();
    let mut output = String::new();
    child.stdout.take().unwrap().read_to_string(&mut output).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(11), "{output}");
    assert_eq!(fs::read_to_string(place.path("interrupts")).unwrap(), "int\n");
    assert_eq!(place.only_run().await["statistics"]["exec"]["exitCode"], 11);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_with_redirected_output_may_read_from_its_terminal() {
    let place = Place::new(State::Well).await;
    let script = "read line < /dev/tty; echo \"got $line\"";
    let mut child = at_terminal(&place, "< /dev/null > output 2>&1", script).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"input\n").unwrap();
    let mut shown = String::new();
    child.stdout.take().unwrap().read_to_string(&mut shown).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0), "{shown}");
    assert_eq!(fs::read_to_string(place.path("output")).unwrap(), "got input\n");
}
