//! Readers that stop early, terminals, and colours.

use std::{
    fs::{self, OpenOptions},
    process::{Command, Stdio},
};

use crate::{
    FLOWRUNS_PATH,
    place::{Place, printed},
};

/// More output than a pipe holds.
fn many_rows(place: &Place) -> String {
    let run = place.start("Flow");
    let text = "x".repeat(30_000);
    for name in ["a", "b", "c"] {
        place.done(&["report", "progress", &run, &format!("{name}=[\"{text}\"]")]);
        place.done(&["report", "progress", &run, &format!("{name}=null")]);
    }
    run
}

#[test]
fn a_reader_that_closes_early_ends_a_command_quietly() {
    let place = Place::new();
    let run = many_rows(&place);
    let script = format!("set -o pipefail; flowruns show {run} --history --json | head -c 1");
    let head = |script: &str| {
        let mut command = place.program("bash");
        command
            .args(["-c", script])
            .env("FLOWRUNS_URL", place.url())
            .env("FLOWRUNS_TOKEN", &place.token);
        printed(&mut command)
    };
    let shown = head(&script);
    assert_eq!((shown.code, &*shown.out, &*shown.err), (0, "{", ""));
    // A watch that nobody reads has not seen a success, and start has not told its run.
    let gone = |arguments: &[&str]| {
        let mut command = place.command(arguments);
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = command.stdout(writer).stderr(Stdio::piped()).output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    assert_eq!(gone(&["list"]), (Some(0), String::new()));
    assert_eq!(gone(&["list", "--csv"]), (Some(0), String::new()));
    assert_eq!(gone(&["watch", &run]), (Some(141), String::new()));
    assert_eq!(gone(&["report", "start", "--flow", "Flow"]), (Some(141), String::new()));
}

#[test]
fn a_full_disk_is_a_failure() {
    let place = Place::new();
    place.start("Flow");
    let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output = place.command(&["list"]).stdout(full).stderr(Stdio::piped()).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8(output.stderr).unwrap().contains("cannot be written"));
}

/// Runs `flowruns` on a terminal, made by `script`, and returns what the terminal got. `None` without `script`.
fn on_terminal(place: &Place, arguments: &str, variables: &[(&str, &str)]) -> Option<String> {
    if Command::new("script").arg("--version").output().is_err() {
        return None;
    }
    let typescript = place.path("typescript");
    let mut command = place.program("script");
    command
        .args(["--quiet", "--return", "--command", &format!("{FLOWRUNS_PATH} {arguments}")])
        .arg(&typescript)
        .env("FLOWRUNS_URL", place.url())
        .env("FLOWRUNS_TOKEN", &place.token)
        .env("TERM", "xterm")
        .envs(variables.iter().copied())
        .stdout(Stdio::null());
    assert!(command.status().unwrap().success());
    Some(fs::read_to_string(typescript).unwrap())
}

#[test]
fn colours_and_cut_names_are_for_terminals_alone() {
    let place = Place::new();
    let name = "a name of more than forty characters, which is cut";
    place.ended(name, &["completed"]);
    let Some(coloured) = on_terminal(&place, "list", &[]) else { return };
    assert!(coloured.contains("\u{1b}[32mcompleted\u{1b}[0m"), "{coloured:?}");
    assert!(coloured.contains("a name of more than forty characters, w…"), "{coloured:?}");
    for variable in [("NO_COLOR", "1"), ("TERM", "dumb")] {
        let plain = on_terminal(&place, "list", &[variable]).unwrap();
        assert!(
            plain.contains("completed") && !plain.contains("\u{1b}[3"),
            "{variable:?}: {plain:?}"
        );
    }
    let json = on_terminal(&place, "list --json", &[]).unwrap();
    assert!(json.contains(name) && !json.contains("\u{1b}[3"), "{json:?}");
    let piped = place.done(&["list"]);
    assert!(piped.contains(name) && !piped.contains('\u{1b}'), "{piped:?}");
}

#[test]
fn long_work_is_told_on_a_terminal_alone() {
    let place = Place::new();
    let run = place.start("Flow");
    let arguments = format!("watch {run} --timeout 8s || true");
    let Some(told) = on_terminal(&place, &arguments, &[]) else { return };
    assert!(told.contains("the run is in progress ("), "{told:?}");
    let watched = place.run(&["watch", &run, "--timeout", "3s"]);
    assert!(!watched.err.contains("in progress (") && watched.code == 124, "{watched:?}");
}
