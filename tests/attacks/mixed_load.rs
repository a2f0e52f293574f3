//! Many clients with small requests beside as many with bodies of 1 MiB.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use futures_util::future::join_all;

use crate::{
    bystander::Outcomes,
    measurement::Watch,
    scene::Scene,
    server::{Role, send},
    swarm::Swarm,
    turn,
    wire::{exchange, request},
};

const CLIENTS: usize = 48;
const LONG_BYTES: usize = 1024 * 1023;
/// How long each of the two loads lasts.
const LOAD: Duration = Duration::from_secs(4);
/// Small requests beside long ones that may be refused, in percent.
const MOST_REFUSED: usize = 5;
/// Of what the small clients get alone they get this much beside the long ones, in percent; asserted where
/// `FLOWRUNS_ATTACKS_STRICT` is set.
const LEAST_SHARE: usize = 50;

/// Clients with small requests, each on a connection that it keeps, until it is over.
async fn small_clients(scene: &Scene, application: &str) -> Outcomes {
    let tenant = crate::scene::ATTACKING_TENANT;
    let token = scene.server.token(tenant, application, Role::Write);
    let is_over = Arc::new(AtomicBool::new(false));
    let clients: Vec<_> = (0..CLIENTS * crate::scale())
        .map(|_| {
            let (http, token) = (scene.http.clone(), token.clone());
            let (run, is_over) = (scene.server.url(&scene.run), Arc::clone(&is_over));
            tokio::spawn(async move {
                let mut outcomes = Outcomes::default();
                let mut rows = 0_u64;
                while !is_over.load(Relaxed) {
                    rows += 1;
                    let body = format!(r#"{{"statistics":{{"rows":{rows}}}}}"#);
                    let response = send(&http, "PATCH", &run, &token, body).await;
                    outcomes.count("PATCH", &response, 200);
                    let response = send(&http, "GET", &run, &token, "").await;
                    outcomes.count("GET", &response, 200);
                }
                outcomes
            })
        })
        .collect();
    // The time is the measure: what is compared is how much is done in it.
    tokio::time::sleep(LOAD * u32::try_from(crate::scale()).unwrap()).await;
    is_over.store(true, Relaxed);
    let mut all = Outcomes::default();
    for outcomes in join_all(clients).await {
        all.add(outcomes.unwrap());
    }
    all
}

/// Clients with reports of 1 MiB, most of which is an annotation that nobody keeps.
fn long_clients(scene: &Scene) -> Swarm {
    let note = "x".repeat(LONG_BYTES);
    let body = format!(r#"{{"@note":"{note}","statistics":{{"files":1}}}}"#);
    let request = Arc::new(request("PATCH", &scene.run, &scene.writer, &body));
    let address = scene.server.address;
    Swarm::start(CLIENTS * crate::scale(), move |session| {
        let request = Arc::clone(&request);
        async move {
            session.is_established();
            let _accepted_or_refused = exchange(address, &request).await;
        }
    })
}

#[expect(clippy::print_stdout, reason = "it prints what it measured")]
async fn small_beside_long(application: &str, name: &'static str) {
    let _turn = turn().await;
    let scene = Scene::start(&[]).await;
    let alone = small_clients(&scene, application).await;
    let watch = Watch::start(&scene.server);
    let mut swarm = long_clients(&scene);
    let connections = swarm.len();
    swarm.until_established().await;
    let beside = small_clients(&scene, application).await;
    let has_ended = swarm.end().await;
    let share = beside.accepted() * 100 / alone.accepted().max(1);
    println!("{name}: small requests alone {alone:?}; beside long ones {beside:?}: {share} %");
    let measurement = watch.finish(name, connections, [beside, Outcomes::default()], has_ended);
    measurement.print();
    scene.server.assert_no_panic();
    scene.server.assert_idle().await;
    measurement.assert_bounded(MOST_REFUSED);
    if crate::is_strict() {
        assert!(
            share >= LEAST_SHARE,
            "{share} % of what small clients get alone"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn small_requests_get_through_beside_long_ones_of_another_application() {
    small_beside_long(
        "small",
        "1 MiB beside small requests of another application",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn small_requests_get_through_beside_long_ones_of_the_same_application() {
    small_beside_long(
        "attacker",
        "1 MiB beside small requests of the same application",
    )
    .await;
}
