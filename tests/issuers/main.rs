//! Which tokens of issuers the real process accepts and rejects: `rotation` has issuers that change their keys, fail, or respond
//! slowly or wrongly, `attacks` has forged tokens, `flood` very many tokens at the same time, and `check` the command of that name.
#![expect(clippy::unwrap_used, reason = "a test that cannot continue must fail")]

mod attacks;
mod check;
mod flood;
mod rotation;
mod server;
mod several;

use flowruns_testing::harness::Binary;

pub(crate) const FLOWRUNS: Binary = Binary::new(env!("CARGO_BIN_EXE_flowruns"));
