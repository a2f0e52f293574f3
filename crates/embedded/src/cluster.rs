//! Starts and stops the server.

use std::{
    io,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use crate::{
    ClusterError, ClusterExit, MAX_FILE_BYTES,
    binaries::Binaries,
    folder::DataFolder,
    initdb,
    lock::FolderLock,
    log::ServerLog,
    orphan,
    pid_file::PidFile,
    process::Process,
    read_regular_file,
    socket::{PORT, SocketFolder},
    wait::wait_until,
};

/// How long the server may take to accept connections; after a crash it replays its write-ahead log first.
const READY_LIMIT: Duration = Duration::from_secs(60);

/// What to do if PostgreSQL is not installed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Install {
    /// Download it once (20 to 30 MB) with the package manager of the system, apt or dnf, without root and without changing
    /// the system. It is stored in a cache folder of the user: `flowruns` in XDG_CACHE_HOME or `~/.cache`; for root
    /// `/var/cache/flowruns`; if none can be used, in the data folder.
    Auto,
    /// Fail with [`ClusterError::NoBinaries`].
    Never,
}

/// The location and the settings of a cluster. Make one with [`ClusterOptions::new`] and change its fields.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ClusterOptions {
    /// The folder of the data, the socket and the log; it is created if it does not exist. A relative path starts at the
    /// working directory.
    pub folder: PathBuf,
    /// The folder that contains `initdb` and `postgres`; `None` searches PATH, then the usual folders, newest version
    /// first.
    pub binaries: Option<PathBuf>,
    /// Whether PostgreSQL is downloaded if it is not installed.
    pub install: Install,
    /// `false` turns fsync, synchronous commit and full-page writes off: a crash of the server loses the last commits, and
    /// a crash of the system can lose the whole cluster. For tests only.
    pub durable: bool,
    /// The maximum number of connections; 3 of them are reserved for the superuser.
    pub max_connections: u16,
    /// Further settings of postgresql.conf, by name; they override the settings of this crate.
    pub settings: Vec<(String, String)>,
}

impl ClusterOptions {
    /// A durable cluster with 100 connections, on the first PostgreSQL that is found, else downloaded.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
            binaries: None,
            install: Install::Auto,
            durable: true,
            max_connections: 100,
            settings: Vec::new(),
        }
    }
}

/// A running server. Dropping it stops the server and unlocks the folder.
///
/// All methods can be called from any thread; share it in an `Arc` to wait in one thread and stop in another.
#[derive(Debug)]
pub struct Cluster {
    // Dropped in this order: the lock last, when the server has stopped.
    process: Process,
    socket: SocketFolder,
    data_folder: DataFolder,
    log: ServerLog,
    _lock: FolderLock,
}

impl Cluster {
    /// The superuser role; connections through the socket need no password.
    pub const SUPERUSER: &'static str = "postgres";

    /// Creates the cluster (UTF-8, `C.UTF-8`, UTC, data checksums) if it does not exist, starts the server and waits until
    /// it accepts connections.
    ///
    /// Stops an orphaned server in this folder first. If this process runs as root, another folder may be used: see
    /// [`Cluster::folder`]. Blocks the thread. Time limits: 60 s for the server, 52 s for an orphaned server, 300 s for
    /// initdb, about an hour for a download over a slow connection.
    ///
    /// # Errors
    ///
    /// Any [`ClusterError`]; no process is left running.
    pub fn start(options: ClusterOptions) -> Result<Self, ClusterError> {
        let started = Instant::now();
        let ClusterOptions { folder, binaries, install, durable, .. } = &options;
        let data_folder = DataFolder::choose(folder)?;
        let lock = FolderLock::acquire(&data_folder.lock(), &data_folder.path)?;
        let log = ServerLog::open(&data_folder.log())?;
        initdb::remove_leftovers(&data_folder.path)?;
        let data = data_folder.data();
        let version = find_version(&data)?;
        let binaries =
            Binaries::find(binaries.as_deref(), *install, &data_folder, version.as_deref())?;
        match version {
            Some(_) => orphan::clear(&data)?,
            None => initdb::create(&data_folder, &binaries, &log, *durable)?,
        }
        let socket = SocketFolder::prepare(&data_folder)?;
        let stale = PidFile::find(&data)?;
        let process = launch(settings(options), &data_folder, &binaries, &log, &socket)?;
        wait_until_ready(&process, &data, stale.as_ref(), &log)?;
        let took = started.elapsed().as_millis();
        let folder = data_folder.path.display();
        tracing::info!(%folder, pid = process.pid(), took_ms = took, "the database is ready");
        Ok(Self { process, socket, data_folder, log, _lock: lock })
    }

