//! Many clients with small requests beside as many with bodies of 1 MiB.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use flowruns_testing::harness::{exchange, request};
use futures_util::future::join_all;

use crate::{
    attackers::Attackers,
    exclusive,
    fixture::Fixture,
    measurement::Watch,
    other_caller::Outcomes,
    server::{Role, send},
};

const CLIENTS: usize = 48;
const LONG_BYTES: usize = 1024 * 1023;
/// How long each of the two loads lasts.
const LOAD: Duration = Duration::from_secs(4);
/// Small requests beside long ones that may be rejected, in percent.
const MAX_REJECTED_PERCENT: usize = 5;
/// The throughput of small requests during the long ones, in percent of that without them. Asserted where
/// `FLOWRUNS_ATTACKS_STRICT` is set.
const MIN_THROUGHPUT_PERCENT: usize = 50;

/// Sends small requests on kept connections for [`LOAD`].
async fn small_clients(fixture: &Fixture, application: &str) -> Outcomes {
    let tenant = crate::fixture::ATTACKING_TENANT;
    let token = fixture.server.token(tenant, application, Role::Write);
    let client = fixture.server.client(&token).keeping_connections();
    let is_over = Arc::new(AtomicBool::new(false));
    let clients: Vec<_> = (0..CLIENTS * crate::scale())
        .map(|_| {
            let (client, run) = (client.clone(), fixture.run.clone());
            let is_over = Arc::clone(&is_over);
            tokio::spawn(async move {
                let mut outcomes = Outcomes::default();
                let mut rows = 0_u64;
                while !is_over.load(Relaxed) {
                    rows += 1;
                    let body = format!(r#"{{"statistics":{{"rows":{rows}}}}}"#);
                    let response = send(&client, "PATCH", &run, body).await;
                    outcomes.count("PATCH", &response, 200);
                    let response = send(&client, "GET", &run, "").await;
                    outcomes.count("GET", &response, 200);
                }
                outcomes
            })
        })
        .collect();
    // The load has a fixed duration; the number of requests in it is compared.
    tokio::time::sleep(LOAD * u32::try_from(crate::scale()).unwrap()).await;
    is_over.store(true, Relaxed);
    let mut all = Outcomes::default();
    for outcomes in join_all(clients).await {
        all.add(outcomes.unwrap());
    }
    all
}

/// Clients with reports of 1 MiB, most of which is an annotation that is not stored.
fn long_clients(fixture: &Fixture) -> Attackers {
    let note = "x".repeat(LONG_BYTES);
    let body = format!(r#"{{"@note":"{note}","statistics":{{"files":1}}}}"#);
    let request = Arc::new(request("PATCH", &fixture.run, &fixture.writer, &body));
    let address = fixture.server.process.address();
    Attackers::start(CLIENTS * crate::scale(), move |session| {
        let request = Arc::clone(&request);
        async move {
            session.is_established();
            let _accepted_or_rejected = exchange(address, &request, false).await;
        }
    })
}

#[expect(clippy::print_stdout, reason = "it prints what it measured")]
async fn small_beside_long(application: &str, name: &'static str) {
    let _exclusive = exclusive().await;
    let fixture = Fixture::start(&[]).await;
    let baseline = small_clients(&fixture, application).await;
    let watch = Watch::start(&fixture.server);
    let mut attackers = long_clients(&fixture);
    let connections = attackers.len();
    attackers.until_established().await;
    let beside = small_clients(&fixture, application).await;
    let has_ended = attackers.end().await;
    let share = beside.accepted() * 100 / baseline.accepted().max(1);
    println!(
        "{name}: small requests without long ones {baseline:?}; beside long ones {beside:?}: {share} %"
    );
    let measurement = watch.finish(name, connections, [beside, Outcomes::default()], has_ended);
    measurement.print();
    fixture.server.process.assert_no_panic();
    fixture.server.assert_idle().await;
    measurement.assert_bounded(MAX_REJECTED_PERCENT);
    if crate::is_strict() {
        assert!(
            share >= MIN_THROUGHPUT_PERCENT,
            "{share} % of the throughput of small clients without long requests"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn small_requests_succeed_beside_long_ones_of_another_application() {
    small_beside_long("small", "1 MiB beside small requests of another application").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn small_requests_succeed_beside_long_ones_of_the_same_application() {
    small_beside_long("attacker", "1 MiB beside small requests of the same application").await;
}
