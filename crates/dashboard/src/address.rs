//! Addresses of pages: their parameters as text and as types. The address is the only state of a page.

mod chosen_run;
mod flow;
mod flow_order;
mod member;
mod overview;
mod parameters;
mod query;
mod run;
mod runs;
mod timeline;
mod window;

pub(crate) use self::{
    chosen_run::ChosenRun,
    flow::{ChartedRuns, FlowAddress},
    flow_order::{FlowRunPosition, RunsOrder},
    member::{Members, shown as member_shown},
    overview::{FlowPosition, OverviewAddress, Show},
    parameters::{BadAddress, Parameters, stored_text},
    query::Query,
    run::{Against, HistoryPart, RunPageAddress},
    runs::{RunPosition, RunsAddress, Statuses},
    timeline::{Hours, TimelineAddress},
    window::{Span, Window},
};
