//! A process of its own that starts a cluster, for the tests to kill.

use std::{
    env, fs,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use crate::support::{eventually, fetch_programs, is_running, start};

const FOLDER: &str = "FLOWRUNS_EMBEDDED_TEST_HOLD";
/// Longer than any test waits; nobody need end it then.
const LIFETIME: Duration = Duration::from_secs(60);

/// This test binary, as another process that starts a cluster in the folder and keeps it.
pub(crate) struct Holder {
    process: Child,
    pub(crate) postmaster_pid: u32,
}

impl Holder {
    pub(crate) fn start(folder: &Path) -> Self {
        Self::run(Command::new(env::current_exe().unwrap()), folder)
    }

    /// As a user who is not root. He may not be able to enter where the tests are built, so they are copied.
    pub(crate) fn start_as(user: u32, place: &Path, folder: &Path) -> Self {
        let program = place.join("holder");
        fs::copy(env::current_exe().unwrap(), &program).unwrap();
        let mut command = Command::new(program);
        command.uid(user).gid(user);
        Self::run(command, folder)
    }

    fn run(mut command: Command, folder: &Path) -> Self {
        fetch_programs();
        command
            .args(["--exact", "holder::holds_a_cluster_until_killed"])
            .env(FOLDER, folder);
        command
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        let mut process = command.spawn().unwrap();
        let mut postmaster_pid = None;
        eventually("the holder has started its cluster", || {
            assert!(
                process.try_wait().unwrap().is_none(),
                "the holder has ended"
            );
            let told = fs::read_to_string(told(folder)).unwrap_or_default();
            postmaster_pid = told.strip_suffix('\n').and_then(|pid| pid.parse().ok());
            postmaster_pid.is_some()
        });
        Self {
            process,
            postmaster_pid: postmaster_pid.unwrap(),
        }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.process.id()
    }

    /// As `kill -9` does: the process has no time for anything.
    pub(crate) fn kill(mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// And waits for the server, which could still write where the test removes its folder.
    pub(crate) fn kill_with_server(self) {
        let postmaster = self.postmaster_pid;
        self.kill();
        eventually("the server has ended", || !is_running(postmaster));
    }
}

fn told(folder: &Path) -> PathBuf {
    folder.join("told-by-the-holder")
}

#[test]
fn holds_a_cluster_until_killed() {
    let Some(folder) = env::var_os(FOLDER).map(PathBuf::from) else {
        return;
    };
    let cluster = start(&folder);
    fs::write(told(&folder), format!("{}\n", cluster.postmaster_pid())).unwrap();
    thread::sleep(LIFETIME);
}
