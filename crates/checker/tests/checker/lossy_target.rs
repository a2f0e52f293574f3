//! A target that loses responses and reports, or delays reports.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use async_trait::async_trait;
use flowruns_checker::{Creation, Entry, Listing, Report, Seen, Target, TargetResponse};
use flowruns_domain::id::{FlowId, RunId};

/// The number of delayed reports; when there are more, the oldest is executed.
const MAX_DELAYED: usize = 3;

pub(crate) struct LossyTarget {
    inner: Arc<dyn Target>,
    turns: AtomicU64,
    late: Mutex<VecDeque<(RunId, Report)>>,
}

impl LossyTarget {
    pub(crate) fn new(inner: Arc<dyn Target>) -> Self {
        Self { inner, turns: AtomicU64::new(0), late: Mutex::default() }
    }

    fn next_late(&self) -> Option<(RunId, Report)> {
        let mut late = self.late.lock().unwrap();
        (late.len() > MAX_DELAYED).then(|| late.pop_front())?
    }
}

#[async_trait]
impl Target for LossyTarget {
    fn flow(&self) -> FlowId {
        self.inner.flow()
    }

    async fn create(&self, creation: &Creation) -> TargetResponse<Seen> {
        match self.turns.fetch_add(1, Ordering::Relaxed) % 2 {
            0 => {
                self.inner.create(creation).await;
                TargetResponse::Unknown("the response is lost".to_owned())
            }
            _ => self.inner.create(creation).await,
        }
    }

    async fn patch(&self, run: RunId, report: &Report) -> TargetResponse<Seen> {
        if let Some((run, report)) = self.next_late() {
            self.inner.patch(run, &report).await;
        }
        match self.turns.fetch_add(1, Ordering::Relaxed) % 12 {
            0 => TargetResponse::Unknown("the report is lost".to_owned()),
            1 => {
                self.inner.patch(run, report).await;
                TargetResponse::Unknown("the response is lost".to_owned())
            }
            2 => {
                self.late.lock().unwrap().push_back((run, report.clone()));
                TargetResponse::Unknown("the report is late".to_owned())
            }
            _ => self.inner.patch(run, report).await,
        }
    }

    async fn get(&self, run: RunId) -> TargetResponse<Seen> {
        self.inner.get(run).await
    }

    async fn list(&self, page_rows: u16) -> TargetResponse<Listing> {
        self.inner.list(page_rows).await
    }

    async fn history(&self, run: RunId) -> TargetResponse<Vec<Entry>> {
        self.inner.history(run).await
    }
}
