//! The commands, a file each.

pub(crate) mod check;
pub(crate) mod migrate;
pub(crate) mod serve;
pub(crate) mod token;
