//! The user the server runs as when we are root, which PostgreSQL refuses to be.

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
    /// The accounts of this system; none when `/etc/passwd` cannot be read. Those of a directory service are not here.
    pub(crate) fn all() -> Vec<Self> {
        let passwd = fs::read_to_string("/etc/passwd").unwrap_or_default();
        passwd.lines().filter_map(parse_entry).collect()
    }

    /// `postgres`, or else `nobody`.
    ///
    /// # Errors
    ///
    /// [`ClusterError::NoAccount`] when there is neither.
    pub(crate) fn preferred(accounts: &[Self]) -> Result<Self, ClusterError> {
        ["postgres", "nobody"]
            .iter()
            .find_map(|name| accounts.iter().find(|account| account.name == *name))
            .cloned()
            .ok_or(ClusterError::NoAccount)
    }

    /// The owner of what is there, even when it is in no list (as after a change of the container image); `None` when
    /// that is root, which is no user for the server.
    pub(crate) fn owner(metadata: &fs::Metadata, accounts: &[Self]) -> Option<Self> {
        let (uid, gid) = (metadata.uid(), metadata.gid());
        if uid == 0 {
            return None;
        }
        let known = accounts.iter().find(|account| account.uid == uid);
        let name = known.map_or_else(|| uid.to_string(), |account| account.name.clone());
        let home = known.map_or_else(PathBuf::new, |account| account.home.clone());
        Some(Self {
            name,
            uid,
            gid,
            home,
        })
    }

    /// The permission bit that lets this account enter a folder. The server has no supplementary groups.
    pub(crate) fn search_bit(&self, folder: &fs::Metadata) -> u32 {
        if folder.uid() == self.uid {
            0o100
        } else if folder.gid() == self.gid {
            0o010
        } else {
            0o001
        }
    }

    /// Gives it one file or folder; a symbolic link is not followed.
    pub(crate) fn take(&self, path: &Path) -> io::Result<()> {
        lchown(path, Some(self.uid), Some(self.gid))
    }
}

/// `name:password:uid:gid:comment:home:shell`, as passwd(5) says.
fn parse_entry(line: &str) -> Option<Account> {
    let mut fields = line.split(':');
    let name = fields.next()?.to_owned();
    let uid = fields.nth(1)?.parse().ok()?;
    let gid = fields.next()?.parse().ok()?;
    let home = PathBuf::from(fields.nth(1)?);
    Some(Account {
        name,
        uid,
        gid,
        home,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOBODY: &str = "nobody:x:65534:65533:nobody:/nonexistent:/usr/sbin/nologin";
    const POSTGRES: &str =
        "postgres:x:101:104:PostgreSQL administrator,,,:/var/lib/postgresql:/bin/bash";

    #[test]
    fn postgres_is_preferred_to_nobody() {
        let both: Vec<Account> = [NOBODY, POSTGRES]
            .into_iter()
            .filter_map(parse_entry)
            .collect();
        let chosen = Account::preferred(&both).unwrap();
        assert_eq!(
            (chosen.name.as_str(), chosen.uid, chosen.gid),
            ("postgres", 101, 104)
        );
        assert_eq!(chosen.home, Path::new("/var/lib/postgresql"));
        assert_eq!(Account::preferred(&both[..1]).unwrap().name, "nobody");
    }

    #[test]
    fn no_user_to_drop_to_is_said() {
        assert!(matches!(
            Account::preferred(&[]),
            Err(ClusterError::NoAccount)
        ));
        assert_eq!(parse_entry("+::::::"), None);
    }
}
