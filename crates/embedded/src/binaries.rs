//! Finds an installed PostgreSQL.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{ClusterError, install};

/// The oldest major version that will do.
const MINIMUM: u16 = 15;

/// Where packages put it: a folder, the beginning of a name in it, and the way from there to the binaries.
const USUAL_PLACES: [(&str, &str, &str); 6] = [
    ("/usr/lib/postgresql", "", "bin"),
    ("/usr", "pgsql-", "bin"),
    ("/usr/libexec", "postgresql", ""),
    ("/usr/local", "pgsql", "bin"),
    ("/opt/homebrew/opt", "postgresql", "bin"),
    ("/usr/local/opt", "postgresql", "bin"),
];

/// A folder that holds `initdb` and `postgres`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Binaries {
    folder: PathBuf,
    major: u16,
}

impl Binaries {
    /// The folder that was set, or else the first of PATH and the usual places (newest first) that fits the data.
    ///
    /// `version` is what `PG_VERSION` of the data in `data` says, `None` when there is no data yet.
    ///
    /// # Errors
    ///
    /// [`ClusterError::UnusableBinaries`], [`ClusterError::NoBinaries`] or [`ClusterError::VersionMismatch`].
    pub(crate) fn find(
        explicit: Option<&Path>,
        data: &Path,
        version: Option<&str>,
    ) -> Result<Self, ClusterError> {
        let installed = match explicit {
            Some(folder) => vec![Self::explicit(folder)?],
            None => new_enough(Self::installed())?,
        };
        Self::fitting(installed, data, version)
    }

    /// The path of a program, such as `initdb`.
    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    fn explicit(folder: &Path) -> Result<Self, ClusterError> {
        let unusable = |reason: String| ClusterError::UnusableBinaries {
            folder: folder.to_owned(),
            reason,
        };
        let absolute =
            std::path::absolute(folder).map_err(ClusterError::io("find the folder", folder))?;
        for program in ["initdb", "postgres"] {
            if !absolute.join(program).is_file() {
                return Err(unusable(format!("there is no {program}")));
            }
        }
        let found = Self::inspect(absolute)
            .ok_or_else(|| unusable("postgres --version does not tell its version".to_owned()))?;
        if found.major < MINIMUM {
            return Err(unusable(format!(
                "they are PostgreSQL {}, and {MINIMUM} or newer is needed",
                found.major
            )));
        }
        Ok(found)
    }

    fn installed() -> Vec<Self> {
        let path = env::var_os("PATH").unwrap_or_default();
        let mut found: Vec<Self> = env::split_paths(&path)
            .filter(|folder| folder.is_absolute())
            .filter_map(Self::inspect)
            .collect();
        let mut usual: Vec<Self> = usual_folders()
            .into_iter()
            .filter_map(Self::inspect)
            .collect();
        usual.sort_by_key(|binaries| std::cmp::Reverse(binaries.major));
        found.append(&mut usual);
        found
    }

    /// `None` when something is missing or does not tell its version.
    fn inspect(folder: PathBuf) -> Option<Self> {
        let postgres = folder.join("postgres");
        if !postgres.is_file() || !folder.join("initdb").is_file() {
            return None;
        }
        let answer = Command::new(postgres).arg("--version").output().ok()?;
        let major = parse_version(&String::from_utf8_lossy(&answer.stdout))?;
        Some(Self { folder, major })
    }

    fn fitting(
        installed: Vec<Self>,
        data: &Path,
        version: Option<&str>,
    ) -> Result<Self, ClusterError> {
        let mut versions: Vec<u16> = installed.iter().map(|binaries| binaries.major).collect();
        versions.dedup();
        let fits =
            |binaries: &Self| version.is_none_or(|version| binaries.major.to_string() == version);
        installed
            .into_iter()
            .find(fits)
            .ok_or_else(|| ClusterError::VersionMismatch {
                data: data.to_owned(),
                found: version.unwrap_or_default().to_owned(),
                installed: versions,
            })
    }
}

fn new_enough(installed: Vec<Binaries>) -> Result<Vec<Binaries>, ClusterError> {
    let (usable, old): (Vec<Binaries>, Vec<Binaries>) = installed
        .into_iter()
        .partition(|binaries| binaries.major >= MINIMUM);
    if !usable.is_empty() {
        return Ok(usable);
    }
    let found = old.iter().map(|binaries| binaries.major).collect();
    Err(ClusterError::NoBinaries {
        minimum: MINIMUM,
        found,
        install: install::hint(),
    })
}

fn usual_folders() -> Vec<PathBuf> {
    let mut folders = Vec::new();
    for (parent, prefix, rest) in USUAL_PLACES {
        let Ok(entries) = fs::read_dir(parent) else {
            continue;
        };
        let named = entries
            .flatten()
            .filter(|entry| entry.file_name().to_string_lossy().starts_with(prefix));
        folders.extend(named.map(|entry| entry.path().join(rest)));
    }
    folders
}

/// The major version in `postgres (PostgreSQL) 15.13 (Debian 15.13-0+deb12u1)`, also of a beta such as `19beta1`.
fn parse_version(answer: &str) -> Option<u16> {
    let word = answer
        .split_whitespace()
        .find(|word| word.starts_with(|first: char| first.is_ascii_digit()))?;
    let end = word
        .find(|letter: char| !letter.is_ascii_digit())
        .unwrap_or(word.len());
    word[..end].parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn binaries(major: u16) -> Binaries {
        Binaries {
            folder: PathBuf::from(format!("/usr/lib/postgresql/{major}/bin")),
            major,
        }
    }

    #[test]
    fn the_version_is_read_from_the_answer() {
        assert_eq!(
            parse_version("postgres (PostgreSQL) 15.13 (Debian 15.13-0+deb12u1)\n"),
            Some(15)
        );
        assert_eq!(parse_version("postgres (PostgreSQL) 19beta1"), Some(19));
        assert_eq!(parse_version("postgres: command not found"), None);
    }

    #[test]
    fn the_first_is_used_unless_the_data_wants_another() {
        let data = Path::new("/data/postgres");
        let installed = vec![binaries(17), binaries(15)];
        assert_eq!(
            Binaries::fitting(installed.clone(), data, None).unwrap(),
            binaries(17)
        );
        assert_eq!(
            Binaries::fitting(installed.clone(), data, Some("15")).unwrap(),
            binaries(15)
        );
        let error = Binaries::fitting(installed, data, Some("16")).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the data in /data/postgres was made by PostgreSQL 16, but the binaries are PostgreSQL 17, 15; \
             install PostgreSQL 16, or use another folder"
        );
    }

    #[test]
    fn what_is_too_old_is_named() {
        let error = new_enough(vec![binaries(13)]).unwrap_err().to_string();
        assert!(
            error.starts_with("PostgreSQL 15 or newer was not found (only 13); install it"),
            "{error}"
        );
    }

    #[test]
    fn a_folder_without_the_programs_is_refused() {
        let place = tempfile::tempdir().unwrap();
        let error = Binaries::find(Some(place.path()), Path::new("/data"), None).unwrap_err();
        assert!(
            error
                .to_string()
                .ends_with("cannot be used: there is no initdb"),
            "{error}"
        );
    }
}
