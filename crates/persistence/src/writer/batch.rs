//! Decided reports on their way to the writing task, and what comes back of them.

use std::mem;

use flowruns_domain::{Run, RunKey};
use tokio::sync::mpsc;

use super::report_chain::{ReportChain, ReportJob};

/// What comes back when a batch is through.
#[derive(Default)]
pub(super) struct BatchResult {
    /// The runs whose next reports may be decided now.
    pub(super) keys: Vec<RunKey>,
    /// Runs as they were written, to be kept in memory.
    pub(super) written: Vec<Run>,
    /// The generation of sessions in which they were.
    pub(super) generation: u64,
    /// Reports to be decided again.
    pub(super) again: Vec<ReportJob>,
}

/// Chains that are written in one statement. Whatever becomes of it, also a panic, its runs come back when it is dropped.
pub(super) struct Batch {
    chains: Vec<ReportChain>,
    /// Whether it is not to share its statement.
    isolated: bool,
    pub(super) returned: BatchResult,
    back: mpsc::UnboundedSender<BatchResult>,
}

impl Batch {
    pub(super) fn new(chains: Vec<ReportChain>, back: mpsc::UnboundedSender<BatchResult>) -> Self {
        let returned = BatchResult {
            keys: chains.iter().map(ReportChain::key).collect(),
            ..BatchResult::default()
        };
        Self {
            isolated: chains.iter().any(ReportChain::is_isolated),
            chains,
            returned,
            back,
        }
    }

    /// How many runs it writes.
    pub(super) const fn len(&self) -> usize {
        self.chains.len()
    }

    /// Adds what was decided after it. Gives it back where one of them goes isolated.
    pub(super) fn join(&mut self, mut later: Self) -> Result<(), Self> {
        if self.isolated || later.isolated {
            return Err(later);
        }
        self.chains.append(&mut later.chains);
        self.returned.keys.append(&mut later.returned.keys);
        Ok(())
    }

    /// Its chains, for the one who writes them.
    pub(super) fn take_chains(&mut self) -> Vec<ReportChain> {
        mem::take(&mut self.chains)
    }
}

impl Drop for Batch {
    fn drop(&mut self) {
        if self.returned.keys.is_empty() {
            return;
        }
        // With nobody there to take it back nothing waits for it either.
        let _nobody_waits = self.back.send(mem::take(&mut self.returned));
    }
}
