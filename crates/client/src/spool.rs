//! The spool: ends of runs that could not be delivered, in files that any later process of the same user can send.

mod entry;
mod flush;
mod folder;

pub use self::{flush::SpoolFlushed, folder::SpoolError};
pub(crate) use self::{flush::flush, folder::Spool};
