//! Chooses the folder of a cluster and defines its layout.

use std::{
    fs, io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use rustix::process::geteuid;

use crate::{ClusterError, account::Account};

/// The parent of the folder that root uses if the server's user cannot enter the requested one.
const FALLBACK_PARENT: &str = "/var/lib/flowruns";

/// The folder that a cluster uses, and the user that its server runs as.
#[derive(Debug)]
pub(crate) struct DataFolder {
    /// Absolute, without symbolic links.
    pub(crate) path: PathBuf,
    /// The user of the server; `None` if this process does not run as root: then the server runs as the same user.
    pub(crate) account: Option<Account>,
}

impl DataFolder {
    /// Creates the requested folder and chooses it. If this process runs as root and the server's user cannot enter that
    /// folder, chooses a fallback whose name depends on the requested path only. If one of the two contains a cluster
    /// already, chooses that one, so that a change of permissions never hides existing data.
    ///
    /// # Errors
    ///
    /// [`ClusterError::Io`], [`ClusterError::NoAccount`] or [`ClusterError::InaccessibleFolder`].
    pub(crate) fn choose(requested: &Path) -> Result<Self, ClusterError> {
        let is_root = geteuid().is_root();
        let requested = create(requested, if is_root { 0o711 } else { 0o700 })?;
        if !is_root {
            return Ok(Self { path: requested, account: None });
        }
        let accounts = Account::all();
        let fallback = Path::new(FALLBACK_PARENT).join(stable_name(&requested));
        if contains_cluster(&requested) {
            return Self::open(requested, &accounts);
        }
        if !contains_cluster(&fallback) {
            let account = Account::preferred(&accounts)?;
            let Some(by) = first_inaccessible(&requested, &account, &accounts)? else {
                return Self::open(requested, &accounts);
            };
            tracing::warn!(user = account.name, blocked_by = %by.display(), "the user of the database server cannot enter the data folder");
        }
        tracing::warn!(requested = %requested.display(), used = %fallback.display(), "using another data folder");
        Self::open(create(&fallback, 0o711)?, &accounts)
    }

    /// Permits the owner of the data, or else the preferred account, to enter the folder.
    fn open(path: PathBuf, accounts: &[Account]) -> Result<Self, ClusterError> {
        let data = path.join("postgres");
        let owner = fs::metadata(data).ok().and_then(|found| Account::owner(&found, accounts));
        let account = match owner {
            Some(owner) => owner,
            None => Account::preferred(accounts)?,
        };
        if let Some(by) = first_inaccessible(&path, &account, accounts)? {
            return Err(ClusterError::InaccessibleFolder { folder: path, by, user: account.name });
        }
        permit_entry(&path, &account)?;
        Ok(Self { path, account: Some(account) })
    }

    /// PostgreSQL's data directory.
    pub(crate) fn data(&self) -> PathBuf {
        Self::data_in(&self.path)
    }

    /// PostgreSQL's data directory in the folder of a cluster.
    pub(crate) fn data_in(folder: &Path) -> PathBuf {
        folder.join("postgres")
    }

    /// The file that is locked.
    pub(crate) fn lock(&self) -> PathBuf {
        self.path.join("lock")
    }

    /// The log of the server and of initdb.
    pub(crate) fn log(&self) -> PathBuf {
        self.path.join("postgres.log")
    }
}

/// A name derived from a path that is the same in every process and release: its 64-bit FNV-1a hash. std's hasher may
/// change between releases.
pub(crate) fn stable_name(path: &Path) -> String {
    let hash =
        path.as_os_str().as_encoded_bytes().iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
    format!("{hash:016x}")
}

fn contains_cluster(folder: &Path) -> bool {
    folder.join("postgres/PG_VERSION").exists()
}

/// Creates the missing folders of a path with this mode, independent of the umask; existing folders keep their mode.
pub(crate) fn create(folder: &Path, mode: u32) -> Result<PathBuf, ClusterError> {
    let folder =
        std::path::absolute(folder).map_err(ClusterError::io("find the folder", folder))?;
    let missing: Vec<&Path> = folder.ancestors().take_while(|path| !path.exists()).collect();
    for path in missing.into_iter().rev() {
        create_one(path, mode).map_err(ClusterError::io("create the folder", path))?;
    }
    folder.canonicalize().map_err(ClusterError::io("find the folder", &folder))
}

fn create_one(path: &Path, mode: u32) -> io::Result<()> {
    match fs::create_dir(path) {
        Ok(()) => fs::set_permissions(path, fs::Permissions::from_mode(mode)),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}

/// The first folder of the path that the account cannot enter. The last folder counts only if it is the home of a user:
/// [`permit_entry`] changes the permissions of a folder of ours, but not of a home.
pub(crate) fn first_inaccessible(
    folder: &Path,
    account: &Account,
    accounts: &[Account],
) -> Result<Option<PathBuf>, ClusterError> {
    let is_home = accounts.iter().any(|other| other.home == folder);
    let mut folders: Vec<&Path> = folder.ancestors().skip(usize::from(!is_home)).collect();
    folders.reverse();
    for folder in folders {
        let found = fs::metadata(folder).map_err(ClusterError::io("inspect the folder", folder))?;
        if found.permissions().mode() & account.search_bit(&found) == 0 {
            return Ok(Some(folder.to_owned()));
        }
    }
    Ok(None)
}

fn permit_entry(folder: &Path, account: &Account) -> Result<(), ClusterError> {
    let found = fs::metadata(folder).map_err(ClusterError::io("inspect the folder", folder))?;
    let mode = found.permissions().mode();
    let bit = account.search_bit(&found);
    if mode & bit != 0 {
        return Ok(());
    }
    fs::set_permissions(folder, fs::Permissions::from_mode(mode | bit))
        .map_err(ClusterError::io("permit the user of the database to enter", folder))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_for_a_path_never_changes() {
        assert_eq!(stable_name(Path::new("")), "cbf29ce484222325");
        assert_eq!(stable_name(Path::new("a")), "af63dc4c8601ec8c");
    }
}
