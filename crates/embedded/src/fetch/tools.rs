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

/// What they inherit: the way to the network, the operator's configuration of apt, and nothing that is secret.
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
/// How long one program may take: a download over a slow line.
const LIMIT: Duration = Duration::from_secs(600);
const PAUSE: Duration = Duration::from_millis(100);
/// How much of a complaint goes into a message, in lines.
const SAID_LINES: usize = 5;

/// The environment of the programs.
pub(super) struct Tools {
    environment: Vec<(OsString, OsString)>,
}

/// What a program has printed.
pub(super) struct Output {
    pub(super) stdout: String,
    pub(super) stderr: String,
}

impl Tools {
    pub(super) fn of_system() -> Self {
        let inherited = INHERITED.iter();
        let set = inherited.filter_map(|name| Some((OsString::from(name), env::var_os(name)?)));
        Self::with(set)
    }

    pub(super) fn with(environment: impl Iterator<Item = (OsString, OsString)>) -> Self {
        Self {
            environment: environment.collect(),
        }
    }

    /// Whether the PATH has such a program.
    pub(super) fn has(&self, program: &str) -> bool {
        let path = self.environment.iter().find(|(name, _)| name == "PATH");
        let path = path.map(|(_, value)| value.clone()).unwrap_or_default();
        env::split_paths(&path).any(|folder| folder.join(program).is_file())
    }

    /// A command with this environment alone, whose messages are in English.
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

    /// Runs a command to its end and calls `look` now and then. What it prints goes through files in its folder, which no
    /// amount of text can block.
    ///
    /// # Errors
    ///
    /// [`FetchError::ToolFailed`] with the last lines of its complaint, also after 10 minutes; [`FetchError::Io`].
    pub(super) fn run(
        &self,
        mut command: Command,
        scratch: &Path,
        mut look: impl FnMut(),
    ) -> Result<Output, FetchError> {
        let program = name(command.get_program());
        let (out, err) = (scratch.join("stdout"), scratch.join("stderr"));
        let create = |path: &Path| File::create(path).map_err(FetchError::io("create", path));
        command.stdout(create(&out)?).stderr(create(&err)?);
        spawner::die_with_parent(&mut command);
        let started = spawner::spawn(command);
        let mut child = started.map_err(FetchError::io("start", Path::new(&program)))?;
        let begun = Instant::now();
        let status = loop {
            match child.try_wait() {
                Ok(Some(status)) => break Ok(status),
                Ok(None) if begun.elapsed() < LIMIT => thread::sleep(PAUSE),
                Ok(None) => break Err(format!("not done after {} s", LIMIT.as_secs())),
                Err(error) => break Err(error.to_string()),
            }
            look();
        };
        let output = Output {
            stdout: fs::read_to_string(&out).unwrap_or_default(),
            stderr: fs::read_to_string(&err).unwrap_or_default(),
        };
        let outcome = match status {
            Ok(status) if status.success() => return Ok(output),
            Ok(status) => status.to_string(),
            Err(outcome) => {
                // It may have ended just now.
                let _ended = child.kill();
                let _reaped = child.wait();
                outcome
            }
        };
        Err(FetchError::ToolFailed {
            program,
            outcome,
            said: last_lines(&output.stderr),
        })
    }
}

/// The end of a complaint, in one line.
pub(super) fn last_lines(text: &str) -> String {
    let lines: Vec<&str> = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect();
    lines[lines.len().saturating_sub(SAID_LINES)..].join("; ")
}

fn name(program: &OsStr) -> String {
    program.to_string_lossy().into_owned()
}
