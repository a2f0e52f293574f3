//! A machine without PostgreSQL: an unprivileged user runs the program where the installed PostgreSQL is hidden.

use std::{
    fs,
    os::unix::fs::{PermissionsExt as _, chown},
    path::Path,
    process::{Command, Output},
};

use rustix::process::geteuid;
use tempfile::TempDir;

const NOBODY: u32 = 65534;
/// Where Debian installs PostgreSQL.
const INSTALLED: &str = "/usr/lib/postgresql";
/// Hides the installed PostgreSQL, if it exists, and continues as the user `nobody`.
const HIDDEN: &str = "[ ! -d \"$1\" ] || mount --bind \"$2\" \"$1\" || exit 99; shift 2
    exec setpriv --reuid 65534 --regid 65534 --clear-groups \"$@\"";

struct BareMachine {
    folder: TempDir,
}

impl BareMachine {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        for name in ["empty", "home"] {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        let home = folder.path().join("home");
        chown(&home, Some(NOBODY), Some(NOBODY)).unwrap();
        // The user may not be able to enter where the tests are built.
        let copy = folder.path().join("flowruns");
        fs::copy(env!("CARGO_BIN_EXE_flowruns"), copy).unwrap();
        Self { folder }
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    fn run(&self, arguments: &[&str], settings: &[(&str, &str)]) -> Output {
        let mut command = Command::new("unshare");
        command.args(["--mount", "sh", "-c", HIDDEN, "sh", INSTALLED]);
        command.arg(self.path("empty")).arg(self.path("flowruns"));
        command.args(arguments).env_clear();
        command
            .env("PATH", "/usr/bin:/bin:/usr/sbin:/sbin")
            .env("HOME", self.path("home"))
            .env("FLOWRUNS_DATA_DIR", self.path("home/data"))
            .envs(settings.iter().copied());
        command.output().unwrap()
    }
}

fn text(output: &Output) -> String {
    let bytes = [output.stdout.as_slice(), &output.stderr].concat();
    String::from_utf8(bytes).unwrap()
}

/// Whether PostgreSQL can be hidden: by root, who may make a namespace, on a system with apt.
fn can_hide() -> bool {
    let unshared = Command::new("unshare").args(["--mount", "setpriv", "--version"]).output();
    geteuid().is_root()
        && Path::new("/usr/bin/apt-get").exists()
        && unshared.is_ok_and(|output| output.status.success())
}

/// Whether apt reaches the first of its sources.
fn reaches_the_registry() -> bool {
    let folder = tempfile::tempdir().unwrap();
    let lists = format!("Dir::State::Lists={}", folder.path().display());
    let printed = Command::new("apt-get").args(["-o", &lists, "--print-uris", "update"]).output();
    let printed = text(&printed.unwrap());
    let Some(uri) = printed.split('\'').nth(1) else {
        return false;
    };
    let helper = Command::new("/usr/lib/apt/apt-helper")
        .args(["-o", "Acquire::http::Timeout=10", "-o", "Acquire::Retries=0", "download-file", uri])
        .arg(folder.path().join("file"))
        .output();
    helper.is_ok_and(|output| output.status.success())
}

#[expect(clippy::print_stderr, reason = "a skipped test is reported")]
fn skipped(because: &str) {
    eprintln!("skipped: {because}");
}

#[test]
fn without_postgresql_and_the_right_to_fetch_it_the_message_says_how_to_install_it() {
    if !can_hide() {
        return skipped("an installed PostgreSQL cannot be hidden here");
    }
    let machine = BareMachine::new();
    let output = machine.run(&["migrate", "up"], &[("FLOWRUNS_EMBEDDED__INSTALL", "never")]);
    let message = text(&output);
    assert_eq!(output.status.code(), Some(1), "{message}");
    assert!(message.contains("was not found; install it with: apt-get install"), "{message}");
    assert!(!machine.path("home/.cache").exists());
}

#[test]
fn without_postgresql_it_is_fetched_without_root_and_kept() {
    if !can_hide() {
        return skipped("an installed PostgreSQL cannot be hidden here");
    }
    if !reaches_the_registry() {
        return skipped("the registry of the packages cannot be reached");
    }
    let machine = BareMachine::new();
    let first = machine.run(&["migrate", "up"], &[]);
    assert!(first.status.success(), "{}", text(&first));
    assert!(text(&first).contains("PostgreSQL was fetched"), "{}", text(&first));
    let again = machine.run(&["migrate", "status"], &[]);
    assert!(again.status.success(), "{}", text(&again));
    assert!(!text(&again).contains("fetch"), "{}", text(&again));
    let cached = fs::read_dir(machine.path("home/.cache/flowruns")).unwrap();
    assert_eq!(cached.count(), 2, "the lock and the programs");
}
