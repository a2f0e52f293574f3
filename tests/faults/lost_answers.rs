//! Answers of PostgreSQL that are lost, so that a server cannot know whether its report was committed.

use crate::{lossy_proxy::LossyProxy, scale, site::Site, storm::Load};

const LOSSES: u64 = 150;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_report_whose_commit_is_not_heard_of_is_there_once_and_answered_as_what_it_did() {
    let mut site = Site::start(0, &[]).await;
    let proxy = LossyProxy::start(site.folder().join("proxy"), site.database.socket());
    for _ in 0..2 {
        site.add_server(&[("DATABASE_URL", site.database.url_by(proxy.folder()))]);
    }
    let load = Load::start(&site).await;
    for _ in 0..LOSSES * scale() {
        proxy.lose_an_answer();
        load.acknowledged(5).await;
    }
    load.finish().await;
    site.assert_recovered().await;
}
