//! Many hostile connections at the same time, each opened again when the server has closed it, until the attack ends.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use tokio::{
    sync::watch,
    task::JoinSet,
    time::{Instant, timeout, timeout_at},
};

use flowruns_testing::harness::DEADLINE;

/// How often one connection is opened again at most.
const MAX_SESSIONS: usize = 1_000;
/// Between two connections that are opened again, in all: 200 a second are enough, and leave the machine its CPU.
const PAUSE: Duration = Duration::from_millis(5);

/// The tasks of the connections.
pub(crate) struct Attackers {
    tasks: JoinSet<()>,
    established: watch::Sender<BTreeSet<usize>>,
    is_over: watch::Sender<bool>,
}

/// One connection of an attack.
#[derive(Clone)]
pub(crate) struct AttackConnection {
    /// Which of the connections it is.
    pub(crate) index: usize,
    established: watch::Sender<BTreeSet<usize>>,
    is_over: watch::Sender<bool>,
}

impl AttackConnection {
    /// Reports that this connection now attacks.
    pub(crate) fn is_established(&self) {
        self.established.send_if_modified(|established| established.insert(self.index));
    }

    /// Whether the attack has ended; a connection that nobody closes checks it.
    pub(crate) fn is_over(&self) -> bool {
        *self.is_over.borrow()
    }

    /// Waits for the end of the attack.
    pub(crate) async fn until_over(&self) {
        // The sender is a field, so it lives long enough.
        let mut is_over = self.is_over.subscribe();
        let _over = is_over.wait_for(|is_over| *is_over).await;
    }
}

impl Attackers {
    /// Runs a session on each of `count` connections, and another one when the server has closed the connection.
    pub(crate) fn start<F>(
        count: usize,
        session: impl Fn(AttackConnection) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = ()> + Send,
    {
        let (established, is_over) = (watch::Sender::default(), watch::Sender::new(false));
        let session = Arc::new(session);
        let pause = PAUSE * u32::try_from(count).unwrap();
        let mut tasks = JoinSet::new();
        for index in 0..count {
            let one = AttackConnection {
                index,
                established: established.clone(),
                is_over: is_over.clone(),
            };
            let session = Arc::clone(&session);
            tasks.spawn(async move {
                for _ in 0..MAX_SESSIONS {
                    session(one.clone()).await;
                    if one.is_over() {
                        return;
                    }
                    // A session that ends at once is not repeated without a pause.
                    one.is_established();
                    tokio::time::sleep(pause).await;
                }
            });
        }
        Self { tasks, established, is_over }
    }

    pub(crate) fn len(&self) -> usize {
        self.tasks.len()
    }

    /// Waits until every connection attacks. Connections that the server does not accept do not count.
    pub(crate) async fn until_established(&self) {
        let count = self.len();
        let mut established = self.established.subscribe();
        let all = established.wait_for(|established| established.len() >= count);
        let _established_or_not = timeout(DEADLINE / 4, all).await;
    }

    /// Stops to open connections, and waits until the server has closed all of them. If it does not, closes them and returns
    /// false.
    pub(crate) async fn end(&mut self) -> bool {
        self.is_over.send_replace(true);
        let deadline = Instant::now() + DEADLINE;
        while !self.tasks.is_empty() {
            match timeout_at(deadline, self.tasks.join_next()).await {
                Ok(ended) => ended.into_iter().for_each(Result::unwrap),
                Err(_) => {
                    self.tasks.shutdown().await;
                    return false;
                }
            }
        }
        true
    }
}
