//! `flowruns watch`: waits for the end of a run, and tells its changes.

mod next_run;
mod poll;
mod tell;

use std::time::Duration;

use clap::Args;
use flowruns_client::{RunAddress, blocking::Client};

use self::{
    next_run::next_run,
    poll::{Deadline, Poll},
    tell::Teller,
};
use crate::{
    LocalServer,
    connection::ConnectionArguments,
    exit::{Exit, Failure},
    print::JsonArguments,
    target::{FlowTarget, RunTarget},
};

/// The run to watch, and how long.
#[derive(Args, Debug)]
pub struct WatchArguments {
    #[command(flatten)]
    watched: WatchedArguments,
    /// Wait this long for a run that is not there yet; exit with 124 if it does not come [default for a RUN: 0s, for a flow: no limit]
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    wait_for: Option<Duration>,
    /// Exit with 124 if the run has not ended after this time, which includes the wait for it
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    timeout: Option<Duration>,
    /// Print nothing; the exit code tells how the run ended
    #[arg(long, short)]
    quiet: bool,
    #[command(flatten)]
    format: JsonArguments,
    #[command(flatten)]
    connection: ConnectionArguments,
}

/// Exactly one of them is given.
#[derive(Args, Debug)]
#[group(required = true, multiple = false)]
struct WatchedArguments {
    /// The run: FLOW/RUN, an address of the API or the dashboard, or its id
    #[arg(value_name = "RUN")]
    run: Option<RunTarget>,
    /// The running run of this flow, or else its next one
    #[arg(long, value_name = "FLOW")]
    flow: Option<FlowTarget>,
}

pub(crate) fn run(arguments: &WatchArguments, local: &dyn LocalServer) -> Result<Exit, Failure> {
    let client = arguments.connection.reading_client(local)?;
    let end = Deadline::after(arguments.timeout);
    let run = find(arguments, &client, end)?;
    let mut teller = Teller::new(arguments.format.format(), arguments.quiet);
    let mut poll = Poll::new(end);
    let mut etag = String::new();
    loop {
        if let Some(changed) = poll.read(|| Ok(client.run_if_changed(run, &etag)?))?.flatten() {
            teller.change(&changed)?;
            if changed.status.is_terminal() {
                teller.end(&changed)?;
                return Ok(Exit::of_status(&changed.status));
            }
            etag.clone_from(&changed.etag);
            poll.reset();
        }
        if !poll.pause("the run is in progress") {
            let message = "the run has not ended in time; it goes on";
            return Err(Failure::new(Exit::TimedOut, message));
        }
    }
}

/// The run, which may not be there yet.
fn find(arguments: &WatchArguments, client: &Client, end: Deadline) -> Result<RunAddress, Failure> {
    let run = match &arguments.watched {
        WatchedArguments { flow: Some(flow), .. } => {
            let flow = flow.find(client)?;
            return next_run(&flow, end.min(Deadline::after(arguments.wait_for)));
        }
        WatchedArguments { run: Some(run), .. } => run,
        WatchedArguments { run: None, flow: None } => unreachable!("clap requires one of them"),
    };
    let Some(wait_for) = arguments.wait_for else {
        return run.address(client);
    };
    let mut poll = Poll::new(end.min(Deadline::after(Some(wait_for))));
    loop {
        match poll.read(|| run.find(client))?.flatten() {
            Some(address) => return Ok(address),
            None if poll.pause("waiting for the run") => {}
            None => return Err(Failure::new(Exit::TimedOut, "the run has not come in time")),
        }
    }
}
