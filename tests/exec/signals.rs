//! Signals to `exec`.

use std::{
    io::{BufRead as _, BufReader, Read as _},
    os::unix::process::ExitStatusExt as _,
    process::{Child, ChildStdout, Command, ExitStatus},
};

use rustix::process::{Pid, Signal, kill_process};

use crate::{
    place::{Place, run},
    proxy::State,
    until,
};

/// A command in progress, which has written its first line.
struct Started {
    child: Child,
    stdout: BufReader<ChildStdout>,
}

impl Started {
    fn new(mut command: Command) -> Self {
        let mut child = command.spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        assert_eq!(line, "ready\n");
        Self { child, stdout }
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// The exit status, and what else it wrote.
    fn end(mut self) -> (ExitStatus, String) {
        let mut rest = String::new();
        self.stdout.read_to_string(&mut rest).unwrap();
        (self.child.wait().unwrap(), rest)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_signal_reaches_all_processes_of_the_command_once() {
    let place = Place::new(State::Well).await;
    // The process that is left in the background gets it too, and each notes it.
    let script = |signal: &str| {
        format!(
            "note() {{ echo $1 >> {signal}; }}
            trap 'note above; wait; exit 9' {signal}
            (trap 'note below; exit' {signal}; echo ready; while :; do sleep 0.02; done) &
            while :; do sleep 0.02; done"
        )
    };
    let signals = [
        ("TERM", Signal::TERM),
        ("INT", Signal::INT),
        ("HUP", Signal::HUP),
        ("QUIT", Signal::QUIT),
        ("USR1", Signal::USR1),
        ("USR2", Signal::USR2),
    ];
    for (name, signal) in signals {
        // A shell ignores SIGINT and SIGQUIT in background processes.
        let is_ignored_below = matches!(name, "INT" | "QUIT");
        let script = match is_ignored_below {
            true => format!(
                "trap 'echo above >> {name}; exit 9' {name}; echo ready; while :; do sleep 0.02; done"
            ),
            false => script(name),
        };
        let started = Started::new(place.exec(&[], &["sh", "-c", &script]));
        started.signal(signal);
        let (status, _) = started.end();
        assert_eq!(status.code(), Some(9), "{name}");
        let noted = std::fs::read_to_string(place.path(name)).unwrap();
        let mut noted: Vec<&str> = noted.lines().collect();
        noted.sort_unstable();
        let expected: &[&str] = if is_ignored_below { &["above"] } else { &["above", "below"] };
        assert_eq!(noted, expected, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_later_second_sigterm_kills_and_two_at_once_are_one() {
    let place = Place::new(State::Well).await;
    let deaf = "trap '' TERM; echo ready; while :; do sleep 0.02; done";
    let mut started = Started::new(place.exec(&[], &["sh", "-c", deaf]));
    let status = until("the command is not killed", async || {
        started.signal(Signal::TERM);
        started.child.try_wait().unwrap()
    })
    .await;
    assert_eq!(status.signal(), Some(9));
    let stored = place.only_run().await;
    assert_eq!(stored["blockingError"]["code"], "signal");
    assert_eq!(stored["statistics"]["exec"]["signal"], "SIGKILL");

    let cleans =
        "trap 'sleep 0.2; echo cleaned; exit 0' TERM; echo ready; while :; do sleep 0.02; done";
    let started = Started::new(place.exec(&[], &["sh", "-c", cleans]));
    started.signal(Signal::TERM);
    started.signal(Signal::TERM);
    let (status, rest) = started.end();
    // The shell may get both, and run its trap twice.
    assert_eq!((status.code(), rest.contains("cleaned")), (Some(0), true), "{rest}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_signal_that_is_ignored_stays_ignored_and_the_status_is_known() {
    let place = Place::new(State::Well).await;
    let script = "echo ready; while [ ! -e go ]; do sleep 0.02; done; exit 3";
    let starter = ["env", "--ignore-signal=HUP", "--ignore-signal=CHLD"];
    let exec = ["exec", "--flow", &place.flow, "--", "sh", "-c", script];
    let started = Started::new(place.flowruns_under(&starter, &exec));
    started.signal(Signal::HUP);
    std::fs::write(place.path("go"), "").unwrap();
    assert_eq!(started.end().0.code(), Some(3));
    assert_eq!(place.only_run().await["statistics"]["exec"]["exitCode"], 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_that_dies_of_a_signal_leaves_no_core_of_exec() {
    let place = Place::new(State::Well).await;
    let ended = run(place.exec(&[], &["sh", "-c", "ulimit -c 0; kill -ABRT $$"]), b"").await;
    assert_eq!(ended.signal, Some(6));
    let files = std::fs::read_dir(place.folder.path()).unwrap().flatten();
    let cores = files.filter(|file| file.file_name().to_string_lossy().starts_with("core"));
    assert_eq!(cores.count(), 0);
}
