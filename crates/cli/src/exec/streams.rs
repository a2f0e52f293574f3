//! What the standard output and standard error of the command are: those of `exec`, or pipes that `exec` copies from.

use std::{
    fs::File,
    io::{self, IsTerminal as _, PipeReader, PipeWriter, pipe},
    os::{
        fd::{AsFd, BorrowedFd},
        unix::process::CommandExt as _,
    },
    process::{Command, Stdio},
    sync::{Arc, mpsc::Sender},
    thread,
};

use rustix::fs::fstat;

use super::{
    event::Event,
    output::{Copied, Copy},
    tail::Tail,
};

/// The output of a command.
#[derive(Debug, Default)]
pub(super) struct Streams {
    /// The number of copies that have not reported their end.
    pub(super) copies: usize,
    /// Where the command writes; `None` for the files of `exec`.
    stdout: Option<PipeWriter>,
    stderr: Option<PipeWriter>,
    /// Closed to tell the copies that the command has ended.
    ended: Option<PipeWriter>,
}

impl Streams {
    /// Those of `exec`.
    pub(super) fn inherited() -> Self {
        Self::default()
    }

    /// Starts to copy the output, except to a terminal: that stays a terminal. What cannot be copied for lack of resources is
    /// inherited.
    pub(super) fn copied(tail: &Arc<Tail>, events: &Sender<Event>) -> Self {
        let Ok((ended, end)) = pipe() else {
            return Self::inherited();
        };
        let (out, err) = (io::stdout(), io::stderr());
        let copy = |to: &dyn AsFd| copy(to.as_fd(), tail, &ended, events).ok();
        let stdout = if out.is_terminal() { None } else { copy(&out) };
        // One pipe for both keeps the order of what they write.
        let shared = stdout.as_ref().filter(|_| is_same_file(&out, &err));
        let shared = shared.and_then(|writer| writer.try_clone().ok());
        let own = if shared.is_some() || err.is_terminal() { None } else { copy(&err) };
        let copies = usize::from(stdout.is_some()) + usize::from(own.is_some());
        Self { copies, stdout, stderr: shared.or(own), ended: Some(end) }
    }

    /// Sets the output of a command.
    pub(super) fn give_to(&self, command: &mut Command) -> io::Result<()> {
        if let Some(writer) = &self.stdout {
            command.stdout(writer.try_clone()?);
        }
        if let Some(writer) = &self.stderr {
            command.stderr(writer.try_clone()?);
        }
        Ok(())
    }

    /// Leaves the pipes to the command, so that they end when it closes them.
    pub(super) fn command_started(&mut self) {
        self.stdout = None;
        self.stderr = None;
    }

    /// Tells the copies that the command has ended.
    pub(super) fn command_ended(&mut self) {
        self.ended = None;
    }
}

/// Starts a copy to a file. Returns the pipe to write to.
fn copy(
    to: BorrowedFd<'_>,
    tail: &Arc<Tail>,
    ended: &PipeReader,
    events: &Sender<Event>,
) -> io::Result<PipeWriter> {
    let (from, writer) = pipe()?;
    let to = File::from(to.try_clone_to_owned()?);
    let copy = Copy { from, to, tail: Arc::clone(tail), ended: ended.try_clone()? };
    let events = events.clone();
    let run = move || {
        let copied = copy.run();
        // If the receiver has gone, `exec` is ending.
        let _gone = events.send(Event::Copied(copied));
    };
    thread::Builder::new().name("output".to_owned()).spawn(run)?;
    Ok(writer)
}

/// Whether two files are one, as after `2>&1`.
fn is_same_file(one: impl AsFd, other: impl AsFd) -> bool {
    match (fstat(one), fstat(other)) {
        (Ok(one), Ok(other)) => one.st_dev == other.st_dev && one.st_ino == other.st_ino,
        _ => false,
    }
}

/// Copies what a process that the command left behind still writes, in a process of its own, so that `exec` can end now.
pub(super) fn hand_over(copied: Copied) -> io::Result<()> {
    match copied {
        Copied::All => Ok(()),
        Copied::Failed(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        Copied::Failed(error) => Err(error),
        Copied::StillOpen(from, to) => {
            let mut command = Command::new("/proc/self/exe");
            command.arg("exec-relay").env_clear().process_group(0);
            command.stdin(Stdio::from(from)).stdout(Stdio::from(to)).stderr(Stdio::null());
            command.spawn().map(|_relay| ())
        }
    }
}
