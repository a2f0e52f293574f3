//! Requests that are cut off: clients hang up in the middle of a request or while it is carried out, or a deadline
//! passes.

use std::time::{Duration, Instant};

use fastrand::Rng;
use flowruns_testing::fixtures::fresh_uuid;
use futures_util::future::join_all;
use serde_json::json;

use crate::{
    marks::committed,
    raw::{Request, answer, hang_up},
    scale,
    site::Site,
};

const CLIENTS: usize = 16;
/// Of each client.
const REQUESTS: u64 = 250;
/// Of each client, to learn how long an answer takes.
const REQUESTS_TO_LEARN: u64 = 20;
const HOT_RUNS: usize = 3;

/// What a request was about.
#[derive(Clone, Copy, Debug)]
enum Subject {
    /// A report on a hot run, with this mark.
    Report { run: usize, mark: u64 },
    /// A new run of this id.
    Creation(uuid::Uuid),
}

/// A request, and how it went.
struct Sent {
    subject: Subject,
    /// None when the client hung up.
    status: Option<u16>,
    took: Duration,
}

/// Whether clients wait for their answers.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Manners {
    Waits,
    HangsUp,
}

struct Client {
    name: String,
    random: Rng,
    address: String,
    token: String,
    flow: String,
    hot: Vec<String>,
    /// How long the last answer took.
    usual: Duration,
}

impl Client {
    async fn send_all(mut self, manners: Manners, requests: u64) -> (String, Vec<Sent>) {
        let mut sent = Vec::new();
        for mark in 1..=requests {
            let subject = self.choose(mark);
            let request = self.request(subject).to_bytes();
            let begun = Instant::now();
            let status = match manners {
                Manners::HangsUp if mark > 1 => self.send_and_perhaps_hang_up(&request).await,
                _ => Some(answer(&self.address, &request).await),
            };
            let took = begun.elapsed();
            if status.is_some() {
                self.usual = took;
            }
            sent.push(Sent {
                subject,
                status,
                took,
            });
        }
        (self.name, sent)
    }

    async fn send_and_perhaps_hang_up(&mut self, request: &[u8]) -> Option<u16> {
        match self.random.u8(0..4) {
            0 => {
                let length = self.random.usize(0..request.len());
                hang_up(&self.address, &request[..length], Duration::ZERO).await;
                None
            }
            1 | 2 => {
                let after = self.usual.mul_f64(2.0 * self.random.f64());
                hang_up(&self.address, request, after).await;
                None
            }
            _ => Some(answer(&self.address, request).await),
        }
    }

    fn choose(&mut self, mark: u64) -> Subject {
        let run = self.random.usize(0..HOT_RUNS + 1);
        if run < HOT_RUNS {
            Subject::Report { run, mark }
        } else {
            Subject::Creation(fresh_uuid())
        }
    }

    fn request(&self, subject: Subject) -> Request<'_> {
        let (method, path, body) = match subject {
            Subject::Report { run, mark } => {
                let body = json!({"statistics": {&self.name: mark}});
                ("PATCH", self.hot[run].clone(), body)
            }
            Subject::Creation(id) => {
                let body = json!({"id": id.to_string(), "displayName": "Cold"});
                ("POST", format!("{}/runs", self.flow), body)
            }
        };
        let (token, body) = (self.token.as_str(), body.to_string());
        Request {
            method,
            path,
            token,
            body,
        }
    }
}

/// Sends everything to the last server, and reads from the first what has become of it.
async fn send_and_tally(site: &Site, manners: Manners, requests: u64) -> Tally {
    let flow = site.flow().await;
    let mut hot = Vec::new();
    for _ in 0..HOT_RUNS {
        hot.push(site.run(&flow).await);
    }
    let clients = (0..CLIENTS).map(|client| {
        let client = Client {
            name: format!("c{client}"),
            random: Rng::with_seed(client as u64),
            address: site.services.last().unwrap().address().to_owned(),
            token: site.token.clone(),
            flow: flow.clone(),
            hot: hot.clone(),
            usual: Duration::ZERO,
        };
        tokio::spawn(client.send_all(manners, requests))
    });
    let clients = join_all(clients).await;
    site.assert_quiet().await;
    let mut stored = Vec::new();
    for run in &hot {
        stored.push(committed(&site.history(run).await));
    }
    let mut tally = Tally::default();
    for client in clients {
        let (name, sent) = client.unwrap();
        for sent in sent {
            let times = match sent.subject {
                Subject::Report { run, mark } => {
                    let marks = stored[run].get(&name).into_iter().flatten();
                    marks.filter(|stored| **stored == mark).count()
                }
                Subject::Creation(id) => site.entries(&format!("{flow}/runs/{id}")).await,
            };
            tally.count(&sent, times);
        }
    }
    tally
}

/// What became of the requests.
#[derive(Default)]
struct Tally {
    acknowledged: usize,
    cut_off_and_kept: usize,
    cut_off_and_lost: usize,
    /// How long each answer took.
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
            other => panic!("a subject, its answer, and how often it is there: {other:?}"),
        }
    }

    fn usual_duration(&mut self) -> Duration {
        let middle = self.took.len() / 2;
        *self.took.select_nth_unstable(middle).1
    }

    /// Otherwise the moments were not the ones that matter.
    fn assert_both_answered_and_cut_off(&self) {
        assert!(self.acknowledged > 0, "nothing was answered");
        assert!(self.cut_off_and_kept > 0, "nothing was cut off under way");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_that_clients_cut_off_are_there_once_or_not_at_all_and_leave_no_transaction() {
    let site = Site::start(1, &[]).await;
    let tally = send_and_tally(&site, Manners::HangsUp, REQUESTS * scale()).await;
    tally.assert_both_answered_and_cut_off();
    assert!(tally.cut_off_and_lost > 0, "nothing was cut off early");
    site.assert_recovered().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_whose_deadline_passes_are_there_once_or_not_at_all_and_leave_no_transaction() {
    let mut site = Site::start(1, &[]).await;
    let mut learnt = send_and_tally(&site, Manners::Waits, REQUESTS_TO_LEARN).await;
    // So about half of the requests come too late.
    let deadline = learnt.usual_duration().as_millis().max(1).to_string();
    site.add_server(&[("FLOWRUNS_HTTP__REQUEST_TIMEOUT_MS", deadline)]);
    let tally = send_and_tally(&site, Manners::Waits, REQUESTS * scale()).await;
    // What had arrived whole when its deadline passed is written all the same.
    tally.assert_both_answered_and_cut_off();
}
