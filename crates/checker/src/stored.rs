//! What is stored after a load.

use std::{collections::HashMap, time::Duration};

use flowruns_domain::{
    id::{FlowId, RunId},
    version::EntityTag,
};
use thiserror::Error;
use tokio::time::sleep;

use super::{
    record::Record,
    replay,
    target::{Entry, Listing, Seen, Target, TargetResponse},
};

const ATTEMPTS: usize = 12;
const PAUSE: Duration = Duration::from_millis(250);
const PAGE_ROWS: u16 = 1000;

/// Why the rows and histories could not be read.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[error("{what} could not be read after the load: {response}")]
pub struct ReadFailed {
    /// What was read.
    pub what: String,
    /// The last response.
    pub response: String,
}

/// The rows and histories after a load.
#[derive(Clone, Debug)]
pub struct Stored {
    /// The list, which was read before the rows.
    pub list: Listing,
    /// The runs of the load.
    pub runs: HashMap<RunId, StoredRun>,
}

/// A run after a load.
#[derive(Clone, Debug)]
pub struct StoredRun {
    /// Its row.
    pub row: Seen,
    /// Its history, oldest first.
    pub history: Vec<Entry>,
}

impl Stored {
    /// Reads what is stored after a load. Waits some seconds for a server that is down.
    ///
    /// # Errors
    ///
    /// [`ReadFailed`] when the list, a row or a history cannot be read.
    pub async fn read(target: &dyn Target, record: &Record) -> Result<Self, ReadFailed> {
        let list = read_with_retries("the list", || target.list(PAGE_ROWS)).await?;
        let mut runs = HashMap::new();
        for creation in &record.runs {
            runs.insert(creation.id, read_run(target, record.flow, creation.id).await?);
        }
        Ok(Self { list, runs })
    }
}

async fn read_run(target: &dyn Target, flow: FlowId, run: RunId) -> Result<StoredRun, ReadFailed> {
    let mut read = read_once(target, run).await?;
    for _ in 0..ATTEMPTS {
        if is_of_one_moment(&read, flow) {
            break;
        }
        // An attempt with an unknown outcome may have been executed between the two.
        read = read_once(target, run).await?;
    }
    Ok(read)
}

async fn read_once(target: &dyn Target, run: RunId) -> Result<StoredRun, ReadFailed> {
    let row = read_with_retries(&format!("run {run}"), || target.get(run)).await?;
    let what = format!("the history of run {run}");
    let history = read_with_retries(&what, || target.history(run)).await?;
    Ok(StoredRun { row, history })
}

fn is_of_one_moment(read: &StoredRun, flow: FlowId) -> bool {
    let last = read.history.last().map_or(0, |entry| entry.version);
    let tag: Option<EntityTag> = replay::tag(flow, read.row.run, last);
    tag.as_ref() == Some(&read.row.tag)
}

async fn read_with_retries<T, F>(what: &str, read: impl Fn() -> F) -> Result<T, ReadFailed>
where
    F: Future<Output = TargetResponse<T>>,
{
    let mut last = String::new();
    for _ in 0..ATTEMPTS {
        match read().await {
            TargetResponse::Done(value) => return Ok(value),
            TargetResponse::Rejected(rejection) => {
                last = rejection.to_string();
                break;
            }
            TargetResponse::Unknown(reason) => last = reason,
        }
        sleep(PAUSE).await;
    }
    Err(ReadFailed { what: what.to_owned(), response: last })
}
