//! The program under test, with nothing of this process's own configuration.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path, process::Command};

use tempfile::TempDir;

/// A data folder that the database's account can enter.
pub(crate) fn data_folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o711)).unwrap();
    folder
}

/// A command on this data folder.
pub(crate) fn flowruns(folder: &TempDir) -> Command {
    flowruns_in(folder.path())
}

/// As [`flowruns`], by the path.
pub(crate) fn flowruns_in(data_folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_flowruns"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("FLOWRUNS_")) {
        command.env_remove(name);
    }
    command
        .env_remove("DATABASE_URL")
        .env("FLOWRUNS_DATA_DIR", data_folder);
    command
        .env("FLOWRUNS_HTTP__LISTEN", "127.0.0.1:0")
        .env("FLOWRUNS_ADMIN__LISTEN", "127.0.0.1:0")
        .env("RUST_LOG", "info");
    command
}
