//! Searches folders for the programs and libraries of PostgreSQL.

use std::{
    cmp::Reverse,
    env, fs,
    path::{Path, PathBuf},
};

use super::Binaries;

/// Where packages install the programs: a folder, the prefix of a name in it, and the path from there to the programs.
const INSTALL_LOCATIONS: [(&str, &str, &str); 6] = [
    ("/usr/lib/postgresql", "", "bin"),
    ("/usr", "pgsql-", "bin"),
    ("/usr/libexec", "postgresql", ""),
    ("/usr/local", "pgsql", "bin"),
    ("/opt/homebrew/opt", "postgresql", "bin"),
    ("/usr/local/opt", "postgresql", "bin"),
];

/// The installed programs: those of PATH in its order, then those of the usual folders, newest first.
pub(super) fn installed() -> Vec<Binaries> {
    let path = env::var_os("PATH").unwrap_or_default();
    let mut found: Vec<Binaries> = env::split_paths(&path)
        .filter(|folder| folder.is_absolute())
        .filter_map(|folder| Binaries::inspect(folder, &[]))
        .collect();
    let mut usual: Vec<Binaries> = install_folders(Path::new("/"))
        .into_iter()
        .filter_map(|folder| Binaries::inspect(folder, &[]))
        .collect();
    usual.sort_by_key(|binaries| Reverse(binaries.major));
    found.append(&mut usual);
    found
}

/// The programs in a folder of unpacked packages.
pub(crate) fn in_tree(tree: &Path) -> Vec<Binaries> {
    let libraries = library_folders(tree);
    let folders = program_folders(tree).into_iter();
    folders.filter_map(|folder| Binaries::inspect(folder, &libraries)).collect()
}

/// Why [`in_tree`] finds nothing.
pub(crate) fn failure_reason(tree: &Path) -> String {
    let libraries = library_folders(tree);
    let errors = program_folders(tree).into_iter().filter_map(|folder| {
        let output = Binaries::unchecked(folder, &libraries).version_output()?;
        Some(String::from_utf8_lossy(&output.stderr).trim().to_owned())
    });
    let errors: Vec<String> = errors.collect();
    if errors.is_empty() {
        return "they contain no initdb and postgres".to_owned();
    }
    errors.join("; ")
}

fn program_folders(tree: &Path) -> Vec<PathBuf> {
    let mut folders = install_folders(tree);
    folders.push(tree.join("usr/bin"));
    folders
}

/// Where packages install libraries: in these folders, or in a subfolder named after the architecture.
fn library_folders(tree: &Path) -> Vec<PathBuf> {
    let mut folders = Vec::new();
    for parent in ["usr/lib64", "lib64", "usr/lib", "lib"] {
        let parent = tree.join(parent);
        let entries = fs::read_dir(&parent).into_iter().flatten().flatten();
        let of_architecture =
            entries.filter(|entry| entry.file_name().to_string_lossy().contains("-linux-"));
        folders.extend(of_architecture.map(|entry| entry.path()));
        if parent.is_dir() {
            folders.push(parent);
        }
    }
    folders
}

fn install_folders(root: &Path) -> Vec<PathBuf> {
    let mut folders = Vec::new();
    for (parent, prefix, rest) in INSTALL_LOCATIONS {
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
