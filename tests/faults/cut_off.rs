//! Requests that are cut off: clients disconnect in the middle of a request or while it is executed, or a deadline
//! passes.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use fastrand::Rng;
use flowruns_testing::{
    fixtures::fresh_uuid,
    harness::{exchange, markers_by_client, request},
};
use futures_util::future::join_all;
use serde_json::json;

use crate::{disconnect::disconnect, scale, test_cluster::TestCluster};

const CLIENTS: usize = 16;
/// Requests of each client.
const REQUESTS: u64 = 250;
/// Requests of each client that measure how long a response takes.
const REQUESTS_TO_LEARN: u64 = 20;
const HOT_RUNS: usize = 3;

/// What a request reports or creates.
#[derive(Clone, Copy, Debug)]
enum Subject {
    /// A report on a hot run, with this marker.
    Report { run: usize, marker: u64 },
    /// A new run of this id.
    Creation(uuid::Uuid),
}

/// A request and its result.
struct Sent {
    subject: Subject,
    /// None when the client disconnected.
    status: Option<u16>,
    took: Duration,
}

/// Whether clients wait for the responses.
#[derive(Clone, Copy, Eq, PartialEq)]
enum ClientBehavior {
    Waits,
    HangsUp,
}

struct Client {
    name: String,
    random: Rng,
    address: SocketAddr,
    token: String,
    flow: String,
    hot: Vec<String>,
    /// How long the last response took.
    usual: Duration,
}

impl Client {
    async fn send_all(mut self, behavior: ClientBehavior, requests: u64) -> (String, Vec<Sent>) {
        let mut sent = Vec::new();
        for marker in 1..=requests {
            let subject = self.choose(marker);
            let request = self.request(subject);
            let begun = Instant::now();
            let status = match behavior {
                ClientBehavior::HangsUp if marker > 1 => {
                    self.send_and_perhaps_disconnect(&request).await
                }
                _ => Some(self.exchange(&request).await),
            };
            let took = begun.elapsed();
            if status.is_some() {
                self.usual = took;
            }
            sent.push(Sent { subject, status, took });
        }
        (self.name, sent)
    }

    async fn send_and_perhaps_disconnect(&mut self, request: &[u8]) -> Option<u16> {
        match self.random.u8(0..4) {
            0 => {
                let length = self.random.usize(0..request.len());
                disconnect(self.address, &request[..length], Duration::ZERO).await;
                None
            }
            1 | 2 => {
                let after = self.usual.mul_f64(2.0 * self.random.f64());
                disconnect(self.address, request, after).await;
                None
            }
            _ => Some(self.exchange(request).await),
        }
    }

    async fn exchange(&self, request: &[u8]) -> u16 {
        let exchange = exchange(self.address, request, false).await.unwrap();
        exchange.status()
    }

    fn choose(&mut self, marker: u64) -> Subject {
        let run = self.random.usize(0..HOT_RUNS + 1);
        if run < HOT_RUNS {
            Subject::Report { run, marker }
        } else {
            Subject::Creation(fresh_uuid())
        }
    }

    fn request(&self, subject: Subject) -> Vec<u8> {
        let (method, path, body) = match subject {
            Subject::Report { run, marker } => {
                let body = json!({"statistics": {&self.name: marker}});
                ("PATCH", self.hot[run].clone(), body)
            }
            Subject::Creation(id) => {
                let body = json!({"id": id.to_string(), "displayName": "Cold"});
                ("POST", format!("{}/runs", self.flow), body)
            }
        };
        request(method, &path, &self.token, &body.to_string())
    }
}

/// Sends all requests to the last server, and reads from the first what is stored.
async fn send_and_tally(cluster: &TestCluster, behavior: ClientBehavior, requests: u64) -> Tally {
    let flow = cluster.flow().await;
    let mut hot = Vec::new();
    for _ in 0..HOT_RUNS {
        hot.push(cluster.run(&flow).await);
    }
    let clients = (0..CLIENTS).map(|client| {
        let client = Client {
            name: format!("c{client}"),
            random: Rng::with_seed(client as u64),
            address: cluster.servers.last().unwrap().address(),
            token: cluster.token.clone(),
            flow: flow.clone(),
            hot: hot.clone(),
            usual: Duration::ZERO,
        };
        tokio::spawn(client.send_all(behavior, requests))
    });
    let clients = join_all(clients).await;
    cluster.assert_quiet().await;
    let mut stored = Vec::new();
    for run in &hot {
        stored.push(markers_by_client(&cluster.history(run).await));
    }
    let mut tally = Tally::default();
    for client in clients {
        let (name, sent) = client.unwrap();
        for sent in sent {
            let times = match sent.subject {
                Subject::Report { run, marker } => {
                    let markers = stored[run].get(&name).into_iter().flatten();
                    markers.filter(|stored| **stored == marker).count()
                }
                Subject::Creation(id) => cluster.entries(&format!("{flow}/runs/{id}")).await,
            };
            tally.count(&sent, times);
        }
    }
    tally
}

/// The results of the requests.
#[derive(Default)]
struct Tally {
    acknowledged: usize,
    cut_off_and_kept: usize,
    cut_off_and_lost: usize,
    /// How long each response took.
    took: Vec<Duration>,
}

impl Tally {
    fn count(&mut self, sent: &Sent, times: usize) {
        match (sent.subject, sent.status, times) {
            (Subject::Report { .. }, Some(200), 1) | (Subject::Creation(_), Some(201), 1) => {
                self.acknowledged += 1;
                self.took.push(sent.took);
            }
            (_, None | Some(503), 1) => self.cut_off_and_kept += 1,
            (_, None | Some(503), 0) => self.cut_off_and_lost += 1,
            other => panic!("a subject, its status, and how often it is stored: {other:?}"),
        }
    }

    fn usual_duration(&mut self) -> Duration {
        let middle = self.took.len() / 2;
        *self.took.select_nth_unstable(middle).1
    }

    /// Otherwise the moments of the faults were not the ones that matter.
    fn assert_some_acknowledged_and_some_cut_off(&self) {
        assert!(self.acknowledged > 0, "nothing was acknowledged");
        assert!(self.cut_off_and_kept > 0, "nothing was cut off in flight");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_that_clients_cut_off_are_stored_once_or_not_at_all_and_leave_no_transaction() {
    let cluster = TestCluster::start(1, &[]).await;
    let tally = send_and_tally(&cluster, ClientBehavior::HangsUp, REQUESTS * scale()).await;
    tally.assert_some_acknowledged_and_some_cut_off();
    assert!(tally.cut_off_and_lost > 0, "nothing was cut off early");
    cluster.assert_recovered().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_whose_deadline_passes_are_stored_once_or_not_at_all_and_leave_no_transaction() {
    let mut cluster = TestCluster::start(1, &[]).await;
    let mut measured = send_and_tally(&cluster, ClientBehavior::Waits, REQUESTS_TO_LEARN).await;
    // About half of the requests miss this deadline.
    let deadline = measured.usual_duration().as_millis().max(1).to_string();
    cluster.add_server(&[("FLOWRUNS_HTTP__REQUEST_TIMEOUT_MS", deadline)]);
    let tally = send_and_tally(&cluster, ClientBehavior::Waits, REQUESTS * scale()).await;
    // A request that had arrived completely when its deadline passed is still written.
    tally.assert_some_acknowledged_and_some_cut_off();
}
