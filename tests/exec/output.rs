//! What a command writes arrives unchanged, at once, and in bounded memory.

use std::{
    fs::{self, File},
    io::{self, Read as _},
    os::unix::process::ExitStatusExt as _,
    process::Stdio,
};

use tokio::task::spawn_blocking;

use crate::{
    place::{Place, run},
    proxy::State,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn output_and_errors_in_one_pipe_keep_their_order() {
    let place = Place::new(State::Well).await;
    let (mut reader, writer) = io::pipe().unwrap();
    let script = "i=0; while [ $i -lt 300 ]; do echo o$i; echo e$i >&2; i=$((i+1)); done";
    let mut exec = place.exec(&[], &["sh", "-c", script]);
    exec.stdout(writer.try_clone().unwrap()).stderr(writer);
    let mut child = exec.spawn().unwrap();
    drop(exec);
    let mut text = String::new();
    reader.read_to_string(&mut text).unwrap();
    assert!(child.wait().unwrap().success());
    let expected: String = (0..300).map(|number| format!("o{number}\ne{number}\n")).collect();
    assert_eq!(text, expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn output_arrives_before_the_command_ends() {
    let place = Place::new(State::Well).await;
    let script = "printf part; while [ ! -e go ]; do sleep 0.02; done; echo ' rest'";
    let mut child = place.exec(&[], &["sh", "-c", script]).spawn().unwrap();
    let mut stdout = child.stdout.take().unwrap();
    let mut part = [0; 4];
    stdout.read_exact(&mut part).unwrap();
    assert_eq!(&part, b"part");
    fs::write(place.path("go"), "").unwrap();
    let mut rest = String::new();
    stdout.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, " rest\n");
    assert!(child.wait().unwrap().success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn exec_ends_with_its_command_and_what_is_left_behind_can_still_write() {
    let place = Place::new(State::Well).await;
    let script =
        "(while [ ! -e go ]; do sleep 0.02; done; echo late; echo later >&2) & echo early; exit 4";
    let mut child = place.exec(&[], &["sh", "-c", script]).spawn().unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(4));
    assert_eq!(place.only_run().await["status"], "failed");
    fs::write(place.path("go"), "").unwrap();
    let (mut out, mut err) = (String::new(), String::new());
    child.stdout.take().unwrap().read_to_string(&mut out).unwrap();
    child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
    assert_eq!((out.as_str(), err.as_str()), ("early\nlate\n", "later\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_whose_reader_has_gone_gets_sigpipe() {
    let place = Place::new(State::Well).await;
    let script = "while echo line; do :; done";
    let words = ["sh", "-c", script];
    for mut command in [place.bare(&words), place.exec(&[], &words)] {
        let mut child = command.spawn().unwrap();
        let mut stdout = child.stdout.take().unwrap();
        let mut line = [0; 5];
        stdout.read_exact(&mut line).unwrap();
        drop(stdout);
        assert_eq!(child.wait().unwrap().signal(), Some(13));
    }
    assert_eq!(place.only_run().await["statistics"]["exec"]["signal"], "SIGPIPE");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn output_that_cannot_be_written_is_told_and_never_a_success() {
    let place = Place::new(State::Well).await;
    let exec = |script| {
        let mut exec = place.exec(&[], &["sh", "-c", script]);
        exec.stdout(File::options().write(true).open("/dev/full").unwrap());
        exec
    };
    // A command that ends before it can see the error.
    let ended = run(exec("echo out"), b"").await;
    assert_eq!(ended.code, Some(125));
    let stored = place.only_run().await;
    assert_eq!(stored["status"], "failed");
    assert_eq!(stored["blockingError"]["code"], "outputLost");

    let ended = run(exec("echo out; exit 3"), b"").await;
    assert_eq!(ended.code, Some(3));
    assert!(
        ended.said().contains("output of the command could not be written"),
        "{}",
        ended.said()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn exec_ends_although_there_are_too_few_files_to_report_or_to_start_the_command() {
    let place = Place::new(State::Well).await;
    // Some of these limits leave no file to the runtime that reports.
    for files in 8..=16 {
        let limit = format!("ulimit -n {files}; exec \"$@\"");
        let exec = place.flowruns_under(
            &["timeout", "--signal=KILL", "60", "sh", "-c", &limit, "sh"],
            &["exec", "--flow", "Few", "--create-flow", "--", "true"],
        );
        let ended = run(exec, b"").await;
        assert!(matches!(ended.code, Some(0 | 126)), "{files}: {:?} {}", ended.code, ended.said());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gibibyte_passes_in_bounded_memory() {
    const GIBIBYTE: u64 = 1024 * 1024 * 1024;
    // A debug build has 30 MiB at once, most of it code.
    const MAX_KIB: u64 = 64 * 1024;
    let place = Place::new(State::Well).await;
    let script = "head -c 1G /dev/zero; grep VmHWM /proc/$PPID/status >&2";
    let mut exec = place.exec(&[], &["sh", "-c", script]);
    let mut child = exec.stdin(Stdio::null()).spawn().unwrap();
    let mut stdout = child.stdout.take().unwrap();
    let copied = spawn_blocking(move || io::copy(&mut stdout, &mut io::sink()).unwrap());
    assert_eq!(copied.await.unwrap(), GIBIBYTE);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    let stderr = String::from_utf8(output.stderr).unwrap();
    let peak: u64 = stderr.split_whitespace().nth(1).unwrap().parse().unwrap();
    assert!(peak < MAX_KIB, "{stderr}");
}
