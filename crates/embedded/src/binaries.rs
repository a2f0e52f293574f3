//! Chooses the programs of PostgreSQL: installed, downloaded earlier, or downloaded now.

mod search;

use std::{
    env,
    ffi::{OsStr, OsString},
    path::{Path, PathBuf},
    process::{Command, Output},
};

pub(crate) use self::search::{failure_reason, in_tree};
use crate::{
    ClusterError,
    account::Account,
    cluster::Install,
    fetch::{self, FetchError, VersionRequirement},
    folder::DataFolder,
    install,
    log::ServerLog,
    spawner,
};

/// The oldest supported major version.
const MINIMUM: u16 = 15;

/// The environment variable with the folders of libraries.
const LIBRARY_PATH: &str = "LD_LIBRARY_PATH";

/// A folder that contains `initdb` and `postgres`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Binaries {
    folder: PathBuf,
    major: u16,
    /// The folders of libraries that were downloaded with them.
    libraries: Vec<PathBuf>,
}

impl Binaries {
    /// Chooses `explicit`, else the first folder of PATH, the usual folders (newest first) and the caches whose version
    /// matches the data. If none exists, downloads PostgreSQL unless `install` forbids it.
    ///
    /// `version` is the content of `PG_VERSION`, `None` for a new data directory.
    ///
    /// # Errors
    ///
    /// [`ClusterError::UnusableBinaries`], [`ClusterError::NoBinaries`], [`ClusterError::NotFetched`] or
    /// [`ClusterError::VersionMismatch`].
    pub(crate) fn find(
        explicit: Option<&Path>,
        install: Install,
        data_folder: &DataFolder,
        version: Option<&str>,
    ) -> Result<Self, ClusterError> {
        let found = match explicit {
            Some(folder) => vec![Self::explicit(folder)?],
            None => {
                match supported(Self::installed_or_cached(&fetch::cache_folders(Some(data_folder))))
                {
                    Err(missing) if install == Install::Auto => {
                        vec![Self::fetch(data_folder, version, missing)?]
                    }
                    found => found?,
                }
            }
        };
        Self::select(found, &data_folder.data(), version)
    }

    /// The first installed or downloaded PostgreSQL that has this program; downloads nothing.
    pub(crate) fn with_program(name: &str) -> Option<Self> {
        let found = Self::installed_or_cached(&fetch::cache_folders(None));
        let mut usable = supported(found).ok()?.into_iter();
        usable.find(|binaries| binaries.program(name).is_file())
    }

    pub(crate) fn major(&self) -> u16 {
        self.major
    }

    /// The path of a program, such as `initdb`.
    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Like [`spawner::command`], with the libraries that the program needs.
    ///
    /// # Errors
    ///
    /// [`ClusterError::Io`] if the log cannot be opened.
    pub(crate) fn command(
        &self,
        name: &str,
        account: Option<&Account>,
        log: &ServerLog,
    ) -> Result<Command, ClusterError> {
        let mut command = spawner::command(self.program(name), account, log)?;
        self.add_libraries(&mut command);
        Ok(command)
    }

    /// Sets the library path of this child only: other programs must use the libraries of the system.
    pub(crate) fn add_libraries(&self, command: &mut Command) {
        let inherited = env::var_os(LIBRARY_PATH);
        if let Some(path) = library_path(&self.libraries, inherited.as_deref()) {
            command.env(LIBRARY_PATH, path);
        }
    }

    fn fetch(
        data_folder: &DataFolder,
        version: Option<&str>,
        missing: ClusterError,
    ) -> Result<Self, ClusterError> {
        let requirement = VersionRequirement {
            minimum: MINIMUM,
            exact: version.and_then(|version| version.parse().ok()),
        };
        let folders = fetch::cache_folders(Some(data_folder));
        let fetched = match fetch::fetch(&folders, data_folder.account.as_ref(), requirement) {
            Err(FetchError::NoPackageManager) => return Err(missing),
            fetched => fetched,
        };
        let found = fetched.and_then(|tree| {
            let found = in_tree(&tree).into_iter();
            let mut found = found.filter(|found| requirement.accepts(found.major));
            found.next().ok_or(FetchError::Unusable(failure_reason(&tree)))
        });
        found.map_err(|error| ClusterError::NotFetched {
            minimum: MINIMUM,
            reason: error.to_string(),
            install: install::hint(),
        })
    }

    fn installed_or_cached(caches: &[PathBuf]) -> Vec<Self> {
        let mut found = search::installed();
        let trees = caches.iter().flat_map(|cache| fetch::unpacked_trees(cache));
        found.extend(trees.flat_map(|tree| in_tree(&tree)));
        found
    }

    fn explicit(folder: &Path) -> Result<Self, ClusterError> {
        let unusable =
            |reason: String| ClusterError::UnusableBinaries { folder: folder.to_owned(), reason };
        let absolute =
            std::path::absolute(folder).map_err(ClusterError::io("find the folder", folder))?;
        for program in ["initdb", "postgres"] {
            if !absolute.join(program).is_file() {
                return Err(unusable(format!("it contains no {program}")));
            }
        }
        let found = Self::inspect(absolute, &[])
            .ok_or_else(|| unusable("postgres --version prints no version".to_owned()))?;
        if found.major < MINIMUM {
            return Err(unusable(format!(
                "they are PostgreSQL {}, but {MINIMUM} or newer is required",
                found.major
            )));
        }
        Ok(found)
    }

