//! kill -9 of a server in the middle of a storm.

use crate::{scale, site::Site, storm::Load};

const ROUNDS: u64 = 3;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_killed_again_and_again_loses_nothing_that_it_acknowledged() {
    let mut site = Site::start(1, &[]).await;
    let load = Load::start(&site).await;
    for _ in 0..ROUNDS * scale() {
        load.acknowledged(100).await;
        site.services[0].kill();
        load.unknown(8).await;
        site.restart(0);
    }
    load.acknowledged(100).await;
    load.finish().await;
    site.assert_recovered().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_servers_on_hot_runs_one_is_killed_while_the_other_goes_on() {
    let mut site = Site::start(2, &[]).await;
    let load = Load::start(&site).await;
    for round in 0..ROUNDS * scale() {
        let victim = (round % 2) as usize;
        load.acknowledged(100).await;
        site.services[victim].kill();
        // By now all of them are the other's.
        load.acknowledged(100).await;
        site.restart(victim);
    }
    load.acknowledged(100).await;
    load.finish().await;
    site.assert_recovered().await;
}
