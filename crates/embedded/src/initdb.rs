//! Creates the data directory.

use std::{
    ffi::OsStr,
    fs::{self, File},
    io,
    os::unix::fs::DirBuilderExt,
    path::Path,
    time::Duration,
};

use crate::{
    Cluster, ClusterError, binaries::Binaries, folder::DataFolder, log::ServerLog,
    process::Process, wait::wait_until,
};

/// The prefix of the temporary name; the process id follows.
const PREFIX: &str = "postgres.initdb-";
/// initdb takes one or two seconds; its fsync takes longer on a slow disk.
const LIMIT: Duration = Duration::from_secs(300);
/// A killed initdb may still write for a moment.
const REMOVAL_LIMIT: Duration = Duration::from_secs(5);

/// Removes the incomplete data directories of interrupted initdb runs. The caller has locked the folder.
///
/// # Errors
///
/// [`ClusterError::Io`].
pub(crate) fn remove_leftovers(folder: &Path) -> Result<(), ClusterError> {
    let listing = ClusterError::io("list the folder", folder);
    let entries: Vec<fs::DirEntry> =
        fs::read_dir(folder).and_then(Iterator::collect).map_err(listing)?;
    for entry in entries {
        if entry.file_name().to_string_lossy().starts_with(PREFIX) {
            remove(&entry.path())?;
        }
    }
    Ok(())
}

/// Creates the data directory under a temporary name and renames it when it is complete, so that a crash leaves nothing
/// that looks like a cluster. Time limit: 300 s.
///
/// # Errors
///
/// [`ClusterError::NotACluster`] if the path is in use by other files; [`ClusterError::InitdbFailed`]; [`ClusterError::Io`].
pub(crate) fn create(
    data_folder: &DataFolder,
    binaries: &Binaries,
    log: &ServerLog,
    durable: bool,
) -> Result<(), ClusterError> {
    let data = data_folder.data();
    // Removes an empty folder only.
    match fs::remove_dir(&data) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(ClusterError::NotACluster { data });
        }
        _ => {}
    }
    let temporary = data_folder.path.join(format!("{PREFIX}{}", std::process::id()));
    tracing::info!(data = %data.display(), "creating a database cluster");
    let created = run_initdb(&temporary, data_folder, binaries, log, durable);
    if let Err(error) = created {
        // The first error is reported; the next start removes what remains.
        let _removed = remove(&temporary);
        return Err(error);
    }
    fs::rename(&temporary, &data).map_err(ClusterError::io("rename the new cluster to", &data))?;
    if durable { sync(&data_folder.path) } else { Ok(()) }
}

fn run_initdb(
    temporary: &Path,
    data_folder: &DataFolder,
    binaries: &Binaries,
    log: &ServerLog,
    durable: bool,
) -> Result<(), ClusterError> {
    let account = data_folder.account.as_ref();
    fs::DirBuilder::new()
        .mode(0o700)
        .create(temporary)
        .map_err(ClusterError::io("create the folder", temporary))?;
    if let Some(account) = account {
        account.own(temporary).map_err(ClusterError::io("change the owner of", temporary))?;
    }
    let program = binaries.program("initdb");
    let mut command = binaries.command("initdb", account, log)?;
    command.args(arguments(temporary, durable));
    let process = Process::spawn(command).map_err(ClusterError::io("start", &program))?;
    let outcome = match process.wait_at_most(LIMIT) {
        Some(exit) if exit.status.is_some_and(|status| status.success()) => return Ok(()),
        Some(exit) => exit.to_string(),
        None => format!("not done after {} s", LIMIT.as_secs()),
    };
    Err(ClusterError::InitdbFailed { outcome, log: log.tail() })
}

/// The socket needs no password, because only the server's user can reach it; all other connections are rejected.
fn arguments(temporary: &Path, durable: bool) -> Vec<&OsStr> {
    let mut arguments = vec![OsStr::new("-D"), temporary.as_os_str()];
    arguments.extend(["-U", Cluster::SUPERUSER].map(OsStr::new));
    arguments.extend(["--encoding=UTF8", "--locale=C.UTF-8", "--data-checksums"].map(OsStr::new));
    arguments
        .extend(["--auth-local=trust", "--auth-host=reject", "--no-instructions"].map(OsStr::new));
    if !durable {
        arguments.push(OsStr::new("--no-sync"));
    }
    arguments
}

/// Without it a crash of the system could lose the rename.
fn sync(folder: &Path) -> Result<(), ClusterError> {
    File::open(folder)
        .and_then(|opened| opened.sync_all())
        .map_err(ClusterError::io("sync the folder", folder))
}

fn remove(folder: &Path) -> Result<(), ClusterError> {
    let mut result = Ok(());
    wait_until(REMOVAL_LIMIT, || {
        result = fs::remove_dir_all(folder);
        matches!(&result, Err(error) if error.kind() == io::ErrorKind::NotFound) || result.is_ok()
    });
    match result {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(ClusterError::io("remove the leftover folder", folder)(error))
        }
        _ => Ok(()),
    }
}
