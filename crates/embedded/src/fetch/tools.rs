//! Runs the programs of the package manager.

use std::{
    env,
    ffi::{OsStr, OsString},
    fs::{self, File},
    path::Path,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use super::FetchError;
use crate::spawner;

/// The environment variables that they inherit: proxies, and the operator's configuration of apt; none is secret.
const INHERITED: [&str; 13] = [
    "PATH",
    "HOME",
    "TMPDIR",
    "APT_CONFIG",
    "DPKG_ADMINDIR",
    "http_proxy",
    "https_proxy",
    "ftp_proxy",
    "all_proxy",
    "no_proxy",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
];
/// How long one program may take, for example a download over a slow connection.
const LIMIT: Duration = Duration::from_secs(600);
const PAUSE: Duration = Duration::from_millis(100);
/// How many lines of stderr an error message contains.
const STDERR_LINES: usize = 5;

/// Runs programs with a fixed environment.
pub(super) struct Tools {
    environment: Vec<(OsString, OsString)>,
}

/// The output of a program.
pub(super) struct Output {
    pub(super) stdout: String,
    pub(super) stderr: String,
}

impl Tools {
    pub(super) fn from_environment() -> Self {
        let inherited = INHERITED.iter();
        let set = inherited.filter_map(|name| Some((OsString::from(name), env::var_os(name)?)));
        Self::with_environment(set)
    }

    pub(super) fn with_environment(
        environment: impl Iterator<Item = (OsString, OsString)>,
    ) -> Self {
        Self { environment: environment.collect() }
    }

    /// Whether PATH contains the program.
    pub(super) fn has(&self, program: &str) -> bool {
        let path = self.environment.iter().find(|(name, _)| name == "PATH");
        let path = path.map(|(_, value)| value.clone()).unwrap_or_default();
        env::split_paths(&path).any(|folder| folder.join(program).is_file())
    }

    /// A command with this environment only, whose messages are in English.
    pub(super) fn command(&self, program: &str, folder: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .env("LC_ALL", "C")
            .env("DEBIAN_FRONTEND", "noninteractive")
            .current_dir(folder)
            .stdin(Stdio::null());
        command
    }

    /// Runs a command until it exits and calls `on_poll` every 100 ms. Its output goes to files in `scratch`: unlike a pipe, a
    /// file cannot block it.
    ///
    /// # Errors
    ///
    /// [`FetchError::ToolFailed`] with the last lines of stderr, also after the time limit of 10 minutes; [`FetchError::Io`].
    pub(super) fn run(
        &self,
        mut command: Command,
        scratch: &Path,
        mut on_poll: impl FnMut(),
    ) -> Result<Output, FetchError> {
        let program = name(command.get_program());
        let (out, err) = (scratch.join("stdout"), scratch.join("stderr"));
        let create = |path: &Path| File::create(path).map_err(FetchError::io("create", path));
        command.stdout(create(&out)?).stderr(create(&err)?);
        spawner::die_with_parent(&mut command);
        let spawned = spawner::spawn(command);
        let mut child = spawned.map_err(FetchError::io("start", Path::new(&program)))?;
        let started = Instant::now();
        let status = loop {
            match child.try_wait() {
                Ok(Some(status)) => break Ok(status),
                Ok(None) if started.elapsed() < LIMIT => thread::sleep(PAUSE),
                Ok(None) => break Err(format!("not done after {} s", LIMIT.as_secs())),
                Err(error) => break Err(error.to_string()),
            }
            on_poll();
        };
        let output = Output {
            stdout: fs::read_to_string(&out).unwrap_or_default(),
            stderr: fs::read_to_string(&err).unwrap_or_default(),
        };
        let outcome = match status {
            Ok(status) if status.success() => return Ok(output),
            Ok(status) => status.to_string(),
            Err(outcome) => {
                // The child may have exited already.
                let _exited = child.kill();
                let _reaped = child.wait();
                outcome
            }
        };
        Err(FetchError::ToolFailed { program, outcome, stderr: last_lines(&output.stderr) })
    }
}

/// The last lines of an error output, joined to one line.
pub(super) fn last_lines(text: &str) -> String {
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    lines[lines.len().saturating_sub(STDERR_LINES)..].join("; ")
}

fn name(program: &OsStr) -> String {
    program.to_string_lossy().into_owned()
}
