//! Finds the programs of PostgreSQL: installed, fetched earlier, or fetched now.

use std::{
    env,
    ffi::{OsStr, OsString},
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use crate::{
    ClusterError,
    account::Account,
    cluster::Install,
    fetch::{self, FetchError, Wanted},
    folder::DataFolder,
    install,
    log::ServerLog,
    spawner,
};

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

/// Tells children where libraries are.
const LIBRARY_PATH: &str = "LD_LIBRARY_PATH";

/// A folder that holds `initdb` and `postgres`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Binaries {
    folder: PathBuf,
    major: u16,
    /// The folders of libraries that were fetched with them.
    libraries: Vec<PathBuf>,
}

impl Binaries {
    /// The folder that was set, or else the first of PATH, the usual places (newest first) and the caches that fits the
    /// data. Where there is none, PostgreSQL is fetched unless `install` forbids it.
    ///
    /// `version` is what `PG_VERSION` of the data says, `None` when there is no data yet.
    ///
    /// # Errors
    ///
    /// [`ClusterError::UnusableBinaries`], [`ClusterError::NoBinaries`], [`ClusterError::NotFetched`] or
    /// [`ClusterError::VersionMismatch`].
    pub(crate) fn find(
        explicit: Option<&Path>,
        install: Install,
        place: &DataFolder,
        version: Option<&str>,
    ) -> Result<Self, ClusterError> {
        let found = match explicit {
            Some(folder) => vec![Self::explicit(folder)?],
            None => match new_enough(Self::installed_or_cached(&fetch::candidates(Some(place)))) {
                Err(missing) if install == Install::Auto => {
                    vec![Self::fetched(place, version, missing)?]
                }
                found => found?,
            },
        };
        Self::fitting(found, &place.data(), version)
    }

    /// Of the user's own PostgreSQL, without fetching it: the first that has this program.
    pub(crate) fn with_program(name: &str) -> Option<Self> {
        let found = Self::installed_or_cached(&fetch::candidates(None));
        let mut usable = new_enough(found).ok()?.into_iter();
        usable.find(|binaries| binaries.program(name).is_file())
    }

    pub(crate) fn major(&self) -> u16 {
        self.major
    }

    /// The path of a program, such as `initdb`.
    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// As [`spawner::command`], with the libraries that the program needs.
    ///
    /// # Errors
    ///
    /// [`ClusterError::Io`] when the log cannot be opened.
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

    /// For this child alone: other programs of the system keep their own libraries.
    pub(crate) fn add_libraries(&self, command: &mut Command) {
        let inherited = env::var_os(LIBRARY_PATH);
        if let Some(path) = library_path(&self.libraries, inherited.as_deref()) {
            command.env(LIBRARY_PATH, path);
        }
    }

    fn fetched(
        place: &DataFolder,
        version: Option<&str>,
        missing: ClusterError,
    ) -> Result<Self, ClusterError> {
        let wanted = Wanted {
            minimum: MINIMUM,
            exact: version.and_then(|version| version.parse().ok()),
        };
        let folders = fetch::candidates(Some(place));
        let fetched = match fetch::fetch(&folders, place.account.as_ref(), wanted) {
            Err(FetchError::NoPackageManager) => return Err(missing),
            fetched => fetched,
        };
        let found = fetched.and_then(|tree| {
            let found = in_tree(&tree).into_iter();
            let mut found = found.filter(|found| wanted.accepts(found.major));
            found.next().ok_or(FetchError::Unusable(complaint(&tree)))
        });
        found.map_err(|error| ClusterError::NotFetched {
            minimum: MINIMUM,
            reason: error.to_string(),
            install: install::hint(),
        })
    }

    fn installed_or_cached(caches: &[PathBuf]) -> Vec<Self> {
        let mut found = Self::installed();
        let trees = caches.iter().flat_map(|cache| fetch::trees(cache));
        found.extend(trees.flat_map(|tree| in_tree(&tree)));
        found
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
        let found = Self::inspect(absolute, &[])
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
            .filter_map(|folder| Self::inspect(folder, &[]))
            .collect();
        let mut usual: Vec<Self> = usual_folders(Path::new("/"))
            .into_iter()
            .filter_map(|folder| Self::inspect(folder, &[]))
            .collect();
        usual.sort_by_key(|binaries| std::cmp::Reverse(binaries.major));
        found.append(&mut usual);
        found
    }

