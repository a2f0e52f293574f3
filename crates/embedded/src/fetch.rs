//! Fetches PostgreSQL through the system's package manager, without root and outside the system.
//!
//! The packages are downloaded with private folders for the package manager's state, checked by its signatures, and unpacked
//! into a cache folder. PostgreSQL finds its other files from where its programs are, so it runs from there as it would
//! below `/usr`. Libraries that the system lacks are unpacked beside it and named to its processes alone.

mod apt;
mod cache;
mod depends;
mod dnf;
mod progress;
mod tools;

use std::path::{Path, PathBuf};

use thiserror::Error;

pub(crate) use self::cache::{candidates, trees};
use self::{apt::Apt, cache::Cache, dnf::Dnf, progress::Progress, tools::Tools};
use crate::{account::Account, binaries};

/// Why PostgreSQL cannot be fetched.
#[derive(Debug, Error)]
pub(crate) enum FetchError {
    /// This system has no package manager that we know how to ask.
    #[error("this system has neither apt-get and dpkg nor dnf and rpm2cpio")]
    NoPackageManager,
    /// A program of the package manager failed.
    #[error("{program} failed ({outcome}): {said}")]
    ToolFailed {
        program: String,
        outcome: String,
        said: String,
    },
    /// There is no package of a version that will do.
    #[error("the package lists have no {wanted}{detail}")]
    NoPackage { wanted: String, detail: String },
    /// What was unpacked does not run.
    #[error("the programs of the packages do not run: {0}")]
    Unusable(String),
    /// No folder can hold the programs.
    #[error("no folder for the programs can be used, the last being {}: {source}", folder.display())]
    NoCache {
        folder: PathBuf,
        source: std::io::Error,
    },
    /// A file of the cache could not be handled.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        action: &'static str,
        path: PathBuf,
        source: std::io::Error,
    },
}

impl FetchError {
    fn io(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io {
            action,
            path,
            source,
        }
    }
}

/// Which versions will do.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted {
    pub(crate) minimum: u16,
    /// The version of the data that is there already.
    pub(crate) exact: Option<u16>,
}

impl Wanted {
    pub(crate) fn accepts(&self, major: u16) -> bool {
        match self.exact {
            Some(exact) => major == exact,
            None => major >= self.minimum,
        }
    }
}

/// Fetches the programs into the first of the folders that can be used, unless another process has just done so. Answers
/// the folder they were unpacked to. Bounded: 10 minutes for each step of the package manager, and as long for another
/// process that fetches.
///
/// # Errors
///
/// Any [`FetchError`]; nothing half-done is left where it would be found.
pub(crate) fn fetch(
    folders: &[PathBuf],
    account: Option<&Account>,
    wanted: Wanted,
) -> Result<PathBuf, FetchError> {
    fetch_with(&Tools::of_system(), folders, account, wanted)
}

fn fetch_with(
    tools: &Tools,
    folders: &[PathBuf],
    account: Option<&Account>,
    wanted: Wanted,
) -> Result<PathBuf, FetchError> {
    let manager = Manager::of(tools).ok_or(FetchError::NoPackageManager)?;
    let cache = Cache::open(folders, account)?;
    let is_wanted = |tree: &Path| {
        let found = binaries::in_tree(tree).into_iter();
        found.into_iter().any(|found| wanted.accepts(found.major()))
    };
    // While the lock was waited for.
    if let Some(tree) = cache::trees(&cache.folder)
        .into_iter()
        .find(|tree| is_wanted(tree))
    {
        return Ok(tree);
    }
    let mut progress = Progress::start();
    let work = cache.work_folder()?;
    let tree = work.join("tree");
    std::fs::create_dir(&tree).map_err(FetchError::io("create the folder", &tree))?;
    let name = match manager {
        Manager::Apt => Apt::new(tools, &work).unpack(wanted, &tree, &mut progress),
        Manager::Dnf => Dnf::new(tools, &work).unpack(&tree, &mut progress),
    }?;
    if !is_wanted(&tree) {
        return Err(FetchError::Unusable(binaries::complaint(&tree)));
    }
    let published = cache.publish(&tree, &name)?;
    progress.done(&published);
    Ok(published)
}

enum Manager {
    Apt,
    Dnf,
}

impl Manager {
    fn of(tools: &Tools) -> Option<Self> {
        let has = |programs: &[&str]| programs.iter().all(|program| tools.has(program));
        if has(&["apt-get", "apt-cache", "dpkg", "dpkg-query"]) {
            Some(Self::Apt)
        } else if has(&["dnf", "rpm2cpio", "cpio", "rpmkeys"]) {
            Some(Self::Dnf)
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests;