    /// `None` if a program is missing or prints no version.
    fn inspect(folder: PathBuf, libraries: &[PathBuf]) -> Option<Self> {
        let binaries = Self::unchecked(folder, libraries);
        if !binaries.program("initdb").is_file() {
            return None;
        }
        let output = binaries.version_output()?;
        let major = parse_version(&String::from_utf8_lossy(&output.stdout))?;
        Some(Self { major, ..binaries })
    }

    /// A folder whose programs were not run yet, so that their version is not known.
    fn unchecked(folder: PathBuf, libraries: &[PathBuf]) -> Self {
        Self { folder, major: 0, libraries: libraries.to_vec() }
    }

    /// The output of `postgres --version`; `None` if the program does not exist or cannot be started.
    fn version_output(&self) -> Option<Output> {
        let mut command = Command::new(self.program("postgres"));
        self.add_libraries(&mut command);
        command.arg("--version").output().ok()
    }

    fn select(
        installed: Vec<Self>,
        data: &Path,
        version: Option<&str>,
    ) -> Result<Self, ClusterError> {
        let mut versions: Vec<u16> = installed.iter().map(|binaries| binaries.major).collect();
        versions.dedup();
        let matches =
            |binaries: &Self| version.is_none_or(|version| binaries.major.to_string() == version);
        installed.into_iter().find(matches).ok_or_else(|| ClusterError::VersionMismatch {
            data: data.to_owned(),
            found: version.unwrap_or_default().to_owned(),
            installed: versions,
        })
    }
}

fn supported(installed: Vec<Binaries>) -> Result<Vec<Binaries>, ClusterError> {
    let (usable, old): (Vec<Binaries>, Vec<Binaries>) =
        installed.into_iter().partition(|binaries| binaries.major >= MINIMUM);
    if !usable.is_empty() {
        return Ok(usable);
    }
    let found = old.iter().map(|binaries| binaries.major).collect();
    Err(ClusterError::NoBinaries { minimum: MINIMUM, found, install: install::hint() })
}

/// These folders, then the inherited ones; `None` if `folders` is empty.
fn library_path(folders: &[PathBuf], inherited: Option<&OsStr>) -> Option<OsString> {
    if folders.is_empty() {
        return None;
    }
    let inherited = inherited.into_iter().flat_map(env::split_paths);
    let inherited = inherited.filter(|folder| !folder.as_os_str().is_empty());
    env::join_paths(folders.iter().cloned().chain(inherited)).ok()
}

/// Parses the major version of `postgres (PostgreSQL) 15.13 (Debian 15.13-0+deb12u1)`, also of a beta such as `19beta1`.
fn parse_version(output: &str) -> Option<u16> {
    let word = output
        .split_whitespace()
        .find(|word| word.starts_with(|first: char| first.is_ascii_digit()))?;
    let end = word.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(word.len());
    word[..end].parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn binaries(major: u16) -> Binaries {
        Binaries {
            folder: PathBuf::from(format!("/usr/lib/postgresql/{major}/bin")),
            major,
            libraries: Vec::new(),
        }
    }

    #[test]
    fn the_major_version_is_parsed() {
        assert_eq!(
            parse_version("postgres (PostgreSQL) 15.13 (Debian 15.13-0+deb12u1)\n"),
            Some(15)
        );
        assert_eq!(parse_version("postgres (PostgreSQL) 19beta1"), Some(19));
        assert_eq!(parse_version("postgres: command not found"), None);
    }

    #[test]
    fn the_first_is_used_unless_the_data_requires_another() {
        let data = Path::new("/data/postgres");
        let installed = vec![binaries(17), binaries(15)];
        assert_eq!(Binaries::select(installed.clone(), data, None).unwrap(), binaries(17));
        assert_eq!(Binaries::select(installed.clone(), data, Some("15")).unwrap(), binaries(15));
        let error = Binaries::select(installed, data, Some("16")).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the data in /data/postgres was made by PostgreSQL 16, but the binaries are PostgreSQL 17, 15; \
             install PostgreSQL 16, or use another folder"
        );
    }

    #[test]
    fn the_error_names_versions_that_are_too_old() {
        let error = supported(vec![binaries(13)]).unwrap_err().to_string();
        assert!(
            error.starts_with("PostgreSQL 15 or newer was not found (only 13); install it"),
            "{error}"
        );
    }

    #[test]
    fn a_folder_without_the_programs_is_rejected() {
        let temp = tempfile::tempdir().unwrap();
        let data = DataFolder { path: PathBuf::from("/data"), account: None };
        let found = Binaries::find(Some(temp.path()), Install::Never, &data, None);
        let error = found.unwrap_err();
        assert!(error.to_string().ends_with("cannot be used: it contains no initdb"), "{error}");
    }

    #[test]
    fn downloaded_libraries_come_before_inherited_ones() {
        let fetched = [PathBuf::from("/cache/usr/lib"), PathBuf::from("/cache/lib")];
        let path = |inherited: &str| library_path(&fetched, Some(OsStr::new(inherited)));
        assert_eq!(path("/opt/lib").unwrap(), "/cache/usr/lib:/cache/lib:/opt/lib");
        // An empty entry would mean the working directory.
        assert_eq!(path("").unwrap(), "/cache/usr/lib:/cache/lib");
        assert_eq!(library_path(&[], Some(OsStr::new("/opt/lib"))), None);
    }
}