    /// `None` when something is missing or does not tell its version.
    fn inspect(folder: PathBuf, libraries: &[PathBuf]) -> Option<Self> {
        let mut binaries = Self {
            folder,
            major: 0,
            libraries: libraries.to_vec(),
        };
        if !binaries.program("initdb").is_file() {
            return None;
        }
        let answer = binaries.version()?;
        binaries.major = parse_version(&String::from_utf8_lossy(&answer.stdout))?;
        Some(binaries)
    }

    /// What `postgres --version` says; `None` when it is not there.
    fn version(&self) -> Option<Output> {
        let postgres = self.program("postgres");
        if !postgres.is_file() {
            return None;
        }
        let mut command = Command::new(postgres);
        self.add_libraries(&mut command);
        command.arg("--version").output().ok()
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

/// The programs in unpacked packages.
pub(crate) fn in_tree(tree: &Path) -> Vec<Binaries> {
    let libraries = library_folders(tree);
    let folders = folders_in_tree(tree).into_iter();
    folders
        .filter_map(|folder| Binaries::inspect(folder, &libraries))
        .collect()
}

/// Why there are none.
pub(crate) fn complaint(tree: &Path) -> String {
    let libraries = library_folders(tree);
    let complaints = folders_in_tree(tree).into_iter().filter_map(|folder| {
        let binaries = Binaries {
            folder,
            major: 0,
            libraries: libraries.clone(),
        };
        let answer = binaries.version()?;
        Some(String::from_utf8_lossy(&answer.stderr).trim().to_owned())
    });
    let complaints: Vec<String> = complaints.collect();
    if complaints.is_empty() {
        return "initdb and postgres are not in them".to_owned();
    }
    complaints.join("; ")
}

fn folders_in_tree(tree: &Path) -> Vec<PathBuf> {
    let mut folders = usual_folders(tree);
    folders.push(tree.join("usr/bin"));
    folders
}

/// Where packages put libraries: directly, or below the name of the machine.
fn library_folders(tree: &Path) -> Vec<PathBuf> {
    let mut folders = Vec::new();
    for parent in ["usr/lib64", "lib64", "usr/lib", "lib"] {
        let parent = tree.join(parent);
        let entries = fs::read_dir(&parent).into_iter().flatten().flatten();
        let of_machine =
            entries.filter(|entry| entry.file_name().to_string_lossy().contains("-linux-"));
        folders.extend(of_machine.map(|entry| entry.path()));
        if parent.is_dir() {
            folders.push(parent);
        }
    }
    folders
}

/// These folders, then those that are set already; `None` when there is nothing to add.
fn library_path(folders: &[PathBuf], inherited: Option<&OsStr>) -> Option<OsString> {
    if folders.is_empty() {
        return None;
    }
    let inherited = inherited.into_iter().flat_map(env::split_paths);
    let inherited = inherited.filter(|folder| !folder.as_os_str().is_empty());
    env::join_paths(folders.iter().cloned().chain(inherited)).ok()
}

fn usual_folders(root: &Path) -> Vec<PathBuf> {
    let mut folders = Vec::new();
    for (parent, prefix, rest) in USUAL_PLACES {
        let parent = root.join(parent.trim_start_matches('/'));
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
            libraries: Vec::new(),
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
        let data = DataFolder {
            path: PathBuf::from("/data"),
            account: None,
        };
        let found = Binaries::find(Some(place.path()), Install::Never, &data, None);
        let error = found.unwrap_err();
        assert!(
            error
                .to_string()
                .ends_with("cannot be used: there is no initdb"),
            "{error}"
        );
    }

    #[test]
    fn fetched_libraries_come_before_those_that_are_set() {
        let fetched = [PathBuf::from("/cache/usr/lib"), PathBuf::from("/cache/lib")];
        let path = |inherited: &str| library_path(&fetched, Some(OsStr::new(inherited)));
        assert_eq!(
            path("/opt/lib").unwrap(),
            "/cache/usr/lib:/cache/lib:/opt/lib"
        );
        // An empty part would be the working directory.
        assert_eq!(path("").unwrap(), "/cache/usr/lib:/cache/lib");
        assert_eq!(library_path(&[], Some(OsStr::new("/opt/lib"))), None);
    }
}
