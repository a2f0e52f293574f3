//! Many connections at once, and ordinary reports in between.

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

use crate::{
    draw::{Case, Draw, Kind},
    site::{KnownRun, Site},
    wire::{Reply, exchange},
};

/// Connections at once.
const CLIENTS: usize = 64;
/// A client sends an ordinary report after so many cases.
const ORDINARY_EVERY: u64 = 10;
const SECONDS: &str = "FLOWRUNS_FUZZ_SECONDS";
const SEED: &str = "FLOWRUNS_FUZZ_SEED";
/// Without a seed of its own every run draws the same, so that it fails for what was changed.
const USUAL_SEED: u64 = 20_260_301;

/// How long it goes on, and from which seed.
#[derive(Clone, Copy)]
pub(crate) struct Bounds {
    seed: u64,
    cases: u64,
    until: Option<Instant>,
}

/// What came back.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) successes: AtomicU64,
    pub(crate) refusals: AtomicU64,
}

impl Bounds {
    /// So many cases, unless a variable says how long.
    pub(crate) fn new(cases: u64) -> Self {
        let seconds: Option<u64> = variable(SECONDS);
        let bounds = Self {
            seed: variable(SEED).unwrap_or(USUAL_SEED),
            cases: if seconds.is_some() { u64::MAX } else { cases },
            until: seconds.map(|seconds| Instant::now() + Duration::from_secs(seconds)),
        };
        report(format!("{SEED}={}", bounds.seed));
        bounds
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
#[expect(
    clippy::print_stdout,
    reason = "whoever looks for a defect needs the seed"
)]
fn report(text: impl Display) {
    println!("{text}");
}

/// Sends cases about `target`, and reports to `known`, which must not notice.
pub(crate) async fn drive(
    site: &Arc<Site>,
    [known, target]: [&Arc<KnownRun>; 2],
    bounds: Bounds,
    kind: Kind,
) -> Arc<Tally> {
    let (next, tally) = (Arc::new(AtomicU64::new(0)), Arc::new(Tally::default()));
    let clients = (0..CLIENTS).map(|_| {
        let (site, known, target) = (Arc::clone(site), Arc::clone(known), Arc::clone(target));
        let (next, tally) = (Arc::clone(&next), Arc::clone(&tally));
        tokio::spawn(async move {
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if bounds.is_over(number) {
                    return;
                }
                one(&site, &target, bounds.seed, number, kind, &tally).await;
                if number.is_multiple_of(ORDINARY_EVERY) {
                    site.report(&known, number).await;
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

/// A case is drawn from its number alone, in whatever order they are sent.
async fn one(site: &Site, target: &KnownRun, seed: u64, number: u64, kind: Kind, tally: &Tally) {
    let mut draw = Draw {
        rng: Rng::with_seed(seed.wrapping_add(number.wrapping_mul(0x9e37_79b9_7f4a_7c15))),
        token: &site.token,
        list: &site.list,
    };
    let case = draw.case(kind, &target.path);
    let told = || format!("case {number}: {}", case.bytes.escape_ascii());
    let Some(reply) = exchange(&site.address, &case).await else {
        panic!("the connection was held open by {}", told());
    };
    let defect = defect(&case, &reply);
    assert!(
        defect.is_none(),
        "{}: {reply:?}: {}",
        defect.unwrap_or_default(),
        told()
    );
    for status in &reply.statuses {
        let count = if *status < 400 {
            &tally.successes
        } else {
            &tally.refusals
        };
        count.fetch_add(1, Ordering::Relaxed);
    }
    let is_report = case.is_whole && case.bytes.starts_with(b"PATCH");
    if let ([200 | 204], true, Some(tag)) = (&reply.statuses[..], is_report, reply.tag()) {
        target.acknowledge(tag);
    }
}

fn defect(case: &Case, reply: &Reply) -> Option<&'static str> {
    if !case.is_whole {
        return reply.has_failure().then_some("it failed");
    }
    match reply.statuses[..] {
        [] if reply.is_cut => None,
        [status] if status < 500 => None,
        [_] => Some("it failed"),
        _ => Some("one request, and not one answer"),
    }
}
