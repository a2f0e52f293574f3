//! The command as a process: how it is started, gets signals, and is waited for.

use std::{
    env,
    ffi::{OsStr, OsString},
    fs::File,
    io,
    os::unix::{fs::PermissionsExt as _, process::CommandExt as _},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus},
    sync::mpsc::Sender,
    thread,
    time::Instant,
};

use rustix::{
    io::Errno,
    process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, kill_process_group, waitid},
};

use super::{
    event::Event,
    signals::Received,
    streams::Streams,
    usage::{CommandUsage, Usage},
};

/// What to start.
#[derive(Debug)]
pub(super) struct Launch {
    pub(super) program: OsString,
    pub(super) arguments: Vec<OsString>,
    /// Variables to set, and to remove.
    pub(super) environment: Vec<(&'static str, Option<OsString>)>,
}

/// A command that was started and not waited for.
#[derive(Debug)]
pub(super) struct Running {
    child: Child,
    /// Whether the command leads a process group of its own. Where there is a terminal it does not, since only one group may read it.
    has_group: bool,
    pub(super) started: Instant,
}

/// Whether this process has a terminal that controls it.
fn has_terminal() -> bool {
    File::open("/dev/tty").is_ok()
}

impl Running {
    /// Starts a command, and waits for its end in a thread.
    ///
    /// # Errors
    ///
    /// The command is not found or cannot be executed.
    pub(super) fn start(
        launch: &Launch,
        streams: &mut Streams,
        events: &Sender<Event>,
    ) -> io::Result<Self> {
        let has_group = !has_terminal();
        let started = Instant::now();
        let spawned = match launch.spawn(&launch.program, None, streams, has_group) {
            Err(error) if error.raw_os_error() == Some(Errno::NOEXEC.raw_os_error()) => {
                // The kernel does not execute it. It is a script for `sh`, as execvp(3) and shells see it.
                let script = path_of(&launch.program).ok_or(error)?;
                launch.spawn("/bin/sh".as_ref(), Some(&script), streams, has_group)
            }
            spawned => spawned,
        };
        streams.command_started();
        let running = Self { child: spawned?, has_group, started };
        running.wait_in_thread(events);
        Ok(running)
    }

    /// Tells the end of the command. It stays a zombie until it is reaped, so that signals never reach another process.
    fn wait_in_thread(&self, events: &Sender<Event>) {
        let pid = Pid::from_child(&self.child);
        let wait = move |events: &Sender<Event>| {
            let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
            while matches!(waitid(WaitId::Pid(pid), options), Err(Errno::INTR)) {}
            let _gone = events.send(Event::Ended(Instant::now()));
        };
        let thread = thread::Builder::new().name("wait".to_owned());
        let for_thread = events.clone();
        if thread.spawn(move || wait(&for_thread)).is_err() {
            // Without a thread there are no time limits and no signals, but the command runs.
            wait(events);
        }
    }

    /// Sends a signal to the command, and to all its processes if it has a group.
    pub(super) fn signal(&self, signal: Signal) {
        let pid = Pid::from_child(&self.child);
        // An error means that the processes have ended.
        let _ended = match self.has_group {
            true => kill_process_group(pid, signal),
            false => kill_process(pid, signal),
        };
    }

    /// Passes a signal on, unless the terminal has sent it to the command too.
    pub(super) fn forward(&self, received: Received) {
        if self.has_group || !received.is_from_terminal {
            self.signal(received.signal);
        }
    }

    /// Removes the process, after its end was reported.
    pub(super) fn reap(mut self) -> io::Result<(ExitStatus, CommandUsage)> {
        let before = Usage::of_children();
        let status = self.child.wait()?;
        Ok((status, Usage::of_children().since(before)))
    }
}

impl Launch {
    fn spawn(
        &self,
        program: &OsStr,
        script: Option<&Path>,
        streams: &Streams,
        has_group: bool,
    ) -> io::Result<Child> {
        let mut command = Command::new(program);
        command.args(script).args(&self.arguments);
        for (name, value) in &self.environment {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        if has_group {
            command.process_group(0);
        }
        streams.give_to(&mut command)?;
        command.spawn()
    }
}

/// The file that a name without a slash means.
fn path_of(program: &OsStr) -> Option<PathBuf> {
    if program.as_encoded_bytes().contains(&b'/') {
        return Some(program.into());
    }
    let path = env::var_os("PATH")?;
    let mut candidates = env::split_paths(&path).map(|folder| folder.join(program));
    candidates.find(|path| {
        path.metadata().is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
    })
}
