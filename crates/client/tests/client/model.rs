//! Random programs with random networks. The client never says `Ok` for what is not stored, and a stored terminal status is always
//! what was told.

use std::{
    collections::HashMap,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    time::Duration,
};

use flowruns_client::{BlockingError, Outcome, ReportError, Run, RunAddress, RunId};
use proptest::prelude::*;
use serde_json::{Value, json};
use tokio::runtime::Builder;

use crate::{proxy::Fault, service::Fixture};

const LONG: Duration = Duration::from_secs(300);

#[derive(Clone, Debug)]
enum Told {
    Completed,
    WithWarnings,
    WithErrors,
    Failed,
}

/// What the program does. A number chooses one of the runs in progress.
#[derive(Clone, Debug)]
enum Step {
    Start,
    StartDetached,
    Progress(usize),
    End(usize, Told),
    /// The future of the end is dropped after some milliseconds.
    EndUnheard(usize, Told, u64),
    Drop(usize),
    Panic(usize),
    HandOverAndAdopt(usize),
    Flush(u64),
    FlushSpool,
    Wait(u64),
    Away,
    Back,
}

fn told() -> impl Strategy<Value = Told> {
    prop_oneof![
        3 => Just(Told::Completed),
        1 => Just(Told::WithWarnings),
        1 => Just(Told::WithErrors),
        1 => Just(Told::Failed),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let number = 0..8usize;
    prop_oneof![
        2 => Just(Step::Start),
        3 => Just(Step::StartDetached),
        4 => number.clone().prop_map(Step::Progress),
        4 => (number.clone(), told()).prop_map(|(run, told)| Step::End(run, told)),
        1 => (number.clone(), told(), 0..20_000u64).prop_map(|(run, told, millis)| Step::EndUnheard(run, told, millis)),
        1 => number.clone().prop_map(Step::Drop),
        1 => number.clone().prop_map(Step::Panic),
        1 => number.prop_map(Step::HandOverAndAdopt),
        1 => (0..20u64).prop_map(Step::Flush),
        1 => Just(Step::FlushSpool),
        2 => (0..40_000u64).prop_map(Step::Wait),
        1 => Just(Step::Away),
        2 => Just(Step::Back),
    ]
}

fn fault() -> impl Strategy<Value = Fault> {
    prop_oneof![
        8 => Just(Fault::Pass),
        2 => Just(Fault::Lose),
        4 => Just(Fault::LoseResponse),
        1 => Just(Fault::Hang),
        2 => Just(Fault::HangAfter),
        2 => (0..100u64).prop_map(|seconds| Fault::Late(Duration::from_secs(seconds))),
        2 => Just(Fault::Repeat),
        1 => (0..15u64).prop_map(|seconds| Fault::Slow(Duration::from_secs(seconds))),
        1 => Just(Fault::Refuse(503, Some("1"))),
        1 => Just(Fault::Refuse(429, None)),
        1 => Just(Fault::Refuse(500, None)),
        1 => Just(Fault::Portal),
        1 => Just(Fault::Cut),
        1 => Just(Fault::Respond(200, &[("OData-Version", "4.0")], "{\"id\":")),
    ]
}

/// A program in progress, and what it told.
struct Program {
    fixture: Fixture,
    running: Vec<Run>,
    told: HashMap<RunId, &'static str>,
    number: u64,
}

impl Program {
    async fn step(&mut self, step: Step) {
        match step {
            Step::Start => {
                let started = self.fixture.flow.start("Run").await;
                self.running.extend(started.ok());
            }
            Step::StartDetached => {
                self.running.push(self.fixture.flow.start_detached("Run").unwrap());
            }
            Step::Progress(run) => {
                self.number += 1;
                if let Some(index) = self.index(run) {
                    self.running[index].progress(&json!({"n": self.number})).unwrap();
                }
            }
            Step::End(run, told) => {
                if let Some(run) = self.take(run) {
                    self.end(run, &told).await;
                }
            }
            Step::EndUnheard(run, told, millis) => {
                if let Some(run) = self.take(run) {
                    self.told.insert(run.id(), told.status());
                    let end = tokio::time::timeout(Duration::from_millis(millis), told.end(run, 0));
                    // Both are possible: the end came in time, or nobody heard of it.
                    let _heard = end.await;
                }
            }
            Step::Drop(run) => drop(self.take_failing(run)),
            Step::Panic(run) => {
                if let Some(run) = self.take_failing(run) {
                    let panicked = catch_unwind(AssertUnwindSafe(move || {
                        let _run = run;
                        // Without the message that `panic!` prints.
                        resume_unwind(Box::new("a panic of the test"));
                    }));
                    assert!(panicked.is_err());
                }
            }
            Step::HandOverAndAdopt(run) => {
                if let Some(run) = self.take(run) {
                    let adopted = self.fixture.flow.adopt(run.hand_over()).await;
                    self.running.extend(adopted.ok());
                }
            }
            Step::Flush(seconds) => {
                self.fixture.client.flush(Duration::from_secs(seconds)).await;
            }
            Step::FlushSpool => {
                self.fixture.client.flush_spool(Duration::from_secs(10)).await.unwrap();
            }
            Step::Wait(millis) => tokio::time::sleep(Duration::from_millis(millis)).await,
            Step::Away => self.fixture.proxy.set_away(true),
            Step::Back => self.fixture.proxy.set_away(false),
        }
    }

    fn index(&self, run: usize) -> Option<usize> {
        run.checked_rem(self.running.len())
    }

    fn take(&mut self, run: usize) -> Option<Run> {
        let index = self.index(run)?;
        Some(self.running.swap_remove(index))
    }

    fn take_failing(&mut self, run: usize) -> Option<Run> {
        let run = self.take(run)?;
        self.told.insert(run.id(), "failed");
        Some(run)
    }

    async fn end(&mut self, run: Run, told: &Told) {
        let address = run.address();
        self.told.insert(run.id(), told.status());
        self.number += 1;
        let number = self.number;
        match told.end(run, number).await {
            Ok(ended) => {
                assert_eq!(ended.status.as_str(), told.status());
                let stored = self.fixture.service.run(address).await;
                assert_eq!(stored["status"], told.status(), "Ok, but {stored}");
                if !matches!(told, Told::Failed) {
                    assert_eq!(stored["statistics"]["n"], number, "Ok, but {stored}");
                }
            }
            Err(ReportError::Unknown { spooled, .. }) => assert!(spooled),
            Err(error) => panic!("only one process reports this run: {error:?}"),
        }
    }

    /// The network is well again. After that, everything that was told is stored.
    async fn settle(mut self) {
        while self.take_failing(0).is_some() {}
        self.fixture.proxy.heal();
        let flushed = self.fixture.client.flush(LONG).await;
        assert_eq!((flushed.pending, flushed.lost, flushed.refused), (0, 0, 0), "{flushed:?}");
        // What arrives late has arrived.
        tokio::time::sleep(LONG).await;
        let flushed = self.fixture.client.flush_spool(LONG).await.unwrap();
        assert_eq!((flushed.kept, flushed.expired), (0, 0), "{flushed:?}");
        for (run, told) in &self.told {
            let address = RunAddress { flow: self.fixture.flow.id(), run: *run };
            assert_eq!(self.fixture.service.status(address).await, *told, "{run}");
        }
        self.no_other_run_has_completed().await;
    }

    /// A run whose start was not acknowledged is failed, or still running if its creation came too late.
    async fn no_other_run_has_completed(&self) {
        let path = format!("/industryData/incomingFlows/{}/runs?$top=1000", self.fixture.flow.id());
        let (_, runs) = self.fixture.service.json("GET", &path, Value::Null).await;
        for run in runs["value"].as_array().unwrap() {
            let id = run["id"].as_str().unwrap().parse::<RunId>().unwrap();
            let may_be = ["running", "failed"].contains(&run["status"].as_str().unwrap());
            assert!(may_be || self.told.contains_key(&id), "nobody told this: {run}");
        }
    }
}

impl Told {
    const fn status(&self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::WithWarnings => "completedWithWarnings",
            Self::WithErrors => "completedWithErrors",
            Self::Failed => "failed",
        }
    }

    async fn end(&self, run: Run, number: u64) -> Result<flowruns_client::Ended, ReportError> {
        let statistics = json!({"n": number});
        let error = BlockingError::new("test", "told by the test");
        match self {
            Self::Completed => run.complete(statistics).await,
            Self::WithWarnings => run.end_with(Outcome::WithWarnings, statistics).await,
            Self::WithErrors => run.end_with(Outcome::WithErrors(Some(error)), statistics).await,
            Self::Failed => run.fail(error).await,
        }
    }
}

async fn execute(steps: Vec<Step>, faults: Vec<Fault>) {
    let folder = tempfile::tempdir().unwrap();
    let fixture = Fixture::with(|builder| builder.spool(folder.path().join("spool"))).await;
    fixture.proxy.next(faults);
    let mut program = Program { fixture, running: Vec::new(), told: HashMap::new(), number: 0 };
    for step in steps {
        program.step(step).await;
    }
    program.settle().await;
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, max_shrink_iters: 200, ..ProptestConfig::default() })]

    #[test]
    fn what_is_told_is_stored_and_nothing_else_is(
        steps in proptest::collection::vec(step(), 1..30),
        faults in proptest::collection::vec(fault(), 0..60),
    ) {
        let runtime = Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        runtime.block_on(execute(steps, faults));
    }
}
