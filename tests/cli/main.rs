//! The commands of people and scripts, as processes, on a real server and on bad ones.
#![expect(clippy::unwrap_used, reason = "a test that cannot continue must fail")]

mod away;
mod documentation;
mod hostile;
mod list;
mod pipes;
mod place;
mod recipes;
mod report;
mod scripted_server;
mod show;
mod tokens;
mod watch;

use flowruns_testing::harness::Binary;

pub(crate) const FLOWRUNS_PATH: &str = env!("CARGO_BIN_EXE_flowruns");
pub(crate) const FLOWRUNS: Binary = Binary::new(FLOWRUNS_PATH);
