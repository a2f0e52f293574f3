//! The dashboard in a real browser: Chromium, driven over WebDriver, on the real binary with a database of its own.
//!
//! `tests/browser/install` installs what they need. Without Chromium the tests check nothing and say so, unless
//! `FLOWRUNS_BROWSER=required`.
#![expect(clippy::unwrap_used, reason = "a test that cannot continue must fail")]
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test prints what it measured, or that it could not run"
)]

mod accessibility;
mod address;
mod audit;
mod chromium;
mod copied;
mod downloads;
mod empty;
mod end;
mod hostile;
mod keys;
mod live;
mod look;
mod media;
mod pages;
mod pair;
mod pictures;
mod scriptless;
mod sign_in;
mod site;
mod speed;
mod stability;
mod tabs;
mod values;
mod wait;
mod webdriver;

use flowruns_testing::harness::Binary;

pub(crate) const FLOWRUNS: Binary = Binary::new(env!("CARGO_BIN_EXE_flowruns"));
