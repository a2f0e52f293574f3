//! The server under test with the demo in its database, and its pages.

use std::sync::{Arc, Weak};

use flowruns_domain::{
    clock::{Clock as _, SystemClock},
    id::{FlowKey, RunKey, TenantId},
};
use flowruns_testing::{
    demo::{self, Demo, HostileRuns},
    harness::{ServerBuilder, ServerProcess},
    scratch::ScratchDatabase,
};
use serde_json::Value;
use tokio::sync::{Mutex, OnceCell};

use crate::{FLOWRUNS, webdriver::Session};

/// The tenant of the local key.
const TENANT: &str = "f10a0000-0000-4000-8000-000000000001";
/// The path of the flows in the API.
const API_FLOWS: &str = "/industryData/incomingFlows";
const KIB: u64 = 1024;

/// A server on a database that holds the demo.
pub(crate) struct Site {
    pub(crate) server: ServerProcess,
    pub(crate) demo: Demo,
    hostile: Option<HostileRuns>,
}

/// A page, and how many bytes it may have on the wire.
pub(crate) struct Page {
    pub(crate) name: &'static str,
    pub(crate) path: String,
    pub(crate) budget: u64,
}

struct Filled {
    database: ScratchDatabase,
    demo: Demo,
    hostile: Option<HostileRuns>,
}

impl Site {
    /// The site that tests share which run at the same time; they change nothing that others see.
    pub(crate) async fn shared() -> Arc<Self> {
        static SHARED: Mutex<Weak<Site>> = Mutex::const_new(Weak::new());
        let mut shared = SHARED.lock().await;
        if let Some(site) = shared.upgrade() {
            return site;
        }
        let site = Arc::new(Self::start(FLOWRUNS.server()).await);
        *shared = Arc::downgrade(&site);
        site
    }

    /// A server of its own on the shared database.
    pub(crate) async fn start(server: ServerBuilder) -> Self {
        static FILLED: OnceCell<Filled> = OnceCell::const_new();
        let filled = FILLED.get_or_init(|| fill(true)).await;
        Self::on(filled, server)
    }

    /// A server on a database of its own, without hostile values.
    pub(crate) async fn without_hostile_values() -> Self {
        Self::on(&fill(false).await, FLOWRUNS.server())
    }

    /// Two servers of one deployment: one database, without hostile values, and one local key.
    pub(crate) async fn pair() -> [Self; 2] {
        let filled = fill(false).await;
        let first = Self::on(&filled, FLOWRUNS.server());
        let second = FLOWRUNS.server().data_folder(first.server.folder());
        let second = Self::on(&filled, second);
        [first, second]
    }

    fn on(filled: &Filled, server: ServerBuilder) -> Self {
        let server = server.env("DATABASE_URL", filled.database.service_url()).start();
        Self { server, demo: filled.demo, hostile: filled.hostile }
    }

    /// The runs with hostile values.
    pub(crate) fn hostile(&self) -> HostileRuns {
        self.hostile.unwrap()
    }

    /// The URL of a path.
    pub(crate) fn url(&self, path: &str) -> String {
        self.server.url(path)
    }

    /// Signs in with a link of the local key.
    pub(crate) async fn sign_in(&self, session: &Session) {
        sign_in(&self.server, &self.server.url(""), session).await;
    }

    /// Sends a report, as JSON.
    pub(crate) async fn report(&self, run: RunKey, report: &Value) {
        let path = run_path(run).replacen("/ui/flows", API_FLOWS, 1);
        let response = self.server.client().send("PATCH", &path, report.to_string()).await;
        assert_eq!(response.status, 200, "{}", response.text);
    }

    /// Creates a run in progress.
    pub(crate) async fn create_run(&self, flow: FlowKey) -> RunKey {
        let path = self.server.client().create_run(&format!("{API_FLOWS}/{}", flow.flow)).await;
        let (_, id) = path.rsplit_once('/').unwrap();
        flow.run(id.parse().unwrap())
    }

    /// All pages.
    pub(crate) fn pages(&self) -> Vec<Page> {
        let page = |name, path: String| Page { name, path, budget: 20 * KIB };
        let absent = flow_path(FlowKey {
            flow: self.demo.failed.run.uuid().to_string().parse().unwrap(),
            ..self.demo.failed.flow_key()
        });
        vec![
            Page { budget: 60 * KIB, ..page("overview", "/ui".to_owned()) },
            page("overview, attention", "/ui?show=attention".to_owned()),
            page("flow", flow_path(self.demo.failed.flow_key())),
            page(
                "flow, filtered",
                format!("{}?status=failed&last=50", flow_path(self.demo.failed.flow_key())),
            ),
            page("failed run", run_path(self.demo.failed)),
            page("run with warnings", run_path(self.demo.warned)),
            page("run in progress", run_path(self.demo.running)),
            page("runs", "/ui/runs".to_owned()),
            page("failed runs", "/ui/runs?status=failed&since=24h".to_owned()),
            page("timeline", "/ui/timeline".to_owned()),
            page("report", "/ui/report".to_owned()),
            page("malformed parameters", "/ui/runs?status=nonsense".to_owned()),
            page("absent flow", absent),
        ]
    }
}

/// Signs in with a link of the local key of a server, at this address of it.
pub(crate) async fn sign_in(server: &ServerProcess, address: &str, session: &Session) {
    session.open(&printed(server, &["open", "--print", "--url", address])).await;
    assert_eq!(session.location().await, format!("{}/ui", address.trim_end_matches('/')));
}

/// What a command prints that uses the local key of a server, such as `open --print` and `token`.
pub(crate) fn printed(server: &ServerProcess, arguments: &[&str]) -> String {
    let output = FLOWRUNS.command(server.folder()).args(arguments).output().unwrap();
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{message}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

pub(crate) fn flow_path(flow: FlowKey) -> String {
    format!("/ui/flows/{}", flow.flow)
}

pub(crate) fn run_path(run: RunKey) -> String {
    format!("{}/runs/{}", flow_path(run.flow_key()), run.run)
}

async fn fill(with_hostile_values: bool) -> Filled {
    let database = ScratchDatabase::create().await;
    let store = Arc::new(database.store().await);
    let (tenant, now) = (TENANT.parse::<TenantId>().unwrap(), SystemClock.now());
    let demo = demo::fill(store.clone(), tenant, now).await.unwrap();
    let hostile = match with_hostile_values {
        true => Some(demo::fill_hostile(store.clone(), tenant, now).await.unwrap()),
        false => None,
    };
    store.close().await;
    Filled { database, demo, hostile }
}
