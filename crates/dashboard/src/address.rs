//! Addresses of pages: their parameters as text and as types. The address is the only state of a page.

mod overview;
mod parameters;
mod query;

pub(crate) use self::{
    overview::{FlowPosition, OverviewAddress, Show},
    parameters::{BadAddress, Fault, Parameters},
    query::Query,
};
