//! An older backup of PostgreSQL that is restored while the servers run. What was acknowledged after the backup is lost, as it must
//! be; everything later is decided on the restored rows, although servers have cached later ones.

use std::{
    collections::HashSet,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU8, Ordering},
    },
    time::Duration,
};

use flowruns_testing::harness::ApiClient;
use serde_json::{Map, Value, json};
use tokio::{sync::watch, task::JoinHandle, time::timeout};

use crate::{scale, test_cluster::TestCluster};

const CLIENTS: usize = 8;
const RUNS: usize = 3;
const SERVERS: usize = 2;
/// Far longer than any outage lasts.
const LIMIT: Duration = Duration::from_secs(120);

/// Sends a report that sets one member of the statistics, and returns the statistics of the response.
async fn report(client: &ApiClient, run: &str, member: &str, value: u64) -> Value {
    let response = client.send("PATCH", run, body(member, value)).await;
    assert_eq!(response.status, 200, "{}", response.text);
    response.json["statistics"].clone()
}

fn body(member: &str, value: u64) -> String {
    json!({"statistics": {member: value}}).to_string()
}

/// The statistics of a response as they were sent.
fn members(statistics: &Value) -> Value {
    let members = statistics.as_object().unwrap().iter().filter(|(name, _)| !name.starts_with('@'));
    members.map(|(name, value)| (name.clone(), value.clone())).collect()
}

fn clients(cluster: &TestCluster) -> Vec<ApiClient> {
    let servers = cluster.servers.iter();
    servers.map(|server| ApiClient::new(&server.url(""), &cluster.token)).collect()
}

