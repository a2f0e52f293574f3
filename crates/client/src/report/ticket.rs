//! Counts of what is not settled, and of what became of the ends of runs.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use tokio::sync::watch;

/// What a ticket stands for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum TicketKind {
    /// A creation or statistics.
    Report,
    /// The end of a run.
    End,
}

/// The numbers of reports that were reported and are neither acknowledged nor refused nor spooled.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Unsettled {
    pub(crate) reports: usize,
    pub(crate) ends: usize,
}

/// Issues tickets.
#[derive(Debug, Default)]
pub(crate) struct Tickets(watch::Sender<Unsettled>);

/// Something that was reported. It is settled when the ticket is dropped.
#[derive(Debug)]
pub(crate) struct Ticket {
    tickets: Arc<Tickets>,
    kind: TicketKind,
}

impl Tickets {
    pub(crate) fn issue(self: &Arc<Self>, kind: TicketKind) -> Ticket {
        self.count(kind, 1);
        Ticket { tickets: Arc::clone(self), kind }
    }

    pub(crate) fn unsettled(&self) -> Unsettled {
        *self.0.borrow()
    }

    /// Waits until nothing is unsettled for which `counts` returns true.
    pub(crate) async fn settled(&self, counts: impl Fn(&Unsettled) -> bool) {
        let mut unsettled = self.0.subscribe();
        // The sender lives as long as `self`.
        let _settled = unsettled.wait_for(|unsettled| !counts(unsettled)).await;
    }

    fn count(&self, kind: TicketKind, by: isize) {
        self.0.send_modify(|unsettled| {
            let count = match kind {
                TicketKind::Report => &mut unsettled.reports,
                TicketKind::End => &mut unsettled.ends,
            };
            *count = count.saturating_add_signed(by);
        });
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.tickets.count(self.kind, -1);
    }
}

/// What became of the ends of runs, since the client was made.
#[derive(Debug, Default)]
pub(crate) struct Totals {
    pub(crate) acknowledged: AtomicU64,
    pub(crate) refused: AtomicU64,
    pub(crate) spooled: AtomicU64,
    pub(crate) lost: AtomicU64,
}

pub(crate) fn add_one(total: &AtomicU64) {
    total.fetch_add(1, Ordering::Relaxed);
}
