//! Servers whose clocks differ, and are set back and forth.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use flowruns_checker::{StoreTarget, Target};
use flowruns_domain::{
    clock::{Clock, SystemClock, TimeOrderedIds},
    service::Environment,
    store::FlowStore as _,
    timestamp::Timestamp,
};
use flowruns_testing::{
    fixtures::{fresh_flow, fresh_tenant},
    scratch::ScratchDatabase,
};

use crate::{load::Load, scale};

const ROUNDS: u64 = 8;
const AN_HOUR: u64 = 3600;

/// The clock of the machine, ahead by this number of seconds.
#[derive(Default)]
struct SetClock(AtomicU64);

impl SetClock {
    fn set_ahead(&self, seconds: u64) {
        self.0.store(seconds, Ordering::SeqCst);
    }
}

impl Clock for SetClock {
    fn now(&self) -> Timestamp {
        let ahead = Duration::from_secs(self.0.load(Ordering::SeqCst));
        Timestamp::new(SystemClock.now().date_time() + ahead).unwrap()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_history_never_goes_backwards_while_the_clocks_of_two_servers_jump() {
    let database = ScratchDatabase::create().await;
    let flow = fresh_flow(fresh_tenant());
    database.store().await.create_flow(flow.clone()).await.unwrap();
    let clocks = [Arc::new(SetClock::default()), Arc::new(SetClock::default())];
    let mut targets: Vec<Arc<dyn Target>> = Vec::new();
    for clock in &clocks {
        let environment = Environment {
            store: Arc::new(database.store().await),
            clock: Arc::clone(clock) as _,
            ids: Arc::new(TimeOrderedIds),
        };
        targets.push(Arc::new(StoreTarget::new(environment, flow.key)));
    }
    let load = Load::start_on(targets);
    for round in 0..ROUNDS * scale() {
        // One is ahead, both are, the other is, none is.
        clocks[0].set_ahead(if round % 4 < 2 { AN_HOUR } else { 0 });
        clocks[1].set_ahead(if matches!(round % 4, 1 | 2) { AN_HOUR } else { 0 });
        load.acknowledged(100).await;
    }
    load.finish().await;
}
