//! How people sign in to the dashboard of the real process: at an issuer (`at_an_issuer`, `failures`, `renewal`), and with the
//! one-time links of the local key (`one_time_links`). `sessions` has what a session is worth and where, `permissions` what it permits.
#![expect(clippy::unwrap_used, reason = "a test that cannot continue must fail")]

mod at_an_issuer;
mod browser;
mod failures;
mod one_time_links;
mod permissions;
mod renewal;
mod server;
mod sessions;

use flowruns_testing::harness::Binary;

pub(crate) const FLOWRUNS: Binary = Binary::new(env!("CARGO_BIN_EXE_flowruns"));
