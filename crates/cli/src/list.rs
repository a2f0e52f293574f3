//! `flowruns list`: runs or flows.

mod format;

use clap::{Args, ValueEnum};
use flowruns_client::{FlowQuery, RunQuery, Status, Timestamp, blocking::Client};

use self::format::{FormatArguments, Rows};
use crate::{
    LocalServer,
    connection::ConnectionArguments,
    exit::{Exit, Failure},
    print::Waiting,
    status,
    target::FlowTarget,
    time::{from_time, to_time},
};

/// A larger page saves requests of a long list.
const MAX_PAGE_ROWS: u32 = 500;

/// What to list, and how.
#[derive(Args, Debug)]
pub struct ListArguments {
    /// What to list
    #[arg(value_enum, default_value_t = Subject::Runs)]
    subject: Subject,
    /// Only runs of this flow: its id, an address of it, or its exact name
    #[arg(long, value_name = "FLOW")]
    flow: Option<FlowTarget>,
    /// Only runs of these statuses, separated by commas
    #[arg(long, value_name = "STATUS", value_delimiter = ',', value_parser = status::any())]
    status: Vec<Status>,
    /// Only runs that started at this time or later: 24h (ago), a date, or a time; in UTC if it has no offset
    #[arg(long, visible_alias = "from", value_name = "TIME", value_parser = from_time)]
    since: Option<Timestamp>,
    /// Only runs that started before this time, in the forms of --since; a date includes its day
    #[arg(long, value_name = "TIME", value_parser = to_time)]
    to: Option<Timestamp>,
    /// The largest number of rows
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
    #[command(flatten)]
    format: FormatArguments,
    #[command(flatten)]
    connection: ConnectionArguments,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
enum Subject {
    /// The newest first
    Runs,
    /// In the order of their ids
    Flows,
}

pub(crate) fn run(arguments: &ListArguments, local: &dyn LocalServer) -> Result<Exit, Failure> {
    arguments.check()?;
    let client = arguments.connection.reading_client(local)?;
    match arguments.subject {
        Subject::Runs => list_runs(arguments, &client),
        Subject::Flows => list_flows(arguments, &client),
    }?;
    Ok(Exit::Done)
}

impl ListArguments {
    fn check(&self) -> Result<(), Failure> {
        let is_about_runs = self.flow.is_some()
            || !self.status.is_empty()
            || self.since.is_some()
            || self.to.is_some();
        if self.subject == Subject::Flows && is_about_runs {
            let message = "--flow, --status, --since and --to select runs, not flows";
            return Err(Failure::usage(message));
        }
        Ok(())
    }

    fn page_rows(&self) -> u16 {
        u16::try_from(self.limit.min(MAX_PAGE_ROWS)).unwrap_or(u16::MAX)
    }

    fn query(&self) -> RunQuery {
        let mut query =
            RunQuery::new().status(self.status.iter().cloned()).page_size(self.page_rows());
        if let Some(since) = self.since {
            query = query.since(since);
        }
        match self.to {
            Some(to) => query.before(to),
            None => query,
        }
    }
}

fn list_runs(arguments: &ListArguments, client: &Client) -> Result<(), Failure> {
    let limit = arguments.limit as usize;
    let waiting = Waiting::new("reading runs");
    let query = arguments.query().with_flow_names();
    let runs: Box<dyn Iterator<Item = _>> = match &arguments.flow {
        Some(flow) => Box::new(flow.find(client)?.runs(&query)),
        None => Box::new(client.runs(&query)),
    };
    let mut rows = Rows::runs(arguments.format, arguments.flow.is_some())?;
    for run in runs.take(limit) {
        waiting.count();
        rows.add_run(&run?)?;
    }
    drop(waiting);
    rows.finish()
}

fn list_flows(arguments: &ListArguments, client: &Client) -> Result<(), Failure> {
    let waiting = Waiting::new("reading flows");
    let flows = client.flows(&FlowQuery::new().page_size(arguments.page_rows()));
    let mut rows = Rows::flows(arguments.format)?;
    for flow in flows.take(arguments.limit as usize) {
        waiting.count();
        rows.add_flow(&flow?)?;
    }
    drop(waiting);
    rows.finish()
}