    /// The folder of the socket, which is the `host` of a connection. Only the server's user and root can enter it.
    pub fn socket_folder(&self) -> &Path {
        &self.socket.path
    }

    /// The `port` of a connection; it is only a part of the socket's file name.
    pub fn port(&self) -> u16 {
        PORT
    }

    /// The folder in use: absolute, without symbolic links. If this process runs as root and the server's user cannot enter
    /// the requested folder, it is a folder in `/var/lib/flowruns`.
    pub fn folder(&self) -> &Path {
        &self.data_folder.path
    }

    /// The file to which the server and initdb write their log.
    pub fn log_file(&self) -> &Path {
        self.log.path()
    }

    /// The process id of the server.
    pub fn postmaster_pid(&self) -> u32 {
        self.process.pid()
    }

    /// Whether the server has not exited yet.
    pub fn is_running(&self) -> bool {
        self.process.exit().is_none()
    }

    /// Blocks, without a time limit, until the server has exited for any reason.
    pub fn wait_for_exit(&self) -> ClusterExit {
        let exit = self.process.wait();
        ClusterExit {
            status: exit.status,
            requested: self.process.stop_requested(),
            log: self.log.tail(),
        }
    }

    /// Stops the server: a fast shutdown, which closes all connections, and after 30 s an immediate shutdown with a limit
    /// of 10 s. Does nothing if the server has exited. The folder stays locked until the [`Cluster`] is dropped.
    ///
    /// # Errors
    ///
    /// [`ClusterError::StillRunning`] if the server runs after both.
    pub fn stop(&self) -> Result<(), ClusterError> {
        self.process.stop()
    }
}

/// The content of `PG_VERSION`; `None` if the cluster does not exist.
fn find_version(data: &Path) -> Result<Option<String>, ClusterError> {
    let path = data.join("PG_VERSION");
    match read_regular_file(&path, MAX_FILE_BYTES) {
        Ok(version) => Ok(Some(String::from_utf8_lossy(&version).trim().to_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(ClusterError::io("read", &path)(error)),
    }
}

fn launch(
    settings: Vec<(String, String)>,
    data_folder: &DataFolder,
    binaries: &Binaries,
    log: &ServerLog,
    socket: &SocketFolder,
) -> Result<Process, ClusterError> {
    let program = binaries.program("postgres");
    let mut command = binaries.command("postgres", data_folder.account.as_ref(), log)?;
    command
        .arg("-D")
        .arg(data_folder.data())
        .arg("-k")
        .arg(&socket.path)
        .args(["-p", &PORT.to_string()]);
    for (name, value) in settings {
        command.arg("-c").arg(format!("{name}={value}"));
    }
    Process::spawn(command).map_err(ClusterError::io("start", &program))
}

/// Our settings, then the caller's: if a name occurs twice, PostgreSQL uses the last.
fn settings(options: ClusterOptions) -> Vec<(String, String)> {
    let mut ours = vec![
        ("listen_addresses", String::new()),
        ("unix_socket_permissions", "0700".to_owned()),
        ("max_connections", options.max_connections.to_string()),
        ("shared_buffers", "128MB".to_owned()),
        ("logging_collector", "off".to_owned()),
    ];
    if !options.durable {
        let durability = ["fsync", "synchronous_commit", "full_page_writes"];
        ours.extend(durability.map(|name| (name, "off".to_owned())));
    }
    let ours = ours.into_iter().map(|(name, value)| (name.to_owned(), value));
    ours.chain(options.settings).collect()
}

/// `stale` is the file of a killed server: it can say "ready", and can even contain the process id of this server.
fn wait_until_ready(
    process: &Process,
    data: &Path,
    stale: Option<&PidFile>,
    log: &ServerLog,
) -> Result<(), ClusterError> {
    let is_ready = || {
        let found = PidFile::find(data).ok().flatten();
        found.is_some_and(|file| {
            Some(&file) != stale && file.pid() == Some(process.pid()) && file.is_ready()
        })
    };
    let is_done = wait_until(READY_LIMIT, || process.exit().is_some() || is_ready());
    if let Some(exit) = process.exit() {
        return Err(ClusterError::ExitedEarly { outcome: exit.to_string(), log: log.tail() });
    }
    if is_done {
        Ok(())
    } else {
        Err(ClusterError::NotReady { seconds: READY_LIMIT.as_secs(), log: log.tail() })
    }
}
