//! Makes the data directory.

use std::{
    ffi::OsStr,
    fs::{self, File},
    io,
    os::unix::fs::DirBuilderExt,
    path::Path,
    time::Duration,
};

use crate::{
    Cluster, ClusterError, binaries::Binaries, folder::DataFolder, log::ServerLog, poll::poll,
    process::Process,
};

/// The beginning of the temporary name; the process id follows.
const PREFIX: &str = "postgres.initdb-";
/// initdb takes a second or two; its syncing takes longer on a slow disk.
const LIMIT: Duration = Duration::from_secs(300);
/// A killed initdb may still be writing for a moment.
const REMOVAL_LIMIT: Duration = Duration::from_secs(5);

/// Removes what an initdb left that did not come to its end. The caller holds the lock of the folder.
///
/// # Errors
///
/// [`ClusterError::Io`].
pub(crate) fn remove_leftovers(folder: &Path) -> Result<(), ClusterError> {
    let listing = ClusterError::io("list the folder", folder);
    let entries: Vec<fs::DirEntry> = fs::read_dir(folder)
        .and_then(Iterator::collect)
        .map_err(listing)?;
    for entry in entries {
        if entry.file_name().to_string_lossy().starts_with(PREFIX) {
            remove(&entry.path())?;
        }
    }
    Ok(())
}

/// Makes the data directory under a temporary name and renames it when it is whole, so that a crash half-way leaves
/// nothing that looks like a cluster. Bounded: 300 s.
///
/// # Errors
///
/// [`ClusterError::NotACluster`] when something else is there; [`ClusterError::InitdbFailed`]; [`ClusterError::Io`].
pub(crate) fn create(
    place: &DataFolder,
    binaries: &Binaries,
    log: &ServerLog,
    durable: bool,
) -> Result<(), ClusterError> {
    let data = place.data();
    // Only an empty folder can be removed so.
    match fs::remove_dir(&data) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(ClusterError::NotACluster { data });
        }
        _ => {}
    }
    let temporary = place.path.join(format!("{PREFIX}{}", std::process::id()));
    tracing::info!(data = %data.display(), "creating a database cluster");
    let made = fill(&temporary, place, binaries, log, durable);
    if let Err(error) = made {
        // The error that matters is the first; what remains is removed at the next start.
        let _removed = remove(&temporary);
        return Err(error);
    }
    fs::rename(&temporary, &data).map_err(ClusterError::io("rename the new cluster to", &data))?;
    if durable { sync(&place.path) } else { Ok(()) }
}

fn fill(
    temporary: &Path,
    place: &DataFolder,
    binaries: &Binaries,
    log: &ServerLog,
    durable: bool,
) -> Result<(), ClusterError> {
    let account = place.account.as_ref();
    fs::DirBuilder::new()
        .mode(0o700)
        .create(temporary)
        .map_err(ClusterError::io("create the folder", temporary))?;
    if let Some(account) = account {
        account
            .take(temporary)
            .map_err(ClusterError::io("give to the database's user", temporary))?;
    }
    let program = binaries.program("initdb");
    let mut command = binaries.command("initdb", account, log)?;
    command.args(arguments(temporary, durable));
    let process = Process::spawn(command).map_err(ClusterError::io("start", &program))?;
    let outcome = match process.wait_at_most(LIMIT) {
        Some(ended) if ended.status.is_some_and(|status| status.success()) => return Ok(()),
        Some(ended) => ended.to_string(),
        None => format!("not done after {} s", LIMIT.as_secs()),
    };
    Err(ClusterError::InitdbFailed {
        outcome,
        log: log.tail(),
    })
}

/// Nobody needs a password on the socket, which only we can reach; any other way in is rejected.
fn arguments(temporary: &Path, durable: bool) -> Vec<&OsStr> {
    let mut arguments = vec![OsStr::new("-D"), temporary.as_os_str()];
    arguments.extend(["-U", Cluster::SUPERUSER].map(OsStr::new));
    arguments.extend(["--encoding=UTF8", "--locale=C.UTF-8", "--data-checksums"].map(OsStr::new));
    arguments.extend(
        [
            "--auth-local=trust",
            "--auth-host=reject",
            "--no-instructions",
        ]
        .map(OsStr::new),
    );
    if !durable {
        arguments.push(OsStr::new("--no-sync"));
    }
    arguments
}

/// Without this a crash of the system could forget the rename.
fn sync(folder: &Path) -> Result<(), ClusterError> {
    File::open(folder)
        .and_then(|opened| opened.sync_all())
        .map_err(ClusterError::io("sync the folder", folder))
}

fn remove(folder: &Path) -> Result<(), ClusterError> {
    let mut result = Ok(());
    poll(REMOVAL_LIMIT, || {
        result = fs::remove_dir_all(folder);
        matches!(&result, Err(error) if error.kind() == io::ErrorKind::NotFound) || result.is_ok()
    });
    match result {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(ClusterError::io(
            "remove the left-over folder",
            folder,
        )(error)),
        _ => Ok(()),
    }
}
