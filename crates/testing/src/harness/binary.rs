//! The binary under test.

use std::{
    env, ffi::OsString, fs, os::unix::fs::PermissionsExt as _, path::Path, process::Command,
};

use tempfile::TempDir;

use super::ServerBuilder;

/// The `flowruns` binary, started without the configuration of the calling process.
#[derive(Clone, Copy, Debug)]
pub struct Binary(&'static str);

impl Binary {
    /// The binary at this path: `env!("CARGO_BIN_EXE_flowruns")`.
    pub const fn new(path: &'static str) -> Self {
        Self(path)
    }

    /// A command on this data folder. A server listens on free ports of loopback.
    pub fn command(self, data_folder: &Path) -> Command {
        self.command_under(&[], data_folder)
    }

    /// As [`command`](Self::command), run by another program and its arguments, if there are any.
    pub(super) fn command_under(self, wrapper: &[OsString], data_folder: &Path) -> Command {
        let mut command = match wrapper {
            [program, arguments @ ..] => {
                let mut command = Command::new(program);
                command.args(arguments).arg(self.0);
                command
            }
            [] => Command::new(self.0),
        };
        for (name, _) in env::vars().filter(|(name, _)| name.starts_with("FLOWRUNS_")) {
            command.env_remove(name);
        }
        command
            .env_remove("DATABASE_URL")
            .env("FLOWRUNS_DATA_DIR", data_folder)
            .env("FLOWRUNS_HTTP__LISTEN", "127.0.0.1:0")
            .env("FLOWRUNS_ADMIN__LISTEN", "127.0.0.1:0")
            .env("RUST_LOG", "info");
        command
    }

    /// A server, which [`ServerBuilder::start`] starts.
    pub fn server(self) -> ServerBuilder {
        ServerBuilder::new(self)
    }

    /// A token of the local key, for the demo tenant with all permissions, valid for a day.
    pub fn mint_token(self, data_folder: &Path) -> String {
        let mut command = self.command(data_folder);
        let output = command.args(["token", "--ttl", "1day"]).output().unwrap();
        let message = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{message}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }
}

/// A new data folder that the account of PostgreSQL can enter; it is removed when the value is dropped.
pub fn data_folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o711)).unwrap();
    folder
}
