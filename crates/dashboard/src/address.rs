//! Addresses of pages: their parameters as text and as types. The address is the only state of a page.

mod chosen_run;
mod overview;
mod parameters;
mod query;
mod runs;
mod timeline;
mod window;

pub(crate) use self::{
    chosen_run::ChosenRun,
    overview::{FlowPosition, OverviewAddress, Show},
    parameters::{BadAddress, Fault, Parameters},
    query::Query,
    runs::{RunPosition, RunsAddress, Statuses},
    timeline::{Hours, TimelineAddress},
    window::{Span, Window},
};
