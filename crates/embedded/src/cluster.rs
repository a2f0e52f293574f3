//! Starts the server, and holds it.

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
    poll::poll,
    process::Process,
    read_regular_file,
    socket::{PORT, SocketFolder},
};

/// How long the server may take to accept connections; after a crash it replays its log first.
const READY_LIMIT: Duration = Duration::from_secs(60);

/// What to do where PostgreSQL is not installed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Install {
    /// Fetch it through the package manager of the system (apt or dnf), without root and outside the system, into a cache
    /// folder of the user: `flowruns` in XDG_CACHE_HOME or `~/.cache`, of root `/var/cache/flowruns`, else a folder in the
    /// data folder. About 20 MB, once.
    Auto,
    /// Refuse to start.
    Never,
}

/// Where the cluster is and how it is run.
#[derive(Clone, Debug)]
pub struct ClusterOptions {
    /// The folder that holds the data, the socket and the log; it is created when it is missing. A relative one is of
    /// the working directory.
    pub folder: PathBuf,
    /// The folder that holds `initdb` and `postgres`; `None` looks in PATH, then in the usual places, newest first.
    pub binaries: Option<PathBuf>,
    /// Whether PostgreSQL may be fetched where it is not installed.
    pub install: Install,
    /// `false` turns fsync, synchronous commit and full-page writes off: a crash of the server loses the last commits, one
    /// of the system may lose everything. For tests only.
    pub durable: bool,
    /// How many connections there can be, 3 of them for the superuser only.
    pub max_connections: u16,
    /// Further settings of postgresql.conf; they win over ours.
    pub settings: Vec<(String, String)>,
}

impl ClusterOptions {
    /// Durable, with 100 connections and the binaries that are found.
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

/// A server that runs. Dropping it stops it, and lets go of the folder.
///
/// Every method can be called from any thread; share it in an `Arc` to wait in one thread and stop in another.
#[derive(Debug)]
pub struct Cluster {
    // Dropped in this order: the lock last, when nothing of ours is left in the folder.
    process: Process,
    socket: SocketFolder,
    place: DataFolder,
    log: ServerLog,
    _lock: FolderLock,
}

impl Cluster {
    /// The role that owns everything; on the socket no password is asked for.
    pub const SUPERUSER: &'static str = "postgres";

    /// Makes the cluster (UTF-8, `C.UTF-8`, UTC, data checksums) when there is none, starts the server and waits until it
    /// accepts connections.
    ///
    /// A server that an earlier process left behind in this folder is stopped first. As root, another folder may be
    /// used: see [`Cluster::folder`]. Bounded: about an hour where PostgreSQL must be fetched over a slow line, else 60 s for the server, 52 s for an earlier one, 300 s for initdb.
    ///
    /// # Errors
    ///
    /// Any [`ClusterError`]; nothing keeps running.
    pub fn start(options: ClusterOptions) -> Result<Self, ClusterError> {
        let begun = Instant::now();
        let ClusterOptions {
            folder,
            binaries,
            install,
            durable,
            ..
        } = &options;
        let place = DataFolder::choose(folder)?;
        let lock = FolderLock::acquire(&place.lock(), &place.path)?;
        let log = ServerLog::open(&place.log())?;
        initdb::remove_leftovers(&place.path)?;
        let data = place.data();
        let version = find_version(&data)?;
        let binaries = Binaries::find(binaries.as_deref(), *install, &place, version.as_deref())?;
        match version {
            Some(_) => orphan::clear(&data)?,
            None => initdb::create(&place, &binaries, &log, *durable)?,
        }
        let socket = SocketFolder::prepare(&place)?;
        let stale = PidFile::find(&data)?;
        let process = launch(settings(options), &place, &binaries, &log, &socket)?;
        wait_until_ready(&process, &data, stale.as_ref(), &log)?;
        let took = begun.elapsed().as_millis();
        tracing::info!(folder = %place.path.display(), pid = process.pid(), took_ms = took, "the database is ready");
        Ok(Self {
            process,
            socket,
            place,
            log,
            _lock: lock,
        })
    }

    /// The folder of the socket: the `host` of a connection. Only this user, and root, can enter it.
    pub fn socket_folder(&self) -> &Path {
        &self.socket.path
    }

    /// The `port` of a connection; it is a part of the socket's name only.
    pub fn port(&self) -> u16 {
        PORT
    }

    /// The folder really used: absolute, without symbolic links, and, when we are root and the server's user cannot reach
    /// the wanted one, another.
    pub fn folder(&self) -> &Path {
        &self.place.path
    }

    /// The process of the server.
    pub fn postmaster_pid(&self) -> u32 {
        self.process.pid()
    }

    /// Whether the server has not ended. It may have by the time you look.
    pub fn is_running(&self) -> bool {
        self.process.ended().is_none()
    }

    /// Waits, without a bound, until the server has ended, whether it was stopped or died.
    pub fn wait_for_exit(&self) -> ClusterExit {
        let ended = self.process.wait();
        ClusterExit {
            status: ended.status,
            requested: self.process.stop_requested(),
            log: self.log.tail(),
        }
    }

    /// Ends the server: a fast shutdown, which ends the connections, and after 30 s an immediate one, which is given 10 s.
    /// Once it has ended, this does nothing. The folder stays locked until the [`Cluster`] is dropped.
    ///
    /// # Errors
    ///
    /// [`ClusterError::StillRunning`] when neither helps.
    pub fn stop(&self) -> Result<(), ClusterError> {
        self.process.stop()
    }
}

/// What `PG_VERSION` says; `None` when there is no cluster.
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
    place: &DataFolder,
    binaries: &Binaries,
    log: &ServerLog,
    socket: &SocketFolder,
) -> Result<Process, ClusterError> {
    let program = binaries.program("postgres");
    let mut command = binaries.command("postgres", place.account.as_ref(), log)?;
    command
        .arg("-D")
        .arg(place.data())
        .arg("-k")
        .arg(&socket.path)
        .args(["-p", &PORT.to_string()]);
    for (name, value) in settings {
        command.arg("-c").arg(format!("{name}={value}"));
    }
    Process::spawn(command).map_err(ClusterError::io("start", &program))
}

/// Ours, then the caller's: of two with one name PostgreSQL takes the last.
fn settings(options: ClusterOptions) -> Vec<(String, String)> {
    let mut ours = vec![
        ("listen_addresses", String::new()),
        ("unix_socket_permissions", "0700".to_owned()),
        ("max_connections", options.max_connections.to_string()),
        ("shared_buffers", "128MB".to_owned()),
        ("logging_collector", "off".to_owned()),
    ];
    if !options.durable {
        let careless = ["fsync", "synchronous_commit", "full_page_writes"];
        ours.extend(careless.map(|name| (name, "off".to_owned())));
    }
    let ours = ours
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value));
    ours.chain(options.settings).collect()
}

/// `stale` is what a killed server left: it may say "ready", and even have the process id of this one.
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
    let decided = poll(READY_LIMIT, || process.ended().is_some() || is_ready());
    if let Some(ended) = process.ended() {
        return Err(ClusterError::ExitedEarly {
            outcome: ended.to_string(),
            log: log.tail(),
        });
    }
    if decided {
        Ok(())
    } else {
        Err(ClusterError::NotReady {
            seconds: READY_LIMIT.as_secs(),
            log: log.tail(),
        })
    }
}
