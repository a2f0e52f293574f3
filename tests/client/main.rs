//! The client of Rust programs with a real server on PostgreSQL: `runs` reports and reads, `tokens` asks an issuer, `tls` trusts a
//! private authority, and `examples` runs the examples of the crate.
#![expect(clippy::unwrap_used, reason = "a test that cannot continue must fail")]
#![expect(clippy::print_stderr, reason = "a test prints that it could not run")]

mod examples;
mod runs;
mod tls;
mod tokens;

use std::{
    path::PathBuf,
    process::{Command, Output},
};

use flowruns_client::{Client, ClientBuilder, FixedToken};
use flowruns_testing::harness::{Binary, ServerProcess};

pub(crate) const FLOWRUNS: Binary = Binary::new(env!("CARGO_BIN_EXE_flowruns"));

/// A client of a server, with a token of its local key.
pub(crate) fn client(server: &ServerProcess) -> Client {
    builder(server).build().unwrap()
}

pub(crate) fn builder(server: &ServerProcess) -> ClientBuilder {
    let token = FixedToken::new(server.token()).unwrap();
    Client::builder(server.url("/").parse().unwrap()).tokens(token)
}

/// Runs a program with these variables and no others of the client.
pub(crate) fn run(program: &PathBuf, arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("FLOWRUNS_")) {
        command.env_remove(name);
    }
    command.args(arguments).env("FLOWRUNS_SPOOL_DIR", "").envs(variables.iter().copied());
    command.output().unwrap()
}
