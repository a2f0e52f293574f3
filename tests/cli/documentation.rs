//! Completions, manual pages and help.

use std::{
    fs,
    process::{Command, Stdio},
};

use crate::{
    FLOWRUNS_PATH,
    place::{Place, Printed, printed},
};

const COMMANDS: [&str; 11] = [
    "check",
    "completions",
    "exec",
    "list",
    "man",
    "migrate",
    "open",
    "report",
    "show",
    "token",
    "watch",
];

fn flowruns(arguments: &[&str]) -> String {
    let Printed { code, out, err } = printed(Command::new(FLOWRUNS_PATH).args(arguments));
    assert_eq!((code, &*err), (0, ""), "{arguments:?}");
    out
}

fn is_installed(program: &str) -> bool {
    Command::new(program)
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok()
}

#[test]
fn completions_are_read_by_their_shells_and_know_every_command() {
    let place = Place::new();
    for (shell, check) in [("bash", &["-n"][..]), ("zsh", &["-n"]), ("fish", &["--no-execute"])] {
        let script = flowruns(&["completions", shell]);
        for command in COMMANDS {
            assert!(script.contains(command), "{shell}: {command}");
        }
        assert!(!script.contains("exec-relay"), "{shell}");
        if is_installed(shell) {
            let file = place.path(shell);
            fs::write(&file, &script).unwrap();
            let parsed = printed(Command::new(shell).args(check).arg(&file));
            assert_eq!((parsed.code, &*parsed.err), (0, ""), "{shell}");
        }
    }
    for shell in ["elvish", "powershell"] {
        assert!(flowruns(&["completions", shell]).contains("watch"), "{shell}");
    }
    assert_eq!(place.run(&["completions", "dos"]).code, 2);
}

#[test]
fn bash_completes_commands_options_and_statuses() {
    let place = Place::new();
    let file = place.path("completions");
    fs::write(&file, flowruns(&["completions", "bash"])).unwrap();
    let complete = |line: &str| {
        let words: Vec<&str> = line.split(' ').collect();
        let (last, before) = (words.last().unwrap(), words[words.len() - 2]);
        let script = format!(
            "source {}; COMP_WORDS=({line}); [ -z '{last}' ] && COMP_WORDS+=(''); \
             COMP_CWORD={}; _flowruns flowruns '{last}' '{before}'; echo \"${{COMPREPLY[*]}}\"",
            file.display(),
            words.len() - 1,
        );
        printed(Command::new("bash").args(["-c", &script])).out
    };
    assert_eq!(complete("flowruns rep").trim(), "report");
    assert_eq!(complete("flowruns list --nd").trim(), "--ndjson");
    assert_eq!(complete("flowruns report st").trim(), "start");
    assert!(complete("flowruns list --status ").contains("completedWithErrors"));
}

#[test]
fn manual_pages_are_rendered_without_warnings() {
    let place = Place::new();
    let folder = place.path("man1");
    flowruns(&["man", "--output", folder.to_str().unwrap()]);
    let mut pages: Vec<_> =
        fs::read_dir(&folder).unwrap().map(|file| file.unwrap().path()).collect();
    pages.sort();
    let names: Vec<_> =
        pages.iter().map(|page| page.file_name().unwrap().to_str().unwrap()).collect();
    for command in COMMANDS {
        assert!(names.contains(&&*format!("flowruns-{command}.1")), "{command}: {names:?}");
    }
    assert!(
        names.contains(&"flowruns.1") && names.contains(&"flowruns-report-start.1"),
        "{names:?}"
    );
    if is_installed("man") {
        for page in &pages {
            let mut man = Command::new("man");
            man.args(["--warnings", "-E", "UTF-8", "-l"]).arg(page);
            let rendered = printed(man.env("MANWIDTH", "80").env("MANPAGER", "cat"));
            // A man whose groff is not installed renders nothing.
            let is_rendered = rendered.out.contains("NAME");
            assert!(!is_rendered || rendered.err.is_empty(), "{}: {rendered:?}", page.display());
        }
    }
    let page = flowruns(&["man", "report", "start"]);
    assert!(page.contains(".TH flowruns-report-start 1"), "{page}");
    assert!(flowruns(&["man", "watch"]).contains("Exit codes"));
    assert_eq!(place.run(&["man", "nonsense"]).code, 2);
}

#[test]
fn help_has_the_environment_and_the_exit_codes() {
    for command in ["report", "list", "show", "watch"] {
        let help = flowruns(&[command, "--help"]);
        for part in ["FLOWRUNS_TOKEN_COMMAND", "no such flow or run", "124"] {
            assert!(help.contains(part), "{command}: {help}");
        }
    }
    let help = flowruns(&["exec", "--help"]);
    for part in ["FLOWRUNS_TOKEN_COMMAND", "123   --strict", "137   killed"] {
        assert!(help.contains(part), "exec: {help}");
    }
    // A reader of the help may go, too.
    let mut child =
        Command::new(FLOWRUNS_PATH).arg("--help").stdout(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    assert_ne!(child.wait().unwrap().code(), Some(101), "it panicked");
}
