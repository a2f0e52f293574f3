//! Responses of PostgreSQL that are lost, so that a server cannot know whether its statement was committed.

use futures_util::future::join_all;

use crate::{load::Load, lossy_proxy::LossyProxy, scale, test_cluster::TestCluster};

const LOSSES: u64 = 100;
const SERVERS: usize = 2;

async fn cluster_behind_a_lossy_proxy() -> (TestCluster, LossyProxy) {
    let mut cluster = TestCluster::start(0, &[]).await;
    let proxy = LossyProxy::start(&cluster.folder().join("proxy"), cluster.database.socket());
    for _ in 0..SERVERS {
        cluster.add_server(&[("DATABASE_URL", cluster.database.url_by(proxy.folder()))]);
    }
    (cluster, proxy)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_report_whose_commit_result_is_lost_is_stored_once_and_answered_with_its_effect() {
    let (cluster, proxy) = cluster_behind_a_lossy_proxy().await;
    let load = Load::start(&cluster).await;
    for _ in 0..LOSSES * scale() {
        proxy.lose_next_response();
        load.acknowledged(5).await;
    }
    load.acknowledged(100).await;
    load.finish().await;
    cluster.assert_recovered().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_creation_whose_commit_result_is_lost_creates_one_run() {
    let (cluster, proxy) = cluster_behind_a_lossy_proxy().await;
    let flow = cluster.flow().await;
    for _ in 0..LOSSES * scale() {
        proxy.lose_next_response();
        // The server makes the id, so that a second attempt under another one would be a second run.
        join_all((0..4).map(|_| cluster.run(&flow))).await;
    }
    let runs = sqlx::query_scalar("SELECT count(*) FROM runs");
    let runs: i64 = runs.fetch_one(&mut cluster.database.admin().await).await.unwrap();
    assert_eq!(u64::try_from(runs).unwrap(), 4 * LOSSES * scale());
    cluster.assert_recovered().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_change_of_a_flow_is_made_once_and_answered() {
    let (cluster, proxy) = cluster_behind_a_lossy_proxy().await;
    let mut kept = 0;
    for round in 0..LOSSES * scale() {
        proxy.lose_next_response();
        let flow = cluster.flow().await;
        proxy.lose_next_response();
        let changed = cluster.send("PATCH", &flow, r#"{"displayName":"Changed"}"#).await;
        assert_eq!(changed.status, 200, "{}", changed.text);
        assert_eq!(changed.json["displayName"], "Changed");
        if round % 2 == 0 {
            kept += 1;
            continue;
        }
        proxy.lose_next_response();
        let deleted = cluster.send("DELETE", &flow, "").await;
        assert_eq!(deleted.status, 204, "{}", deleted.text);
    }
    let flows = sqlx::query_scalar("SELECT count(*) FROM flows WHERE version = 2");
    let flows: i64 = flows.fetch_one(&mut cluster.database.admin().await).await.unwrap();
    assert_eq!(flows, kept);
    cluster.assert_recovered().await;
}
