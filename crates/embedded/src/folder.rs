//! Which folder is used, and what lies where in it.

use std::{
    fs, io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use rustix::process::geteuid;

use crate::{ClusterError, account::Account};

/// Where root puts a cluster whose wanted folder the server's user cannot reach.
const ELSEWHERE: &str = "/var/lib/flowruns";

/// The folder that is really used, and the user of the server.
#[derive(Debug)]
pub(crate) struct DataFolder {
    /// Absolute, without symbolic links.
    pub(crate) path: PathBuf,
    /// The user to drop to; `None` when we are not root and the server runs as we do.
    pub(crate) account: Option<Account>,
}

impl DataFolder {
    /// Creates the wanted folder and decides: it, or, when we are root and the server's user cannot reach it, a folder
    /// that depends on nothing but its name. Whichever of the two holds a cluster already is used first, so a change of
    /// permissions never makes data seem to vanish.
    ///
    /// # Errors
    ///
    /// [`ClusterError::Io`], [`ClusterError::NoAccount`] or [`ClusterError::Blocked`].
    pub(crate) fn choose(wanted: &Path) -> Result<Self, ClusterError> {
        let root = geteuid().is_root();
        let wanted = create(wanted, if root { 0o711 } else { 0o700 })?;
        if !root {
            return Ok(Self {
                path: wanted,
                account: None,
            });
        }
        let accounts = Account::all();
        let elsewhere = Path::new(ELSEWHERE).join(stable_name(&wanted));
        if holds_cluster(&wanted) {
            return Self::open(wanted, &accounts);
        }
        if !holds_cluster(&elsewhere) {
            let account = Account::preferred(&accounts)?;
            let Some(by) = blocker(&wanted, &account, &accounts)? else {
                return Self::open(wanted, &accounts);
            };
            tracing::warn!(user = account.name, blocked_by = %by.display(), "the user of the database cannot enter the folder");
        }
        tracing::warn!(wanted = %wanted.display(), used = %elsewhere.display(), "another data folder is used");
        Self::open(create(&elsewhere, 0o711)?, &accounts)
    }

    /// Makes the folder enterable by the owner of its data, or else by the preferred account.
    fn open(path: PathBuf, accounts: &[Account]) -> Result<Self, ClusterError> {
        let data = path.join("postgres");
        let owner = fs::metadata(data)
            .ok()
            .and_then(|found| Account::owner(&found, accounts));
        let account = match owner {
            Some(owner) => owner,
            None => Account::preferred(accounts)?,
        };
        if let Some(by) = blocker(&path, &account, accounts)? {
            return Err(ClusterError::Blocked {
                folder: path,
                by,
                user: account.name,
            });
        }
        permit_entry(&path, &account)?;
        Ok(Self {
            path,
            account: Some(account),
        })
    }

    /// PostgreSQL's data directory.
    pub(crate) fn data(&self) -> PathBuf {
        Self::data_in(&self.path)
    }

    /// PostgreSQL's data directory in a folder that another process uses.
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

/// A name for a path that is the same in every process and release: FNV-1a of 64 bits (std's hasher may change).
pub(crate) fn stable_name(path: &Path) -> String {
    let hash = path
        .as_os_str()
        .as_encoded_bytes()
        .iter()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
    format!("{hash:016x}")
}

fn holds_cluster(folder: &Path) -> bool {
    folder.join("postgres/PG_VERSION").exists()
}

/// Creates what is missing with this mode, whatever the umask; what is there keeps its mode.
pub(crate) fn create(folder: &Path, mode: u32) -> Result<PathBuf, ClusterError> {
    let folder =
        std::path::absolute(folder).map_err(ClusterError::io("find the folder", folder))?;
    let missing: Vec<&Path> = folder
        .ancestors()
        .take_while(|path| !path.exists())
        .collect();
    for path in missing.into_iter().rev() {
        create_one(path, mode).map_err(ClusterError::io("create the folder", path))?;
    }
    folder
        .canonicalize()
        .map_err(ClusterError::io("find the folder", &folder))
}

fn create_one(path: &Path, mode: u32) -> io::Result<()> {
    match fs::create_dir(path) {
        Ok(()) => fs::set_permissions(path, fs::Permissions::from_mode(mode)),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}

/// The first folder on the way that the account cannot enter. The folder itself counts only when it is somebody's home,
/// since we permit entry to our own folder but not to a home.
pub(crate) fn blocker(
    folder: &Path,
    account: &Account,
    accounts: &[Account],
) -> Result<Option<PathBuf>, ClusterError> {
    let is_home = accounts.iter().any(|other| other.home == folder);
    let ours = if is_home { 0 } else { 1 };
    let mut way: Vec<&Path> = folder.ancestors().skip(ours).collect();
    way.reverse();
    for step in way {
        let found = fs::metadata(step).map_err(ClusterError::io("look at the folder", step))?;
        if found.permissions().mode() & account.search_bit(&found) == 0 {
            return Ok(Some(step.to_owned()));
        }
    }
    Ok(None)
}

fn permit_entry(folder: &Path, account: &Account) -> Result<(), ClusterError> {
    let found = fs::metadata(folder).map_err(ClusterError::io("look at the folder", folder))?;
    let mode = found.permissions().mode();
    let bit = account.search_bit(&found);
    if mode & bit != 0 {
        return Ok(());
    }
    fs::set_permissions(folder, fs::Permissions::from_mode(mode | bit)).map_err(ClusterError::io(
        "permit the database's user to enter",
        folder,
    ))
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
