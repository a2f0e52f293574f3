//! The user that the server runs as if this process runs as root: PostgreSQL does not run as root.

use std::{
    fs, io,
    os::unix::fs::{MetadataExt, lchown},
    path::{Path, PathBuf},
};

use crate::ClusterError;

/// An entry of `/etc/passwd`, or the owner of the data.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Account {
    pub(crate) name: String,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    pub(crate) home: PathBuf,
}

impl Account {
    /// The accounts in `/etc/passwd`; empty if it cannot be read. Accounts of a directory service are not included.
    pub(crate) fn all() -> Vec<Self> {
        let passwd = fs::read_to_string("/etc/passwd").unwrap_or_default();
        passwd.lines().filter_map(parse_entry).collect()
    }

    /// `postgres`, or else `nobody`.
    ///
    /// # Errors
    ///
    /// [`ClusterError::NoAccount`] if neither exists.
    pub(crate) fn preferred(accounts: &[Self]) -> Result<Self, ClusterError> {
        ["postgres", "nobody"]
            .iter()
            .find_map(|name| accounts.iter().find(|account| account.name == *name))
            .cloned()
            .ok_or(ClusterError::NoAccount)
    }

    /// The owner of a file or folder, also if `accounts` does not contain it (for example after a change of the container
    /// image); `None` if the owner is root, because PostgreSQL does not run as root.
    pub(crate) fn owner(metadata: &fs::Metadata, accounts: &[Self]) -> Option<Self> {
        let (uid, gid) = (metadata.uid(), metadata.gid());
        if uid == 0 {
            return None;
        }
        let known = accounts.iter().find(|account| account.uid == uid);
        let name = known.map_or_else(|| uid.to_string(), |account| account.name.clone());
        let home = known.map_or_else(PathBuf::new, |account| account.home.clone());
        Some(Self { name, uid, gid, home })
    }

    /// The permission bit that allows this account to enter a folder. The server has no supplementary groups.
    pub(crate) fn search_bit(&self, folder: &fs::Metadata) -> u32 {
        if folder.uid() == self.uid {
            0o100
        } else if folder.gid() == self.gid {
            0o010
        } else {
            0o001
        }
    }

    /// Makes this account the owner of a file or folder; does not follow a symbolic link.
    pub(crate) fn own(&self, path: &Path) -> io::Result<()> {
        lchown(path, Some(self.uid), Some(self.gid))
    }
}

/// Parses `name:password:uid:gid:comment:home:shell`, see passwd(5).
fn parse_entry(line: &str) -> Option<Account> {
    let mut fields = line.split(':');
    let name = fields.next()?.to_owned();
    let uid = fields.nth(1)?.parse().ok()?;
    let gid = fields.next()?.parse().ok()?;
    let home = PathBuf::from(fields.nth(1)?);
    Some(Account { name, uid, gid, home })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOBODY: &str = "nobody:x:65534:65533:nobody:/nonexistent:/usr/sbin/nologin";
    const POSTGRES: &str =
        "postgres:x:101:104:PostgreSQL administrator,,,:/var/lib/postgresql:/bin/bash";

    #[test]
    fn postgres_is_preferred_to_nobody() {
        let both: Vec<Account> = [NOBODY, POSTGRES].into_iter().filter_map(parse_entry).collect();
        let chosen = Account::preferred(&both).unwrap();
        assert_eq!((chosen.name.as_str(), chosen.uid, chosen.gid), ("postgres", 101, 104));
        assert_eq!(chosen.home, Path::new("/var/lib/postgresql"));
        assert_eq!(Account::preferred(&both[..1]).unwrap().name, "nobody");
    }

    #[test]
    fn missing_accounts_are_an_error() {
        assert!(matches!(Account::preferred(&[]), Err(ClusterError::NoAccount)));
        assert_eq!(parse_entry("+::::::"), None);
    }
}
