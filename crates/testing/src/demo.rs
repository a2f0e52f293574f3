//! A demo: fourteen flows of a school district with their history, for tests of pages and for people who want to look at the
//! dashboard before they have data of their own.
//!
//! ```
//! use std::sync::Arc;
//!
//! use flowruns_domain::{query::FlowQuery, store::FlowStore};
//! use flowruns_testing::{MemoryStore, demo, fixtures};
//!
//! # tokio::runtime::Runtime::new()?.block_on(async {
//! let (store, tenant) = (Arc::new(MemoryStore::default()), fixtures::fresh_tenant());
//! let filled = demo::fill(store.clone(), tenant, fixtures::moment()).await?;
//! let flows = store.query_flows(&FlowQuery::new(tenant)).await?;
//! assert!(flows.items.iter().any(|flow| flow.key == filled.failed.flow_key()));
//! assert_eq!(flows.items.len(), 14);
//! # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
//! ```

mod hostile;
mod plan;
mod random;
mod reporter;
mod statistics;

use std::{error::Error, sync::Arc, time::Duration};

use flowruns_domain::{
    id::{FlowKey, RunKey, TenantId},
    run::{Outcome, RunStatus},
    store::Store,
    timestamp::Timestamp,
};
use tokio::task::JoinSet;

pub use self::hostile::{CANARY, HostileRuns, fill_hostile};
use self::{
    plan::{COUNT, FLOWS, FlowPlan},
    random::Random,
    reporter::{End, Reporter},
    statistics::Totals,
};

/// Why a demo was not written.
pub type DemoError = Box<dyn Error + Send + Sync>;

/// How many of the newest runs of a flow have reports of their progress.
const RUNS_WITH_PROGRESS: usize = 8;
/// The steps of their progress, in percent.
const PROGRESS: [u64; 3] = [20, 45, 70];
/// What a run that was ended by a failure had done by then, in percent, and how much of the usual time it took.
const DONE_AT_FAILURE: u64 = 61;
const TIME_OF_FAILURE: f64 = 0.35;
/// Starts are on a multiple of this.
const START_STEP: u64 = 300;

/// Where to look in a demo.
#[derive(Clone, Copy, Debug)]
pub struct Demo {
    /// The newest run of a flow whose last two runs failed.
    pub failed: RunKey,
    /// The newest run of a flow that ended with warnings.
    pub warned: RunKey,
    /// A run in progress that is neither late nor stale.
    pub running: RunKey,
    /// A run in progress for much longer than usual.
    pub stale: RunKey,
}

/// Writes fourteen flows whose newest runs are as old as `now` says. Runs are reported as programs report them: a creation,
/// progress for the newest ones, and an end.
///
/// # Errors
///
/// The store failed.
pub async fn fill(
    store: Arc<dyn Store>,
    tenant: TenantId,
    now: Timestamp,
) -> Result<Demo, DemoError> {
    let mut flows = JoinSet::new();
    for (number, plan) in FLOWS.iter().enumerate() {
        let reporter = Reporter::new(Arc::clone(&store));
        flows.spawn(async move { (number, fill_flow(&reporter, tenant, plan, now, number).await) });
    }
    let mut newest = [None; COUNT];
    while let Some(joined) = flows.join_next().await {
        let (number, run) = joined?;
        newest[number] = run?;
    }
    let run_of = |name: &str| {
        let number = FLOWS.iter().position(|plan| plan.name == name);
        number.and_then(|number| newest[number]).ok_or_else(|| format!("{name} has no run"))
    };
    Ok(Demo {
        failed: run_of(plan::FAILING)?,
        warned: run_of(plan::WARNED)?,
        running: run_of(plan::RUNNING)?,
        stale: run_of(plan::STALE)?,
    })
}

/// Writes one flow; the key of its newest run.
async fn fill_flow(
    reporter: &Reporter,
    tenant: TenantId,
    plan: &'static FlowPlan,
    now: Timestamp,
    number: usize,
) -> Result<Option<RunKey>, DemoError> {
    // Different for each flow, the same each time.
    let mut random = Random::new(number as u64);
    let age = plan.every * (plan.runs as u64 + 3) + plan.last_start;
    let flow = reporter.create_flow(tenant, plan, before(now, age)?).await?;
    let mut newest = None;
    for back in (0..plan.runs).rev() {
        let drawn = DrawnRun::draw(plan, back, now, &mut random)?;
        newest = Some(write(reporter, flow, &drawn).await?);
    }
    Ok(newest)
}

/// A run as it will be reported.
struct DrawnRun {
    name: String,
    start: Timestamp,
    status: RunStatus,
    /// From start to end, or what is expected of a run in progress.
    duration: Duration,
    totals: Totals,
    has_progress: bool,
    /// Now: nothing is reported later.
    now: Timestamp,
}

impl DrawnRun {
    /// The run that is `back` runs before the newest.
    fn draw(
        plan: &FlowPlan,
        back: usize,
        now: Timestamp,
        random: &mut Random,
    ) -> Result<Self, DemoError> {
        let start = before(now, plan.last_start + plan.every * back as u64)?;
        let since_step = start.date_time().timestamp().unsigned_abs() % START_STEP;
        let is_newest = back == 0;
        // A delay of the scheduler. The newest start is not moved: how old it is decides what the pages show.
        let start = match is_newest {
            true => start,
            false => after(before(start, since_step)?, random.below(9_000))?,
        };
        let drawn = RunStatus::Ended(random.outcome(plan.weights));
        let status = plan.newest.get(back).copied().unwrap_or(drawn);
        let wave = 0.2f64.mul_add((back as f64 / 9.0).sin(), 1.0);
        let mut seconds = random.around(plan.seconds * wave, plan.spread);
        if status == RunStatus::Ended(Outcome::Failed) {
            seconds *= TIME_OF_FAILURE;
        }
        Ok(Self {
            name: plan.run_name(start),
            start,
            status,
            duration: Duration::from_secs_f64(seconds),
            totals: Totals::draw(plan, status, back, random),
            has_progress: back < RUNS_WITH_PROGRESS,
            now,
        })
    }

    /// When this share of the run was over; never after now.
    fn at(&self, percent: u64) -> Result<Timestamp, DemoError> {
        let millis = u64::try_from(self.duration.as_millis())? * percent / 100;
        Ok(after(self.start, millis)?.min(self.now))
    }
}

async fn write(reporter: &Reporter, flow: FlowKey, drawn: &DrawnRun) -> Result<RunKey, DemoError> {
    let run = reporter.create_run(flow, &drawn.name, drawn.start).await?;
    if drawn.has_progress {
        for percent in PROGRESS {
            let at = drawn.at(percent)?;
            if at >= drawn.now {
                break;
            }
            reporter.report(run, &drawn.totals.at(percent), at).await?;
        }
    }
    let RunStatus::Ended(outcome) = drawn.status else {
        return Ok(run);
    };
    let done = if outcome == Outcome::Failed { DONE_AT_FAILURE } else { 100 };
    let end = End { outcome, statistics: drawn.totals.at(done), at: drawn.at(100)? };
    reporter.end(run, end).await?;
    Ok(run)
}

fn before(time: Timestamp, seconds: u64) -> Result<Timestamp, DemoError> {
    Ok(Timestamp::new(time.date_time() - Duration::from_secs(seconds))?)
}

fn after(time: Timestamp, millis: u64) -> Result<Timestamp, DemoError> {
    Ok(Timestamp::new(time.date_time() + Duration::from_millis(millis))?)
}
