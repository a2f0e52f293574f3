//! Answers of PostgreSQL that are lost, so that a server cannot know whether its statement was committed.

use futures_util::future::join_all;

use crate::{lossy_proxy::LossyProxy, scale, site::Site, storm::Load};

const LOSSES: u64 = 100;
const SERVERS: usize = 2;

async fn site_behind_a_lossy_proxy() -> (Site, LossyProxy) {
    let mut site = Site::start(0, &[]).await;
    let proxy = LossyProxy::start(&site.folder().join("proxy"), site.database.socket());
    for _ in 0..SERVERS {
        site.add_server(&[("DATABASE_URL", site.database.url_by(proxy.folder()))]);
    }
    (site, proxy)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_report_whose_commit_is_not_heard_of_is_there_once_and_answered_as_what_it_did() {
    let (site, proxy) = site_behind_a_lossy_proxy().await;
    let load = Load::start(&site).await;
    for _ in 0..LOSSES * scale() {
        proxy.lose_an_answer();
        load.acknowledged(5).await;
    }
    load.acknowledged(100).await;
    load.finish().await;
    site.assert_recovered().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_creation_whose_commit_is_not_heard_of_makes_one_run() {
    let (site, proxy) = site_behind_a_lossy_proxy().await;
    let flow = site.flow().await;
    for _ in 0..LOSSES * scale() {
        proxy.lose_an_answer();
        // The server makes the id, so that a second attempt under another one would be a second run.
        join_all((0..4).map(|_| site.run(&flow))).await;
    }
    let runs = sqlx::query_scalar("SELECT count(*) FROM runs");
    let runs: i64 = runs
        .fetch_one(&mut site.database.admin().await)
        .await
        .unwrap();
    assert_eq!(u64::try_from(runs).unwrap(), 4 * LOSSES * scale());
    site.assert_recovered().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_is_done_to_a_flow_is_done_once_and_told() {
    let (site, proxy) = site_behind_a_lossy_proxy().await;
    let url = site.services[0].url();
    let mut kept = 0;
    for round in 0..LOSSES * scale() {
        proxy.lose_an_answer();
        let flow = format!("{url}{}", site.flow().await);
        proxy.lose_an_answer();
        let changed = site
            .send("PATCH", &flow, r#"{"displayName":"Changed"}"#)
            .await;
        assert_eq!(changed.status, 200, "{}", changed.text);
        assert_eq!(changed.json["displayName"], "Changed");
        if round % 2 == 0 {
            kept += 1;
            continue;
        }
        proxy.lose_an_answer();
        let deleted = site.send("DELETE", &flow, "").await;
        assert_eq!(deleted.status, 204, "{}", deleted.text);
    }
    let flows = sqlx::query_scalar("SELECT count(*) FROM flows WHERE version = 2");
    let flows: i64 = flows
        .fetch_one(&mut site.database.admin().await)
        .await
        .unwrap();
    assert_eq!(flows, kept);
    site.assert_recovered().await;
}
