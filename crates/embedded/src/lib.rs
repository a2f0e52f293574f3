//! Runs a private PostgreSQL server as a child process: the default database of the service, and the database server of the
//! tests.
//!
//! [`Cluster::start`] creates the database cluster if it does not exist, starts the server and returns when it accepts
//! connections. [`Cluster::stop`], or dropping the [`Cluster`], stops the server. Clients connect through a Unix socket
//! only, in a folder that no other user can enter; the server has no TCP port and no password.
//!
//! ```
//! use flowruns_embedded::{Cluster, ClusterOptions};
//!
//! let temp = tempfile::tempdir()?;
//! let mut options = ClusterOptions::new(temp.path());
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
//! | Name           | Content                                                   | Owner             |
//! |----------------|-----------------------------------------------------------|-------------------|
//! | `postgres`     | the data directory                                        | the server's user |
//! | `run`          | the socket, unless its path would be too long             | the server's user |
//! | `postgres.log` | the server's log; a start empties one larger than 10 MiB  | this process      |
//! | `lock`         | locked while the [`Cluster`] exists                       | this process      |
//! | `programs`     | downloaded PostgreSQL, if no cache folder can be used     | this process      |
//!
//! Other files in the folder are not touched.
//!
//! # PostgreSQL itself
//!
//! [`Cluster::start`] uses an installed PostgreSQL, or one that was downloaded earlier. Otherwise it downloads PostgreSQL
//! with the package manager of the system: see [`Install`].
//!
//! # Processes
//!
//! PostgreSQL does not run as root. If this process runs as root, the server runs as the owner of the data, else as
//! `postgres`, else as `nobody`; that user gets permission to enter the folder, not to read it. On Linux the server shuts
//! down when this process dies for any reason, also by SIGKILL; on other systems the next start stops the orphaned server.

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
mod process;
mod process_probe;
mod running;
mod shared_memory;
mod socket;
mod spawner;
mod wait;

pub use cluster::{Cluster, ClusterOptions, Install};
pub use error::ClusterError;
pub use exit::ClusterExit;
pub use file::{MAX_FILE_BYTES, read_regular_file};
pub use running::RunningCluster;

/// A command that runs a program of PostgreSQL, such as `psql`, as installed or as downloaded by an earlier
/// [`Cluster::start`]. `None` if no PostgreSQL with this program is found; this function downloads nothing.
pub fn postgres_command(program: &str) -> Option<std::process::Command> {
    let binaries = binaries::Binaries::with_program(program)?;
    let mut command = std::process::Command::new(binaries.program(program));
    binaries.add_libraries(&mut command);
    Some(command)
}
