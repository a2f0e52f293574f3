//! Tokens of issuers, as the real process takes and refuses them: `rotation` has issuers that change their keys, fail, lie
//! and dawdle, `attacks` has tokens that nobody should take, `flood` very many at once, and `check` the command of that name.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on shall fail")]

mod attacks;
mod check;
mod flood;
#[path = "../process/program.rs"]
mod program;
mod rotation;
mod several;
mod site;
