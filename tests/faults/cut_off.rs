//! Clients that hang up: in the middle of a request, or while it is carried out.

use std::time::Duration;

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
const REQUESTS: u64 = 250;
const HOT_RUNS: usize = 3;
/// About twice what a report takes.
const LONGEST_WAIT: Duration = Duration::from_millis(12);

/// What a request was about.
#[derive(Clone, Copy)]
enum Subject {
    /// A report on a hot run, with this mark.
    Report { run: usize, mark: u64 },
    /// A new run of this id.
    Creation(uuid::Uuid),
}

/// A request and its answer; none when the client hung up.
type Sent = (Subject, Option<u16>);

struct Client {
    name: String,
    random: Rng,
    address: String,
    token: String,
    flow: String,
    hot: Vec<String>,
}

impl Client {
    async fn send_all(mut self) -> (String, Vec<Sent>) {
        let mut sent = Vec::new();
        for mark in 1..=REQUESTS * scale() {
            let subject = self.choose(mark);
            let request = self.request(subject).to_bytes();
            let status = match self.random.u8(0..4) {
                0 => {
                    let length = self.random.usize(0..request.len());
                    hang_up(&self.address, &request[..length], Duration::ZERO).await;
                    None
                }
                1 | 2 => {
                    let wait = LONGEST_WAIT.mul_f64(self.random.f64());
                    hang_up(&self.address, &request, wait).await;
                    None
                }
                _ => Some(answer(&self.address, &request).await),
            };
            sent.push((subject, status));
        }
        (self.name, sent)
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_requests_cut_off_at_random_the_acknowledged_are_committed_once_and_no_transaction_stays()
 {
    let site = Site::start(1, &[]).await;
    let flow = site.flow().await;
    let mut hot = Vec::new();
    for _ in 0..HOT_RUNS {
        hot.push(site.run(&flow).await);
    }
    let clients = (0..CLIENTS).map(|client| {
        tokio::spawn(
            Client {
                name: format!("c{client}"),
                random: Rng::with_seed(client as u64),
                address: site.services[0].address().to_owned(),
                token: site.token.clone(),
                flow: flow.clone(),
                hot: hot.clone(),
            }
            .send_all(),
        )
    });
    let clients = join_all(clients).await;
    site.assert_recovered().await;
    let mut stored = Vec::new();
    for run in &hot {
        stored.push(committed(&site.history(run).await));
    }
    for client in clients {
        let (name, sent) = client.unwrap();
        for (subject, status) in sent {
            let (times, success) = match subject {
                Subject::Report { run, mark } => {
                    let marks = stored[run].get(&name).into_iter().flatten();
                    (marks.filter(|stored| **stored == mark).count(), 200)
                }
                Subject::Creation(id) => (site.entries(&format!("{flow}/runs/{id}")).await, 201),
            };
            match status {
                Some(status) => assert_eq!((status, times), (success, 1), "{name}"),
                None => assert!(times <= 1, "{name}: {times} times"),
            }
        }
    }
}
