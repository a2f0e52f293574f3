//! How many statements a page sends to PostgreSQL. They are counted in the log of the server, so that those count too that a
//! driver adds, such as BEGIN.

use std::sync::Arc;

use axum::http::StatusCode;
use flowruns_domain::{
    flow::Flow,
    id::{FlowKey, RunKey},
    run::{NewRun, Outcome, RunStatus},
    store::Store,
};
use flowruns_http::Limits;
use flowruns_testing::{
    MemoryStore,
    fixtures::{self, error_patch, object, time},
    scratch::{ScratchDatabase, StatementLog},
};
use serde_json::Value;

use crate::harness::Site;

/// The most statements of a page.
const MOST: usize = 7;

/// Pages on PostgreSQL.
struct Pages {
    site: Site,
    store: Arc<dyn Store>,
    log: StatementLog,
}

impl Pages {
    async fn new() -> Self {
        let (store, log) = ScratchDatabase::create().await.logged_store().await;
        let store: Arc<dyn Store> = Arc::new(store);
        let site =
            Site::on(Arc::new(MemoryStore::default()), Arc::clone(&store), Limits::default());
        Self { site, store, log }
    }

    async fn flow(&self, name: &str) -> FlowKey {
        let mut flow: Flow = fixtures::fresh_flow(self.site.tenant);
        flow.properties.display_name = fixtures::name(name);
        let key = flow.key;
        self.store.create_flow(flow).await.expect("a flow");
        key
    }

    /// Runs of a flow, an hour apart, the newest of them in progress.
    async fn runs(&self, flow: FlowKey, count: u64, outcome: impl Fn(u64) -> Outcome) {
        for number in 1..=count {
            let hour = number - 1;
            let at = |minute: u64| {
                time(&format!("2026-11-{:02}T{:02}:{minute:02}:00Z", 10 + hour / 24, hour % 24))
            };
            let ended = Some(outcome(number)).filter(|_| number < count);
            let failed = ended.is_some_and(|outcome| outcome == Outcome::Failed);
            let new = NewRun {
                start: Some(at(0)),
                end: ended.map(|_| at(30)),
                status: ended.map_or(RunStatus::Running, RunStatus::Ended),
                statistics: object(&format!(r#"{{"rows":{number},"records":{{"read":2}}}}"#)),
                blocking_error: failed.then(|| error_patch(r#"{"code":"c","message":"m"}"#)),
                ..fixtures::new_run()
            };
            let change = new.create(fixtures::run_key(flow, number), &fixtures::origin_at(at(0)));
            self.store.create_run(change.expect("a valid run")).await.expect("a run");
        }
    }

    /// The statements of an address that has this status, and its response as JSON if it is JSON.
    async fn statements(&mut self, address: &str, status: StatusCode) -> (Vec<String>, Value) {
        self.log.take();
        let shown = self.site.get(address).await;
        assert_eq!(shown.status, status, "{address}: {}", shown.body);
        let json = serde_json::from_str(&shown.body).unwrap_or_default();
        (self.log.take(), json)
    }

    /// Checks a page and the same as JSON, which it returns.
    async fn check(&mut self, address: &str) -> Value {
        let (of_page, _) = self.statements(address, StatusCode::OK).await;
        let (path, query) = address.split_once('?').unwrap_or((address, ""));
        let (of_json, json) =
            self.statements(&format!("{path}.json?{query}"), StatusCode::OK).await;
        for statements in [&of_page, &of_json] {
            check_count(address, statements);
        }
        json
    }

    /// Checks a list and its next page.
    async fn check_both_pages(&mut self, address: &str) {
        let json = self.check(address).await;
        let next = json["next"].as_str().unwrap_or_else(|| panic!("{address} has no next page"));
        self.check(&next.replacen(".json?", "?", 1)).await;
    }
}

fn check_count(address: &str, statements: &[String]) {
    assert!(!statements.is_empty(), "{address}: no statement is in the log");
    let sent = statements.join("\n");
    assert!(statements.len() <= MOST, "{address}: {} statements\n{sent}", statements.len());
}

/// Of the newest 200 runs none completed, so that the last good one is sought among the others.
fn mostly_failed(number: u64) -> Outcome {
    if number < 20 { Outcome::Completed } else { Outcome::Failed }
}

#[tokio::test]
async fn the_pages_of_a_flow_and_of_its_runs_take_at_most_seven_statements() {
    let mut pages = Pages::new().await;
    let flow = pages.flow("Rosters").await;
    pages.runs(flow, 260, mostly_failed).await;
    let path = format!("/ui/flows/{}", flow.flow);
    pages.check(&path).await;
    pages.check(&format!("{path}?chart=rows")).await;
    for query in [
        "last=200&status=failed",
        "last=200&status=failed,running&from=2026-11-01T00:00:00Z&to=2026-12-01T00:00:00Z",
        "last=200&order=oldest",
        "last=200&order=ended",
        "last=200&order=ended&status=failed,completed",
        "last=200&order=name&name=N",
    ] {
        pages.check_both_pages(&format!("{path}?{query}")).await;
    }
    pages.check(&format!("{path}?status=completedWithWarnings&order=ended")).await;

    let run = |number| fixtures::run_key(flow, number);
    let address = |key: RunKey| format!("{path}/runs/{}", key.run);
    let oldest = run(1).run;
    for number in [1, 100, 259, 260] {
        pages.check(&address(run(number))).await;
    }
    let newest = address(run(259));
    let against_oldest = format!("against={oldest}&only=differences&history=1");
    for query in
        ["against=before", "against=completed", "history=1", "history=from-1", &against_oldest]
    {
        pages.check(&format!("{newest}?{query}")).await;
    }
}

#[tokio::test]
async fn the_pages_of_all_flows_take_at_most_seven_statements() {
    // With more than 200 flows the overview does not read all of them.
    for flows in [30, 230] {
        let mut pages = Pages::new().await;
        for number in 0..flows {
            let flow = pages.flow(&format!("Flow {number:03}")).await;
            if number < 60 {
                pages.runs(flow, 3, |_| Outcome::Failed).await;
            }
        }
        pages.check_both_pages("/ui").await;
        pages.check_both_pages("/ui?show=running&size=10").await;
        for query in [
            "show=attention",
            "show=late",
            "show=stale",
            "name=Flow%2000",
            "name=flow&size=10&show=running",
        ] {
            pages.check(&format!("/ui?{query}")).await;
        }
        for query in [
            "",
            "?status=failed",
            "?status=failed,running&from=2026-11-01T00:00:00Z&to=2026-12-01T00:00:00Z",
        ] {
            pages.check_both_pages(&format!("/ui/runs{query}")).await;
        }
        pages.check("/ui/runs?status=failed&since=24h").await;
        for query in ["", "?hours=72", "?hours=72&to=2026-11-10T12:00:00Z"] {
            pages.check_both_pages(&format!("/ui/timeline{query}")).await;
        }
        for (address, status) in [
            ("/ui/report", StatusCode::OK),
            ("/ui/go?q=Flow%20001", StatusCode::SEE_OTHER),
            ("/ui/go?q=0197f3a0-5c1e-7c3a-9d53-2f3a1b6c7d8e", StatusCode::NOT_FOUND),
        ] {
            let (statements, _) = pages.statements(address, status).await;
            check_count(address, &statements);
        }
    }
}
