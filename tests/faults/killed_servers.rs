//! kill -9 of a server under load.

use crate::{load::Load, scale, test_cluster::TestCluster};

const ROUNDS: u64 = 3;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_killed_again_and_again_loses_nothing_that_it_acknowledged() {
    let mut cluster = TestCluster::start(1, &[]).await;
    let load = Load::start(&cluster).await;
    for _ in 0..ROUNDS * scale() {
        load.acknowledged(100).await;
        cluster.servers[0].kill();
        load.unknown(8).await;
        cluster.servers[0].restart();
    }
    load.acknowledged(100).await;
    load.finish().await;
    cluster.assert_recovered().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_servers_on_hot_runs_one_is_killed_while_the_other_continues() {
    let mut cluster = TestCluster::start(2, &[]).await;
    let load = Load::start(&cluster).await;
    for round in 0..ROUNDS * scale() {
        let victim = (round % 2) as usize;
        load.acknowledged(100).await;
        cluster.servers[victim].kill();
        // The other server acknowledges all of these.
        load.acknowledged(100).await;
        cluster.servers[victim].restart();
    }
    load.acknowledged(100).await;
    load.finish().await;
    cluster.assert_recovered().await;
}
