//! A placeholder load until the checker is there.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use serde_json::{Value, json};
use tokio::{sync::watch, task::JoinHandle};

use crate::{marks::committed, site::Site};

const RUNS: usize = 3;
/// Far longer than any fault lasts: a test that hangs fails instead.
const PATIENCE: Duration = Duration::from_secs(120);

#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    acknowledged: u64,
    unknown: u64,
}

pub(crate) struct Load {
    counts: watch::Sender<Counts>,
    stop: watch::Sender<bool>,
    runs: Arc<Vec<String>>,
    clients: Vec<JoinHandle<Vec<(usize, u64)>>>,
}

impl Load {
    pub(crate) const CLIENTS: u64 = 8;

    pub(crate) async fn start(site: &Site) -> Self {
        let flow = site.flow().await;
        let mut runs = Vec::new();
        for _ in 0..RUNS {
            runs.push(site.run(&flow).await);
        }
        let mut load = Self {
            counts: watch::channel(Counts::default()).0,
            stop: watch::channel(false).0,
            runs: Arc::new(runs),
            clients: Vec::new(),
        };
        for client in 0..Self::CLIENTS as usize {
            let root = site.services[client % site.services.len()].url();
            load.clients.push(tokio::spawn(storm(
                client,
                root,
                site.token.clone(),
                Arc::clone(&load.runs),
                load.counts.clone(),
                load.stop.subscribe(),
            )));
        }
        load
    }

    /// Waits until so many more reports were acknowledged.
    pub(crate) async fn acknowledged(&self, more: u64) {
        self.acknowledged_or_unknown(more, u64::MAX).await;
    }

    /// Waits until so many more requests ended without a certain answer.
    pub(crate) async fn unknown(&self, more: u64) {
        self.acknowledged_or_unknown(u64::MAX, more).await;
    }

    /// Waits for whichever comes first.
    pub(crate) async fn acknowledged_or_unknown(&self, acknowledged: u64, unknown: u64) {
        let before = *self.counts.borrow();
        let is_reached = |now: &Counts| {
            now.acknowledged - before.acknowledged >= acknowledged
                || now.unknown - before.unknown >= unknown
        };
        let mut counts = self.counts.subscribe();
        let waited = tokio::time::timeout(PATIENCE, counts.wait_for(is_reached)).await;
        assert!(waited.is_ok(), "the storm makes no progress: {before:?}");
    }

    pub(crate) async fn finish(self, site: &Site) {
        self.stop.send_replace(true);
        let mut acknowledged = Vec::new();
        for (client, task) in self.clients.into_iter().enumerate() {
            for (run, mark) in task.await.unwrap() {
                acknowledged.push((run, format!("c{client}"), mark));
            }
        }
        let mut stored: Vec<BTreeMap<String, Vec<u64>>> = Vec::new();
        for run in self.runs.iter() {
            stored.push(committed(&site.history(run).await));
        }
        for (run, client, mark) in &acknowledged {
            let times = stored[*run].get(client).map_or(0, |marks| {
                marks.iter().filter(|stored| *stored == mark).count()
            });
            assert_eq!(times, 1, "{client} {mark} of run {run}");
        }
        eprintln!("{} acknowledged", acknowledged.len());
    }
}

async fn storm(
    client: usize,
    root: String,
    token: String,
    runs: Arc<Vec<String>>,
    counts: watch::Sender<Counts>,
    stop: watch::Receiver<bool>,
) -> Vec<(usize, u64)> {
    let http = reqwest::Client::builder()
        .timeout(Duration::from_secs(10))
        .build()
        .unwrap();
    let mut acknowledged = Vec::new();
    for mark in 1.. {
        if *stop.borrow() {
            break;
        }
        let run = mark as usize % runs.len();
        let body: Value = json!({"statistics": {format!("c{client}"): mark}});
        let request = http
            .patch(format!("{root}{}", runs[run]))
            .bearer_auth(&token)
            .header("content-type", "application/json")
            .body(body.to_string());
        match request.send().await.map(|answer| answer.status().as_u16()) {
            Ok(200) => {
                acknowledged.push((run, mark));
                counts.send_modify(|counts| counts.acknowledged += 1);
            }
            Ok(503) | Err(_) => {
                counts.send_modify(|counts| counts.unknown += 1);
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            Ok(status) => panic!("{status}"),
        }
    }
    acknowledged
}
