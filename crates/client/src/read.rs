//! Reading of flows, runs and histories.

mod pages;
mod query;
mod record;
mod watch;

pub(crate) use self::{
    pages::pages,
    watch::{read_if_changed, watch},
};
pub use self::{
    query::{FlowQuery, Order, RunQuery},
    record::{Change, FlowRecord, HistoryEntry, RunRecord, RunRow},
};
