//! The program under test.

use std::process::Command;

pub(crate) use flowruns_testing::harness::data_folder;
use flowruns_testing::harness::Binary;
use tempfile::TempDir;

pub(crate) const FLOWRUNS: Binary = Binary::new(env!("CARGO_BIN_EXE_flowruns"));

pub(crate) fn flowruns(folder: &TempDir) -> Command {
    FLOWRUNS.command(folder.path())
}
