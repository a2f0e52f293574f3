//! Commands of all kinds.

use crate::place::Place;

/// A command, and what is expected of it beside what the bare command shows.
#[derive(Clone, Debug, Default)]
pub(crate) struct Child {
    pub(crate) name: String,
    pub(crate) command: Vec<String>,
    pub(crate) input: Vec<u8>,
    /// Whether the system starts it.
    pub(crate) starts: bool,
    /// What it writes to the file of statistics, and is stored.
    pub(crate) rows: Option<u64>,
    /// Whether it is tried at bad servers too, one of each kind.
    pub(crate) is_typical: bool,
}

fn child(name: &str, command: &[&str]) -> Child {
    let command = command.iter().map(|&word| word.to_owned()).collect();
    Child { name: name.to_owned(), command, starts: true, ..Child::default() }
}

fn script(name: &str, script: &str) -> Child {
    child(name, &["sh", "-c", script])
}

impl Child {
    fn typical(self) -> Self {
        Self { is_typical: true, ..self }
    }

    fn not_starting(self) -> Self {
        Self { starts: false, ..self }
    }

    fn input(self, input: &[u8]) -> Self {
        Self { input: input.to_owned(), ..self }
    }

    fn rows(self, rows: u64) -> Self {
        Self { rows: Some(rows), ..self }
    }
}

/// Ends with an exit code.
fn exits() -> Vec<Child> {
    vec![
        child("succeeds", &["true"]).typical(),
        script("exits with 1", "echo out; echo err >&2; exit 1"),
        script("exits with 3", "echo out; echo err >&2; exit 3").typical(),
        script("exits with 124", "exit 124"),
        script("exits with 255", "exit 255"),
        script("ignores SIGTERM", "trap '' TERM; kill -TERM $$; exit 7"),
        script("handles SIGTERM", "trap 'exit 8' TERM; kill -TERM $$; sleep 1"),
        script("ends its process group", "kill -TERM 0; sleep 1"),
    ]
}

/// Dies of a signal.
fn signals() -> Vec<Child> {
    let signals = [
        "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2",
        "PIPE", "ALRM", "TERM", "STKFLT", "XCPU", "XFSZ", "VTALRM", "PROF", "IO", "PWR", "SYS",
        // A real-time signal.
        "34",
    ];
    let dies = |signal: &&str| {
        // The shell has no core to dump.
        let child = script(
            &format!("dies of {signal}"),
            &format!("ulimit -c 0; echo out; kill -{signal} $$"),
        );
        if *signal == "KILL" { child.typical() } else { child }
    };
    signals.iter().map(dies).collect()
}

/// Is not started, or only by a shell.
fn starts(place: &Place) -> Vec<Child> {
    let plain = place.file("plain", "#!/bin/sh\nexit 3\n", 0o644);
    let no_first_line = place.file("no-first-line", "echo \"$1\"; exit 6\n", 0o755);
    let no_interpreter = place.file("no-interpreter", "#!/does/not/exist\n", 0o755);
    let folder = place.path("tmp");
    vec![
        child("has no right to be executed", &[&plain]).not_starting().typical(),
        child("is not found", &["no-such-program-of-flowruns", "argument"])
            .not_starting()
            .typical(),
        child("is not found at a path", &["/does/not/exist"]).not_starting(),
        child("is a folder", &[folder.to_str().unwrap()]).not_starting(),
        child("has no interpreter", &[&no_interpreter]).not_starting(),
        child("is a script without a first line", &[&no_first_line, "an argument"]),
    ]
}

/// Reads and writes in unusual ways.
fn streams() -> Vec<Child> {
    vec![
        script(
            "leaves a process behind",
            "(sleep 0.3; echo late; echo later >&2) & echo early; exit 4",
        )
        .typical(),
        script("closes its output", "exec >&- 2>&-; sleep 0.2; exit 5").typical(),
        child("writes much", &["head", "-c", "3000000", "/dev/zero"]).typical(),
        script(
            "writes much to both",
            "head -c 300000 /dev/zero; head -c 300000 /dev/zero >&2; exit 9",
        ),
        child("writes bytes", &["printf", r"\000\377\033[31mred\n\200"]).typical(),
        child("ends without a line feed", &["printf", "no line feed"]).typical(),
        script("writes partial lines", "printf a; sleep 0.1; printf b >&2; sleep 0.1; printf c"),
        child("reads its input", &["cat"]).input(b"one\ntwo\n\0\xff").typical(),
        script("reads a part of its input", "head -c 3; exit 2").input(&[b'x'; 100_000]),
        child(
            "gets its arguments as they are",
            &["printf", "%s|", "a b", "", "*", "$HOME", "'", "--help", "-x"],
        ),
    ]
}

/// Reports statistics of its own. The bare command has no file for them.
fn statistics() -> Vec<Child> {
    let write = |text: &str| format!("[ -z \"$FLOWRUNS_STATISTICS\" ] || {text}");
    vec![
        script("writes statistics", &write(r#"echo '{"rows": 1200}' > "$FLOWRUNS_STATISTICS""#))
            .rows(1200)
            .typical(),
        script(
            "writes statistics and fails",
            &format!("{}; exit 2", write(r#"echo '{"rows": 7}' > "$FLOWRUNS_STATISTICS""#)),
        )
        .rows(7),
        script(
            "writes statistics that are not JSON",
            &write(r#"echo '{"rows": 12' > "$FLOWRUNS_STATISTICS""#),
        )
        .typical(),
        script("makes a named pipe of its statistics", &write(r#"mkfifo "$FLOWRUNS_STATISTICS""#)),
    ]
}

pub(crate) fn all(place: &Place) -> Vec<Child> {
    [exits(), signals(), starts(place), streams(), statistics()].concat()
}
