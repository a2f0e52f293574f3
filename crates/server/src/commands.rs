//! The commands.

pub(crate) mod check;
pub(crate) mod client;
pub(crate) mod migrate;
pub(crate) mod open;
pub(crate) mod openapi;
pub(crate) mod serve;
pub(crate) mod token;
