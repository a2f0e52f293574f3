//! A separate process that starts a cluster, for tests that kill it.

use std::{
    env, fs,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use crate::support::{eventually, fetch_programs, is_running, start};

const FOLDER: &str = "FLOWRUNS_EMBEDDED_TEST_FOLDER";
/// Longer than any test; then the process exits by itself.
const LIFETIME: Duration = Duration::from_secs(60);

/// This test binary in another process, which starts a cluster in a folder and keeps it running.
pub(crate) struct ClusterProcess {
    process: Child,
    pub(crate) postmaster_pid: u32,
}

impl ClusterProcess {
    pub(crate) fn start(folder: &Path) -> Self {
        Self::run(Command::new(env::current_exe().unwrap()), folder)
    }

    /// Runs it as a user who is not root. That user may not be able to enter the target folder, so the binary is copied.
    pub(crate) fn start_as(user: u32, parent: &Path, folder: &Path) -> Self {
        let program = parent.join("cluster-process");
        fs::copy(env::current_exe().unwrap(), &program).unwrap();
        let mut command = Command::new(program);
        command.uid(user).gid(user);
        Self::run(command, folder)
    }

    fn run(mut command: Command, folder: &Path) -> Self {
        fetch_programs();
        command
            .args(["--exact", "cluster_process::keeps_a_cluster_until_killed"])
            .env(FOLDER, folder);
        command.current_dir("/").stdin(Stdio::null()).stdout(Stdio::null());
        let mut process = command.spawn().unwrap();
        let mut postmaster_pid = None;
        eventually("the process has started its cluster", || {
            assert!(process.try_wait().unwrap().is_none(), "the process has exited");
            let written = fs::read_to_string(pid_file(folder)).unwrap_or_default();
            postmaster_pid = written.strip_suffix('\n').and_then(|pid| pid.parse().ok());
            postmaster_pid.is_some()
        });
        Self { process, postmaster_pid: postmaster_pid.unwrap() }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Sends SIGKILL, so the process cannot clean up.
    pub(crate) fn kill(mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// Also waits for the server: it could still write to the folder that the test removes.
    pub(crate) fn kill_with_server(self) {
        let postmaster = self.postmaster_pid;
        self.kill();
        eventually("the server has exited", || !is_running(postmaster));
    }
}

fn pid_file(folder: &Path) -> PathBuf {
    folder.join("test-postmaster-pid")
}

#[test]
fn keeps_a_cluster_until_killed() {
    let Some(folder) = env::var_os(FOLDER).map(PathBuf::from) else {
        return;
    };
    let cluster = start(&folder);
    fs::write(pid_file(&folder), format!("{}\n", cluster.postmaster_pid())).unwrap();
    thread::sleep(LIFETIME);
}
