//! The database that scratch databases are copied from.

use flowruns_domain::clock::{Clock as _, SystemClock};
use flowruns_persistence::migrate;
use sqlx::postgres::PgConnectOptions;

use super::ScratchCluster;

pub(super) const NAME: &str = "flowruns_template";

pub(super) async fn create(cluster: &ScratchCluster) {
    let owner = ScratchCluster::OWNER;
    for role in [owner, ScratchCluster::SERVICE, ScratchCluster::READER] {
        cluster.administer(format!("CREATE ROLE {role} LOGIN")).await;
    }
    let created = format!("CREATE DATABASE {NAME} OWNER {owner}");
    cluster.administer(created).await;
    apply(&cluster.options(NAME, owner)).await;
    // A template can be copied only while it has no connections.
    let closed = format!("ALTER DATABASE {NAME} IS_TEMPLATE true ALLOW_CONNECTIONS false");
    cluster.administer(closed).await;
}

async fn apply(owner: &PgConnectOptions) {
    migrate::up(owner, SystemClock.now()).await.expect("the migrations apply");
    migrate::grant(owner).await.expect("the grants apply");
}