/// Checks that the versions of a run have no gap, that each entry continues the one before, and that the run is as its history
/// says. Returns the values that the history gives to members of the statistics.
async fn check_history(cluster: &TestCluster, run: &str) -> HashSet<(String, u64)> {
    let history = cluster.history(run).await;
    let mut current = Map::new();
    let mut reported = HashSet::new();
    for (entry, version) in history.iter().zip(1..) {
        assert_eq!(entry["version"], version, "{history:#?}");
        for change in entry["changes"].as_array().unwrap() {
            let property = change["property"].as_str().unwrap().to_owned();
            let before = current.get(&property).unwrap_or(&Value::Null);
            assert_eq!(&change["before"], before, "version {version}: {history:#?}");
            if let (Some(member), Some(value)) =
                (property.strip_prefix("statistics/"), change["after"].as_u64())
            {
                reported.insert((member.to_owned(), value));
            }
            current.insert(property, change["after"].clone());
        }
    }
    let stored = cluster.send("GET", run, "").await;
    assert_eq!(stored.status, 200, "{}", stored.text);
    let statistics = current.iter().filter_map(|(property, value)| {
        Some((property.strip_prefix("statistics/")?.to_owned(), value.clone()))
    });
    assert_eq!(members(&stored.json["statistics"]), statistics.collect::<Value>());
    reported
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_restore_a_report_is_decided_on_the_restored_row_and_not_on_a_cached_one() {
    let mut cluster = TestCluster::start(SERVERS, &[]).await;
    let flow = cluster.flow().await;
    let (run, another) = (cluster.run(&flow).await, cluster.run(&flow).await);
    let servers = clients(&cluster);
    report(&servers[0], &run, "kept", 1).await;
    cluster.database.back_up().await;
    for value in 1..=2 {
        report(&servers[0], &run, "lost", value).await;
    }
    cluster.database.restore().await;
    // The other server writes other content under the versions that the first one has cached.
    for value in 1..=2 {
        report(&servers[1], &run, "other", value).await;
    }
    // The first server opens new sessions for this report. The next one must not be decided on what was cached before.
    report(&servers[0], &another, "meanwhile", 1).await;
    let after = report(&servers[0], &run, "after", 1).await;
    assert_eq!(members(&after), json!({"kept": 1, "other": 2, "after": 1}));
    let reported = check_history(&cluster, &run).await;
    assert!(reported.iter().all(|(member, _)| member != "lost"), "{reported:?}");
    assert_eq!(cluster.history(&run).await.len(), 5);
    cluster.assert_recovered().await;
}

/// The part of the test in which something happened.
const BEFORE_BACKUP: u8 = 0;
const TO_BE_LOST: u8 = 1;
const AFTER_RESTORE: u8 = 2;

/// An acknowledged report.
struct Acknowledged {
    run: usize,
    value: u64,
    /// The part in which it was sent, and the one in which it was acknowledged.
    sent_in: u8,
    acknowledged_in: u8,
}

/// A client that reports until it is stopped, each time a greater value of its member.
struct Client {
    member: String,
    servers: Vec<ApiClient>,
    runs: Vec<String>,
    part: Arc<AtomicU8>,
    is_stopped: Arc<AtomicBool>,
    acknowledged: watch::Sender<u64>,
}

impl Client {
    async fn report_until_stopped(self) -> (String, Vec<Acknowledged>) {
        let mut all = Vec::new();
        for value in 1.. {
            if self.is_stopped.load(Ordering::SeqCst) {
                break;
            }
            let number = value as usize;
            let (run, server) = (number % self.runs.len(), &self.servers[number % SERVERS]);
            let sent_in = self.part.load(Ordering::SeqCst);
            let response = server.send("PATCH", &self.runs[run], body(&self.member, value)).await;
            let acknowledged_in = self.part.load(Ordering::SeqCst);
            // While PostgreSQL is away the outcome is unknown, or the report was not carried out.
            if response.status != 503 {
                assert_eq!(response.status, 200, "{}", response.text);
                assert_eq!(response.json["statistics"][&self.member], value, "{}", response.text);
                all.push(Acknowledged { run, value, sent_in, acknowledged_in });
                self.acknowledged.send_modify(|count| *count += 1);
            }
        }
        (self.member, all)
    }
}

/// Clients that report at the same time on a few runs.
struct Reports {
    runs: Vec<String>,
    part: Arc<AtomicU8>,
    is_stopped: Arc<AtomicBool>,
    acknowledged: watch::Sender<u64>,
    clients: Vec<JoinHandle<(String, Vec<Acknowledged>)>>,
}

impl Reports {
    async fn start(cluster: &TestCluster) -> Self {
        let flow = cluster.flow().await;
        let mut runs = Vec::new();
        for _ in 0..RUNS {
            runs.push(cluster.run(&flow).await);
        }
        let mut reports = Self {
            runs,
            part: Arc::new(AtomicU8::new(BEFORE_BACKUP)),
            is_stopped: Arc::default(),
            acknowledged: watch::Sender::new(0),
            clients: Vec::new(),
        };
        for number in 0..CLIENTS {
            let client = Client {
                member: format!("client{number}"),
                servers: clients(cluster),
                runs: reports.runs.clone(),
                part: Arc::clone(&reports.part),
                is_stopped: Arc::clone(&reports.is_stopped),
                acknowledged: reports.acknowledged.clone(),
            };
            reports.clients.push(tokio::spawn(client.report_until_stopped()));
        }
        reports
    }

    /// Waits until this number of further reports was acknowledged.
    async fn acknowledged(&self, more: u64) {
        let goal = *self.acknowledged.borrow() + more;
        let mut count = self.acknowledged.subscribe();
        let waited = timeout(LIMIT, count.wait_for(|count| *count >= goal)).await;
        assert!(waited.is_ok(), "the clients make no progress");
    }

    fn enter(&self, part: u8) {
        self.part.store(part, Ordering::SeqCst);
    }

    /// Stops the clients, and checks every run. Returns how many acknowledged reports are not in a history.
    async fn finish(self, cluster: &TestCluster) -> usize {
        self.is_stopped.store(true, Ordering::SeqCst);
        let mut histories = Vec::new();
        let mut results = Vec::new();
        for client in self.clients {
            results.push(client.await.unwrap());
        }
        for run in &self.runs {
            histories.push(check_history(cluster, run).await);
        }
        let mut lost = 0;
        for (member, reports) in results {
            for Acknowledged { run, value, sent_in, acknowledged_in } in reports {
                let is_stored = histories[run].contains(&(member.clone(), value));
                let must_be_stored = acknowledged_in == BEFORE_BACKUP || sent_in == AFTER_RESTORE;
                assert!(is_stored || !must_be_stored, "{member}: {value} is not stored");
                lost += usize::from(!is_stored);
            }
        }
        lost
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reports_that_arrive_during_a_restore_leave_no_gap_and_no_run_that_contradicts_its_history()
{
    for _ in 0..scale() {
        let mut cluster = TestCluster::start(SERVERS, &[]).await;
        let reports = Reports::start(&cluster).await;
        reports.acknowledged(100).await;
        reports.enter(TO_BE_LOST);
        cluster.database.back_up().await;
        reports.acknowledged(100).await;
        cluster.database.restore().await;
        reports.enter(AFTER_RESTORE);
        reports.acknowledged(200).await;
        let lost = reports.finish(&cluster).await;
        assert!(lost > 0, "the backup held everything");
        cluster.assert_recovered().await;
    }
}
