//! Many connections at the same time, and ordinary reports between them.

use std::{
    env,
    fmt::Display,
    str::FromStr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use fastrand::Rng;
use flowruns_testing::harness::{Exchange, exchange};

use crate::{
    generator::{Case, CaseGenerator, CaseKind},
    server::{KnownRun, Server},
};

/// Connections at the same time.
const CLIENTS: usize = 64;
/// A client sends an ordinary report after this many cases.
const ORDINARY_EVERY: u64 = 10;
/// The error code of a body that did not come in time.
const BODY_TIMEOUT: &str = "requestTimeout";
const SECONDS: &str = "FLOWRUNS_FUZZ_SECONDS";
const SEED: &str = "FLOWRUNS_FUZZ_SEED";
/// The default seed: every test run sends the same cases, so that only a change of the code can make it fail.
const DEFAULT_SEED: u64 = 20_260_301;

/// The number of cases or the end time, and the seed.
#[derive(Clone, Copy)]
pub(crate) struct Limits {
    seed: u64,
    cases: u64,
    until: Option<Instant>,
}

/// The responses by status.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) successes: AtomicU64,
    pub(crate) rejections: AtomicU64,
}

impl Limits {
    /// This number of cases, unless a variable sets the time.
    pub(crate) fn new(cases: u64) -> Self {
        let seconds: Option<u64> = variable(SECONDS);
        let limits = Self {
            seed: variable(SEED).unwrap_or(DEFAULT_SEED),
            cases: if seconds.is_some() { u64::MAX } else { cases },
            until: seconds.map(|seconds| Instant::now() + Duration::from_secs(seconds)),
        };
        report(format!("{SEED}={}", limits.seed));
        limits
    }

    fn is_over(&self, number: u64) -> bool {
        number >= self.cases || self.until.is_some_and(|until| Instant::now() > until)
    }
}

fn variable<T: FromStr>(name: &str) -> Option<T>
where
    T::Err: std::fmt::Debug,
{
    env::var(name).ok().map(|value| value.parse().unwrap())
}

/// Shown when the test fails.
#[expect(clippy::print_stdout, reason = "the seed repeats the failure")]
fn report(text: impl Display) {
    println!("{text}");
}

/// Sends cases about `target`, and reports on `known`, which the cases must not affect.
pub(crate) async fn drive(
    server: &Arc<Server>,
    [known, target]: [&Arc<KnownRun>; 2],
    limits: Limits,
    kind: CaseKind,
) -> Arc<Tally> {
    let (next, tally) = (Arc::new(AtomicU64::new(0)), Arc::new(Tally::default()));
    let clients = (0..CLIENTS).map(|_| {
        let (server, known, target) = (Arc::clone(server), Arc::clone(known), Arc::clone(target));
        let (next, tally) = (Arc::clone(&next), Arc::clone(&tally));
        tokio::spawn(async move {
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if limits.is_over(number) {
                    return;
                }
                send_case(&server, &target, limits.seed, number, kind, &tally).await;
                if number.is_multiple_of(ORDINARY_EVERY) {
                    server.report(&known, number).await;
                }
            }
        })
    });
    for client in clients.collect::<Vec<_>>() {
        client.await.unwrap();
    }
    report(format!("{} cases, {tally:?}", next.load(Ordering::Relaxed)));
    tally
}

/// Sends one case. It depends only on the seed and its number, not on the order of the cases.
async fn send_case(
    server: &Server,
    target: &KnownRun,
    seed: u64,
    number: u64,
    kind: CaseKind,
    tally: &Tally,
) {
    let mut generator = CaseGenerator {
        rng: Rng::with_seed(seed.wrapping_add(number.wrapping_mul(0x9e37_79b9_7f4a_7c15))),
        token: server.token(),
        list: &server.list,
    };
    let case = generator.case(kind, &target.path);
    let description = || format!("case {number}: {}", case.bytes.escape_ascii());
    let exchange = exchange(server.address(), &case.bytes, case.closes_write).await;
    let exchange = exchange.unwrap_or_else(|error| panic!("{error}: {}", description()));
    if let Some(defect) = defect(&case, &exchange) {
        panic!("{defect}: {exchange:?}: {}", description());
    }
    for status in &exchange.statuses {
        let count = if *status < 400 { &tally.successes } else { &tally.rejections };
        count.fetch_add(1, Ordering::Relaxed);
    }
    let is_report = case.is_complete && case.bytes.starts_with(b"PATCH");
    if let ([200 | 204], true, Some(tag)) = (&exchange.statuses[..], is_report, tag_of(&exchange)) {
        target.acknowledge(tag);
    }
}

/// The tag of a single response.
fn tag_of(exchange: &Exchange) -> Option<&str> {
    let (head, _) = exchange.text.split_once("\r\n\r\n")?;
    head.lines().find_map(|line| line.strip_prefix("etag: "))
}

/// Whether a 5xx says more than that a body did not come.
fn has_failure(exchange: &Exchange) -> bool {
    let failures = exchange.statuses.iter().filter(|status| **status >= 500);
    failures.count() > exchange.text.matches(BODY_TIMEOUT).count()
}

fn defect(case: &Case, exchange: &Exchange) -> Option<&'static str> {
    if !case.is_complete {
        return has_failure(exchange).then_some("a failure");
    }
    match exchange.statuses[..] {
        [] if exchange.is_reset => None,
        [status] if status < 500 => None,
        [_] => Some("a failure"),
        _ => Some("not exactly one response to one request"),
    }
}
