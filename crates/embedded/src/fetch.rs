//! Downloads PostgreSQL with the system's package manager, without root and without changing the system.
//!
//! The package manager uses private folders for its state, verifies the signatures of the packages, and unpacks them into a
//! cache folder. PostgreSQL finds its other files relative to its programs, so it runs from there as it would from `/usr`.
//! Libraries that are not installed are unpacked into the same folder, and only the processes of PostgreSQL use them.

mod apt;
mod cache;
mod depends;
mod dnf;
mod progress;
mod tools;

use std::path::{Path, PathBuf};

use thiserror::Error;

pub(crate) use self::cache::{cache_folders, unpacked_trees};
use self::{apt::Apt, cache::Cache, dnf::Dnf, progress::Progress, tools::Tools};
use crate::{account::Account, binaries};

/// Why the download failed.
#[derive(Debug, Error)]
pub(crate) enum FetchError {
    /// This system has no supported package manager.
    #[error("this system has neither apt-get and dpkg nor dnf and rpm2cpio")]
    NoPackageManager,
    /// A program of the package manager failed.
    #[error("{program} failed ({outcome}): {stderr}")]
    ToolFailed { program: String, outcome: String, stderr: String },
    /// The package lists contain no package of a matching version.
    #[error("the package lists have no {package}{detail}")]
    NoPackage { package: String, detail: String },
    /// The unpacked programs do not run.
    #[error("the programs of the packages do not run: {0}")]
    Unusable(String),
    /// None of the cache folders can be used.
    #[error("no cache folder can be used; the last one is {}: {source}", folder.display())]
    NoCache { folder: PathBuf, source: std::io::Error },
    /// An operation on a file of the cache failed.
    #[error("cannot {action} {}: {source}", path.display())]
    Io { action: &'static str, path: PathBuf, source: std::io::Error },
}

impl FetchError {
    fn io(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { action, path, source }
    }
}

/// The major versions that can be used.
#[derive(Clone, Copy, Debug)]
pub(crate) struct VersionRequirement {
    pub(crate) minimum: u16,
    /// The version of the existing data directory.
    pub(crate) exact: Option<u16>,
}

impl VersionRequirement {
    pub(crate) fn accepts(&self, major: u16) -> bool {
        match self.exact {
            Some(exact) => major == exact,
            None => major >= self.minimum,
        }
    }
}

/// Downloads the programs into the first usable folder, unless another process has done so in the meantime. Returns the
/// folder of the unpacked packages. Time limits: 10 minutes for each step of the package manager, and 10 minutes for a
/// download by another process.
///
/// # Errors
///
/// Any [`FetchError`]; no incomplete download is left in the cache.
pub(crate) fn fetch(
    folders: &[PathBuf],
    account: Option<&Account>,
    requirement: VersionRequirement,
) -> Result<PathBuf, FetchError> {
    fetch_with(&Tools::from_environment(), folders, account, requirement)
}

fn fetch_with(
    tools: &Tools,
    folders: &[PathBuf],
    account: Option<&Account>,
    requirement: VersionRequirement,
) -> Result<PathBuf, FetchError> {
    let manager = Manager::of(tools).ok_or(FetchError::NoPackageManager)?;
    let cache = Cache::open(folders, account)?;
    let is_usable = |tree: &Path| {
        let mut found = binaries::in_tree(tree).into_iter();
        found.any(|found| requirement.accepts(found.major()))
    };
    // Another process may have finished a download while this one waited for the lock.
    let mut trees = cache::unpacked_trees(&cache.folder).into_iter();
    if let Some(tree) = trees.find(|tree| is_usable(tree)) {
        return Ok(tree);
    }
    let mut progress = Progress::start();
    let work = cache.work_folder()?;
    let tree = work.join("tree");
    std::fs::create_dir(&tree).map_err(FetchError::io("create the folder", &tree))?;
    let name = match manager {
        Manager::Apt => Apt::new(tools, &work).unpack(requirement, &tree, &mut progress),
        Manager::Dnf => Dnf::new(tools, &work).unpack(&tree, &mut progress),
    }?;
    if !is_usable(&tree) {
        return Err(FetchError::Unusable(binaries::failure_reason(&tree)));
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
