//! A client that sends one request after the other.

use std::{collections::HashMap, future::Future, sync::Arc, time::Duration, time::Instant};

use fastrand::Rng;
use flowruns_domain::id::RunId;
use tokio::{select, time::sleep};

use super::{
    generator::{GeneratedReport, ReportGenerator},
    known::Known,
    load::{Pauses, SharedState},
    record::{Attempt, Operation, Request},
    target::{Seen, Target, TargetResponse},
};

const GETS_OF_100: u32 = 10;
const READS_OF_100: u32 = 13;
const HOT_OF_100: u32 = 65;
const GIVE_UP_OF_100: u32 = 12;
/// Of the reports that would end a late-ending run, one in this number does.
const LATE_ENDS_OF: u32 = 16;
/// Small pages split a list into many requests, while rows change.
const PAGE_ROWS: [u16; 3] = [2, 7, 1000];

/// A client: its random choices, what it knows of the runs, and what it did.
pub(super) struct Client {
    number: usize,
    shared: Arc<SharedState>,
    rng: Rng,
    known: HashMap<RunId, Known>,
    operations: Vec<Operation>,
}

impl Client {
    pub(super) fn new(number: usize, shared: Arc<SharedState>) -> Self {
        // A different step for each client, so that clients do not make the same choices.
        let seed = shared.plan.seed ^ (number as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        Self {
            number,
            shared,
            rng: Rng::with_seed(seed),
            known: HashMap::new(),
            operations: Vec::new(),
        }
    }

    /// Sends requests until the load is over.
    pub(super) async fn run(mut self) -> Vec<Operation> {
        let mut number = 0;
        while !self.shared.is_over(number) {
            number += 1;
            let request = self.request(number).await;
            self.operations.push(Operation { client: self.number, number, request });
        }
        self.operations
    }

    async fn request(&mut self, number: u64) -> Request {
        let run = self.choose_run();
        match self.rng.u32(0..100) {
            0..GETS_OF_100 => self.get(run).await,
            GETS_OF_100..READS_OF_100 => self.list().await,
            _ => self.patch(run, number).await,
        }
    }

    fn choose_run(&mut self) -> RunId {
        let (all, hot) = (self.shared.runs.len(), self.hot_runs());
        let is_hot = hot == all || (hot > 0 && self.rng.u32(0..100) < HOT_OF_100);
        let chosen = if is_hot { 0..hot } else { hot..all };
        self.shared.runs[self.rng.usize(chosen)]
    }

    fn hot_runs(&self) -> usize {
        self.shared.plan.hot_runs.min(self.shared.runs.len())
    }

    async fn get(&mut self, run: RunId) -> Request {
        let target = self.target(0);
        let mut attempt = self.attempt(target.get(run)).await;
        if let TargetResponse::Done(seen) = attempt.response {
            attempt.response = TargetResponse::Done(self.remember(seen));
        }
        self.rest_if_unknown(&attempt).await;
        Request::Get { run, attempt }
    }

    async fn list(&mut self) -> Request {
        let rows = PAGE_ROWS[self.rng.usize(0..PAGE_ROWS.len())];
        let target = self.target(0);
        let attempt = self.attempt(target.list(rows)).await;
        self.rest_if_unknown(&attempt).await;
        Request::List(attempt)
    }

    async fn patch(&mut self, run: RunId, number: u64) -> Request {
        let index = self.shared.runs.iter().position(|other| *other == run);
        let is_hot = index.is_some_and(|index| index < self.hot_runs());
        // Every other run stays in progress for longer, so that a long load has both.
        let ends_soon = index.is_some_and(|index| index % 2 == 1);
        let may_end = ends_soon || self.rng.u32(0..LATE_ENDS_OF) == 0;
        let generator = ReportGenerator {
            client: self.number,
            number,
            run,
            known: self.known.entry(run).or_default(),
            // The runs that are not hot do not move in lists.
            may_move: is_hot,
            may_end,
        };
        let generated = generator.report(&mut self.rng);
        let mut attempts = self.send(run, &generated).await;
        self.learn(run, &generated, &mut attempts);
        let GeneratedReport { report, marker, .. } = generated;
        let report = Box::new(report);
        Request::Patch { run, report, marker, attempts }
    }

    /// Sends a report until its outcome is known, or it is given up.
    async fn send(&mut self, run: RunId, generated: &GeneratedReport) -> Vec<Attempt<Seen>> {
        let begun = Instant::now();
        let mut pauses = Pauses::default();
        let mut attempts = Vec::new();
        loop {
            let target = self.target(attempts.len());
            let attempt = self.attempt(target.patch(run, &generated.report)).await;
            let is_unknown = matches!(attempt.response, TargetResponse::Unknown(_));
            attempts.push(attempt);
            if !is_unknown {
                return attempts;
            }
            let repeats = generated.may_repeat
                && begun.elapsed() < self.shared.plan.repeat_for
                && self.rng.u32(0..100) >= GIVE_UP_OF_100;
            let is_stopped = self.rest(pauses.next_pause()).await;
            if is_stopped || !repeats {
                return attempts;
            }
        }
    }

    /// Learns from the result of the last attempt, and counts it.
    fn learn(&mut self, run: RunId, generated: &GeneratedReport, attempts: &mut [Attempt<Seen>]) {
        let has_unknown =
            attempts.iter().any(|attempt| matches!(attempt.response, TargetResponse::Unknown(_)));
        let Some(last) = attempts.last_mut() else {
            return;
        };
        if let TargetResponse::Done(seen) = &last.response {
            let seen = self.remember(seen.clone());
            last.response = TargetResponse::Done(seen);
            self.shared.plan.acknowledged.send_modify(|count| *count += 1);
            if generated.marker.is_some() {
                let known = self.known.entry(run).or_default();
                known.repeatable = generated.is_harmless.then(|| generated.report.clone());
            }
        }
        if has_unknown {
            self.known.entry(run).or_default().leave_unknown();
        }
    }

    fn remember(&mut self, seen: Seen) -> Seen {
        let seen = self.shared.shared(seen);
        self.known.entry(seen.run).or_default().see(&seen);
        seen
    }

    async fn attempt<T>(&self, question: impl Future<Output = TargetResponse<T>>) -> Attempt<T> {
        let invoked = self.shared.elapsed();
        let response = question.await;
        Attempt { invoked, responded: self.shared.elapsed(), response }
    }

    fn target(&self, attempt: usize) -> Arc<dyn Target> {
        let targets = &self.shared.targets;
        Arc::clone(&targets[(self.number + attempt) % targets.len()])
    }

    async fn rest_if_unknown<T>(&self, attempt: &Attempt<T>) {
        if matches!(attempt.response, TargetResponse::Unknown(_)) {
            self.rest(Pauses::default().next_pause()).await;
        }
    }

    /// Pauses, so that a failing server can recover. Returns whether the load was stopped meanwhile.
    async fn rest(&self, pause: Duration) -> bool {
        select! {
            () = self.shared.plan.stop.cancelled() => true,
            () = sleep(pause) => false,
        }
    }
}
