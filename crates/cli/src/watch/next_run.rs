//! The run of a flow that is watched: the one that is running, or the next one.

use std::collections::HashSet;

use flowruns_client::{RunAddress, RunQuery, RunRow, Status, blocking::Flow};

use super::poll::{Deadline, Poll};
use crate::exit::{Exit, Failure};

/// More than a flow starts between two reads.
const NEWEST: u16 = 50;

/// Waits until a run of the flow is running, or one was reported that was not there at first: a short one may start and end between
/// two reads.
pub(super) fn next_run(flow: &Flow, end: Deadline) -> Result<RunAddress, Failure> {
    let mut poll = Poll::new(end);
    let mut known: Option<HashSet<RunAddress>> = None;
    loop {
        if let Some((running, newest)) = poll.read(|| read(flow))? {
            if let Some(running) = running {
                return Ok(running);
            }
            match &known {
                None => known = Some(newest.into_iter().collect()),
                Some(known) => {
                    let new = newest.into_iter().find(|run| !known.contains(run));
                    if let Some(new) = new {
                        return Ok(new);
                    }
                }
            }
        }
        if !poll.pause("waiting for the next run") {
            return Err(Failure::new(Exit::TimedOut, "no run has started in time"));
        }
    }
}

/// The newest running run, and the newest runs.
fn read(flow: &Flow) -> Result<(Option<RunAddress>, Vec<RunAddress>), Failure> {
    let running = RunQuery::new().status([Status::Running]).page_size(1);
    let running = flow.runs(&running).next().transpose()?;
    let newest = flow.runs(&RunQuery::new().page_size(NEWEST)).take(usize::from(NEWEST));
    let newest = newest.collect::<Result<Vec<RunRow>, _>>()?;
    let address = |run: RunRow| run.address;
    Ok((running.map(address), newest.into_iter().map(address).collect()))
}
