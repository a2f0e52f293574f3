//! A private, real PostgreSQL as a child process: the default database of the service, and the scratch server of the
//! tests.
//!
//! [`Cluster::start`] makes the cluster when there is none, starts the server and returns when it accepts connections;
//! [`Cluster::stop`], or dropping the [`Cluster`], ends it. Clients reach it by a Unix socket only, in a folder that
//! nobody else can enter; there is no TCP port and no password.
//!
//! ```
//! use flowruns_embedded::{Cluster, ClusterOptions};
//!
//! let place = tempfile::tempdir()?;
//! let mut options = ClusterOptions::new(place.path());
//! options.durable = false; // for tests only
//! let cluster = Cluster::start(options)?;
//! let socket = cluster.socket_folder().join(format!(".s.PGSQL.{}", cluster.port()));
//! assert!(socket.exists());
//! assert!(cluster.is_running());
//! cluster.stop()?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Layout of the folder
//!
//! | Name           | What                                              | Belongs to        |
//! |----------------|---------------------------------------------------|-------------------|
//! | `postgres`     | the data                                          | the server's user |
//! | `run`          | the socket, unless its path would be too long     | the server's user |
//! | `postgres.log` | the server's log, emptied at a start over 10 MiB  | us                |
//! | `lock`         | held as long as the [`Cluster`] lives             | us                |
//! | `programs`     | PostgreSQL itself, where no cache folder is usable | us               |
//!
//! Anything else in the folder is left alone.
//!
//! # PostgreSQL itself
//!
//! An installed PostgreSQL is used, or one that was fetched earlier. Where there is neither, it is fetched through the
//! package manager of the system: see [`Install`].
//!
//! # Processes
//!
//! PostgreSQL refuses to run as root, so root drops to the owner of the data, or else `postgres`, or else `nobody`; the
//! folder itself is then made enterable, not readable, by that user. On Linux the server shuts down when this process
//! dies, however it dies; elsewhere the next start stops the server that was left behind.

mod account;
mod binaries;
mod cluster;
mod error;
mod exit;
mod fetch;
mod file;
mod folder;
mod initdb;
mod install;
mod lock;
mod log;
mod orphan;
mod pid_file;
mod poll;
mod process;
mod resident;
mod running;
mod shared_memory;
mod socket;
mod spawner;

pub use cluster::{Cluster, ClusterOptions, Install};
pub use error::ClusterError;
pub use exit::ClusterExit;
pub use file::{MAX_FILE_BYTES, read_regular_file};
pub use running::RunningCluster;

/// A command that runs a program of PostgreSQL, such as `psql`, as installed or as fetched by an earlier
/// [`Cluster::start`]. `None` where there is none; nothing is fetched.
pub fn postgres_command(program: &str) -> Option<std::process::Command> {
    let binaries = binaries::Binaries::with_program(program)?;
    let mut command = std::process::Command::new(binaries.program(program));
    binaries.add_libraries(&mut command);
    Some(command)
}
