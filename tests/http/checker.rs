//! Concurrent clients on real sockets; the checker compares every guarantee with the stored rows.

use std::sync::Arc;

use flowruns_checker::{HttpTarget, Length, LoadPlan, Stored, Summary, Target, check, run_load};
use flowruns_testing::fixtures::time;

use crate::app::App;

/// A load on servers of one database whose clocks show these times.
async fn checked(clocks: &[&str], plan: &LoadPlan) -> Summary {
    let app = App::start().await;
    let flow = app.flow().await.parse().unwrap();
    let mut targets: Vec<Arc<dyn Target>> = Vec::new();
    for now in clocks {
        let url = app.beside(time(now)).await.serve().await;
        let target = HttpTarget::new(&url, app.bearer_token(), flow).unwrap();
        targets.push(Arc::new(target));
    }
    let record = run_load(&targets, plan).await.unwrap();
    let stored = Stored::read(&*targets[0], &record).await.unwrap();
    match check(&record, &stored) {
        Ok(summary) => summary,
        Err(violations) => panic!("{} violations, the first: {}", violations.len(), violations[0]),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_server_keeps_its_guarantees_under_load() {
    let plan = LoadPlan { length: Length::Operations(60), ..LoadPlan::default() };
    let summary = checked(&["2026-03-02T10:00:00Z"], &plan).await;
    assert!(summary.changed > 100 && summary.rejected.len() > 8, "{summary}");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_servers_that_share_a_hot_run_keep_their_guarantees() {
    let plan = LoadPlan {
        hot_runs: 1,
        runs: 3,
        length: Length::Operations(60),
        seed: 2,
        ..LoadPlan::default()
    };
    let clocks = ["2026-03-02T10:00:00Z", "2026-03-02T09:00:00Z"];
    let summary = checked(&clocks, &plan).await;
    assert!(summary.changed > 100, "{summary}");
}
