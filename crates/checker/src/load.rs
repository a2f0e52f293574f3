//! Many concurrent clients.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use flowruns_domain::{id::RunId, json::JsonObject, run::Outcome, version::EntityTag};
use thiserror::Error;
use tokio::{sync::watch, task::JoinSet, time::sleep};
use tokio_util::sync::CancellationToken;

use super::{
    client::Client,
    record::{Operation, Record},
    report::Creation,
    target::{Seen, Target, TargetResponse},
};
use flowruns_testing::fixtures;

/// One in this many runs is created already ended.
const BACK_FILL_EVERY: usize = 8;
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// What the clients do, and for how long.
#[derive(Clone, Debug)]
pub struct LoadPlan {
    /// Concurrent clients, each with one request in flight; default 8.
    pub clients: usize,
    /// Runs; default 12.
    pub runs: usize,
    /// The number of runs that get most of the reports; default 3.
    pub hot_runs: usize,
    /// When the clients stop by themselves; default 100 operations each.
    pub length: Length,
    /// The seed of the random choices; default 1.
    pub seed: u64,
    /// How long a report is sent again after unknown outcomes; default 5 s.
    pub repeat_for: Duration,
    /// Cancels the load: each client waits for its response and stops. An outcome that is unknown then stays unknown.
    pub stop: CancellationToken,
    /// The number of acknowledged reports, so that a test can wait for progress: `subscribe().wait_for(…)`.
    pub acknowledged: watch::Sender<u64>,
}

/// When a load ends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Length {
    /// After this number of operations of each client.
    Operations(u64),
    /// After this time.
    Time(Duration),
    /// When [`LoadPlan::stop`] is cancelled.
    UntilStopped,
}

impl Default for LoadPlan {
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

/// Why a load could not begin.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum LoadFailed {
    /// There is no target, no client or no run.
    #[error("a load needs a target, a client and a run")]
    Nothing,
    /// A run could not be created; the text is the response.
    #[error("a run could not be created: {0}")]
    NotCreated(String),
}

/// Creates the runs at the first target, then starts the clients. Client `i` uses target `i % targets.len()`, and the
/// next one when it repeats a report. All targets must lead to one store.
///
/// # Errors
///
/// [`LoadFailed`] when it could not begin.
pub async fn run_load(targets: &[Arc<dyn Target>], plan: &LoadPlan) -> Result<Record, LoadFailed> {
    let Some(first) = targets.first() else {
        return Err(LoadFailed::Nothing);
    };
    if plan.clients == 0 || plan.runs == 0 {
        return Err(LoadFailed::Nothing);
    }
    let runs = create_runs(first.as_ref(), plan).await?;
    let shared = Arc::new(SharedState {
        targets: targets.to_vec(),
        runs: runs.iter().map(|creation| creation.id).collect(),
        plan: plan.clone(),
        begun: Instant::now(),
        bodies: Mutex::default(),
    });
    let clients = (0..plan.clients).map(|number| Client::new(number, Arc::clone(&shared)).run());
    let operations = clients.collect::<JoinSet<_>>().join_all().await;
    let mut operations: Vec<Operation> = operations.into_iter().flatten().collect();
    operations.sort_by_key(|operation| (operation.client, operation.number));
    Ok(Record { flow: first.flow(), runs, operations, lasted: shared.begun.elapsed() })
}

async fn create_runs(target: &dyn Target, plan: &LoadPlan) -> Result<Vec<Creation>, LoadFailed> {
    let mut runs = Vec::new();
    for number in 1..=plan.runs {
        let id = RunId::new(fixtures::fresh_uuid())
            .map_err(|error| LoadFailed::NotCreated(error.to_string()))?;
        let outcome = (number % BACK_FILL_EVERY == 0).then_some(Outcome::CompletedWithErrors);
        let creation = Creation::new(id, &format!("Run {number}"), outcome);
        create(target, &creation, plan).await?;
        runs.push(creation);
    }
    Ok(runs)
}

async fn create(
    target: &dyn Target,
    creation: &Creation,
    plan: &LoadPlan,
) -> Result<(), LoadFailed> {
    let begun = Instant::now();
    let mut pauses = Pauses::default();
    loop {
        match target.create(creation).await {
            TargetResponse::Done(_) => return Ok(()),
            TargetResponse::Rejected(rejection) => {
                return Err(LoadFailed::NotCreated(rejection.to_string()));
            }
            TargetResponse::Unknown(reason) if begun.elapsed() > plan.repeat_for => {
                return Err(LoadFailed::NotCreated(reason));
            }
            TargetResponse::Unknown(_) => sleep(pauses.next_pause()).await,
        }
    }
}

/// What all clients share.
pub(super) struct SharedState {
    pub(super) targets: Vec<Arc<dyn Target>>,
    /// The hot runs first.
    pub(super) runs: Vec<RunId>,
    pub(super) plan: LoadPlan,
    begun: Instant,
    /// The bodies that were received, so that a body that many clients receive is kept once.
    bodies: Mutex<HashMap<(RunId, EntityTag), Arc<JsonObject>>>,
}

impl SharedState {
    pub(super) fn elapsed(&self) -> Duration {
        self.begun.elapsed()
    }

    pub(super) fn is_over(&self, operations: u64) -> bool {
        let plan = &self.plan;
        plan.stop.is_cancelled()
            || match plan.length {
                Length::Operations(most) => operations >= most,
                Length::Time(time) => self.begun.elapsed() >= time,
                Length::UntilStopped => false,
            }
    }

    /// The same response, with a shared body if it was received before.
    pub(super) fn shared(&self, seen: Seen) -> Seen {
        let mut bodies = self.bodies.lock().unwrap_or_else(PoisonError::into_inner);
        let body =
            bodies.entry((seen.run, seen.tag.clone())).or_insert_with(|| Arc::clone(&seen.values));
        if *body == seen.values {
            let values = Arc::clone(body);
            return Seen { values, ..seen };
        }
        seen
    }
}

impl fmt::Debug for SharedState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedState").finish_non_exhaustive()
    }
}

/// Pauses that grow after each unknown outcome.
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
