//! How a server is started.

use std::{
    ffi::{OsStr, OsString},
    io::{BufRead as _, BufReader},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Stdio},
    sync::atomic::{AtomicUsize, Ordering},
};

use tempfile::TempDir;

use super::{Binary, ServerProcess, data_folder, log::Log};

/// The environment and the data folder of a server.
#[derive(Debug)]
pub struct ServerBuilder {
    pub(super) binary: Binary,
    folder: Folder,
    /// None removes a variable.
    settings: Vec<(OsString, Option<OsString>)>,
    log: Option<Log>,
    /// The program and arguments that run the binary; empty: it runs by itself.
    wrapper: Vec<OsString>,
}

#[derive(Debug)]
enum Folder {
    /// Removed with the server.
    Own(TempDir),
    Shared(PathBuf),
}

impl ServerBuilder {
    pub(super) fn new(binary: Binary) -> Self {
        Self {
            binary,
            folder: Folder::Own(data_folder()),
            settings: Vec::new(),
            log: None,
            wrapper: Vec::new(),
        }
    }

    /// A data folder of the caller instead of a new one.
    #[must_use]
    pub fn data_folder(mut self, path: &Path) -> Self {
        self.folder = Folder::Shared(path.to_owned());
        self
    }

    /// A data folder that is removed when the server is dropped.
    #[must_use]
    pub fn own_data_folder(mut self, folder: TempDir) -> Self {
        self.folder = Folder::Own(folder);
        self
    }

    /// Sets an environment variable.
    #[must_use]
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        let setting = (name.as_ref().to_owned(), Some(value.as_ref().to_owned()));
        self.settings.push(setting);
        self
    }

    /// Removes an environment variable that [`Binary::command`] sets.
    #[must_use]
    pub fn env_remove(mut self, name: impl AsRef<OsStr>) -> Self {
        self.settings.push((name.as_ref().to_owned(), None));
        self
    }

    /// Sets environment variables.
    #[must_use]
    pub fn envs<N: AsRef<OsStr>, V: AsRef<OsStr>>(
        self,
        settings: impl IntoIterator<Item = (N, V)>,
    ) -> Self {
        let settings = settings.into_iter();
        settings.fold(self, |builder, (name, value)| builder.env(name, value))
    }

    /// Appends the log to this file, instead of one in the data folder.
    #[must_use]
    pub fn log(mut self, path: &Path) -> Self {
        self.log = Some(Log::File(path.to_owned()));
        self
    }

    /// Runs the binary by another program, such as valgrind, which becomes the process.
    #[must_use]
    pub fn run_under(mut self, program_and_arguments: Vec<OsString>) -> Self {
        self.wrapper = program_and_arguments;
        self
    }

    /// Sends the log into a pipe that is never read.
    #[must_use]
    pub fn unread_log(mut self) -> Self {
        self.log = Some(Log::UnreadPipe);
        self
    }

    /// Starts the server and waits until it prints its address. Panics with the log when it ends instead.
    pub fn start(self) -> ServerProcess {
        static STARTED: AtomicUsize = AtomicUsize::new(0);
        let number = STARTED.fetch_add(1, Ordering::Relaxed);
        let own_log = || Log::File(self.folder().join(format!("server-{number}.log")));
        let log = self.log.clone().unwrap_or_else(own_log);
        ServerProcess::spawn(self, log)
    }

    /// Starts the process and waits for the first line that it prints; the line is empty when the process has ended instead.
    pub(super) fn spawn(&self, log: &Log) -> (Child, BufReader<ChildStdout>, String) {
        let mut command = self.binary.command_under(&self.wrapper, self.folder());
        for (name, value) in &self.settings {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        let command = command.stdout(Stdio::piped()).stderr(log.open());
        let mut child = command.spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        if stdout.read_line(&mut line).unwrap() == 0 {
            child.wait().unwrap();
        }
        (child, stdout, line)
    }

    /// Listens at this address when the server starts again.
    pub(super) fn set_address(&mut self, address: SocketAddr) {
        let (name, address) = ("FLOWRUNS_HTTP__LISTEN".into(), address.to_string().into());
        self.settings.push((name, Some(address)));
    }

    pub(super) fn folder(&self) -> &Path {
        match &self.folder {
            Folder::Own(folder) => folder.path(),
            Folder::Shared(path) => path,
        }
    }
}
