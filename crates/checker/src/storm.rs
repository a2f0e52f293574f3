//! Many clients at once.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use flowruns_domain::{EntityTag, Outcome, RunId, json::JsonObject};
use thiserror::Error;
use tokio::{sync::watch, task::JoinSet, time::sleep};
use tokio_util::sync::CancellationToken;

use super::{
    client::Client,
    record::{Operation, Record},
    report::Creation,
    target::{Answer, Seen, Target},
};
use flowruns_testing::fixtures;

/// Every so many runs one is created already ended.
const BACK_FILL_EVERY: usize = 8;
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// What clients do, and how long.
#[derive(Clone, Debug)]
pub struct Storm {
    /// Clients at once, each with one request under way; default 8.
    pub clients: usize,
    /// Runs; default 12.
    pub runs: usize,
    /// How many of the runs get most of the reports; default 3.
    pub hot_runs: usize,
    /// When the clients stop by themselves; default 100 operations each.
    pub length: Length,
    /// Decides what is random; default 1.
    pub seed: u64,
    /// How long a report is sent again after unknown outcomes; default 5 s.
    pub repeat_for: Duration,
    /// Cancelled, it ends the storm as soon as each client has its answer; what is unknown then stays so.
    pub stop: CancellationToken,
    /// Counts the acknowledged reports, so that others can wait for progress: `subscribe().wait_for(…)`.
    pub acknowledged: watch::Sender<u64>,
}

/// When a storm is over.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Length {
    /// After so many operations of each client.
    Operations(u64),
    /// After this time.
    Time(Duration),
    /// When it is stopped.
    UntilStopped,
}

impl Default for Storm {
    fn default() -> Self {
        Self {
            clients: 8,
            runs: 12,
            hot_runs: 3,
            length: Length::Operations(100),
            seed: 1,
            repeat_for: Duration::from_secs(5),
            stop: CancellationToken::new(),
            acknowledged: watch::Sender::new(0),
        }
    }
}

/// Why a storm could not begin.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum StormFailed {
    /// There is no target, no client or no run.
    #[error("a storm needs a target, a client and a run")]
    Nothing,
    /// A run could not be created; the text is the answer.
    #[error("a run could not be created: {0}")]
    NotCreated(String),
}

/// Creates the runs at the first target, then lets the clients go; client `i` uses target `i % targets.len()`, and the
/// next one when it repeats a report. All targets must lead to one store.
///
/// # Errors
///
/// [`StormFailed`] when it could not begin.
pub async fn storm(targets: &[Arc<dyn Target>], storm: &Storm) -> Result<Record, StormFailed> {
    let Some(first) = targets.first() else {
        return Err(StormFailed::Nothing);
    };
    if storm.clients == 0 || storm.runs == 0 {
        return Err(StormFailed::Nothing);
    }
    let runs = create_runs(first.as_ref(), storm).await?;
    let scene = Arc::new(Scene {
        targets: targets.to_vec(),
        runs: runs.iter().map(|creation| creation.id).collect(),
        storm: storm.clone(),
        begun: Instant::now(),
        bodies: Mutex::default(),
    });
    let clients = (0..storm.clients).map(|number| Client::new(number, Arc::clone(&scene)).run());
    let operations = clients.collect::<JoinSet<_>>().join_all().await;
    let mut operations: Vec<Operation> = operations.into_iter().flatten().collect();
    operations.sort_by_key(|operation| (operation.client, operation.number));
    Ok(Record {
        flow: first.flow(),
        runs,
        operations,
        lasted: scene.begun.elapsed(),
    })
}

async fn create_runs(target: &dyn Target, storm: &Storm) -> Result<Vec<Creation>, StormFailed> {
    let mut runs = Vec::new();
    for number in 1..=storm.runs {
        let id = RunId::new(fixtures::fresh_uuid())
            .map_err(|error| StormFailed::NotCreated(error.to_string()))?;
        let outcome = (number % BACK_FILL_EVERY == 0).then_some(Outcome::CompletedWithErrors);
        let creation = Creation::new(id, &format!("Run {number}"), outcome);
        create(target, &creation, storm).await?;
        runs.push(creation);
    }
    Ok(runs)
}

async fn create(
    target: &dyn Target,
    creation: &Creation,
    storm: &Storm,
) -> Result<(), StormFailed> {
    let begun = Instant::now();
    let mut pauses = Pauses::default();
    loop {
        match target.create(creation).await {
            Answer::Done(_) => return Ok(()),
            Answer::Refused(refusal) => return Err(StormFailed::NotCreated(refusal.to_string())),
            Answer::Unknown(reason) if begun.elapsed() > storm.repeat_for => {
                return Err(StormFailed::NotCreated(reason));
            }
            Answer::Unknown(_) => sleep(pauses.next_pause()).await,
        }
    }
}

/// What all clients share.
pub(super) struct Scene {
    pub(super) targets: Vec<Arc<dyn Target>>,
    /// The hot ones first.
    pub(super) runs: Vec<RunId>,
    pub(super) storm: Storm,
    begun: Instant,
    /// The bodies that were seen, so that one that many clients see is kept once.
    bodies: Mutex<HashMap<(RunId, EntityTag), Arc<JsonObject>>>,
}

impl Scene {
    pub(super) fn elapsed(&self) -> Duration {
        self.begun.elapsed()
    }

    pub(super) fn is_over(&self, operations: u64) -> bool {
        let storm = &self.storm;
        storm.stop.is_cancelled()
            || match storm.length {
                Length::Operations(most) => operations >= most,
                Length::Time(time) => self.begun.elapsed() >= time,
                Length::UntilStopped => false,
            }
    }

    /// The same answer, with a body that is shared when it was seen before.
    pub(super) fn shared(&self, seen: Seen) -> Seen {
        let mut bodies = self.bodies.lock().unwrap_or_else(PoisonError::into_inner);
        let body = bodies
            .entry((seen.run, seen.tag.clone()))
            .or_insert_with(|| Arc::clone(&seen.values));
        if *body == seen.values {
            let values = Arc::clone(body);
            return Seen { values, ..seen };
        }
        seen
    }
}

impl fmt::Debug for Scene {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scene").finish_non_exhaustive()
    }
}

/// How long to wait after one unknown outcome after the other.
pub(super) struct Pauses(Duration);

impl Default for Pauses {
    fn default() -> Self {
        Self(FIRST_PAUSE)
    }
}

impl Pauses {
    pub(super) fn next_pause(&mut self) -> Duration {
        let pause = self.0;
        self.0 = (pause * 2).min(LONGEST_PAUSE);
        pause
    }
}
