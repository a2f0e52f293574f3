//! Decided reports on their way to the writing task, and what that task returns to the reading task.

use std::mem;

use flowruns_domain::id::RunKey;
use tokio::sync::mpsc;

use super::report_chain::{ChangedChain, ReportJob};

/// What the writing task returns when it has finished a batch.
#[derive(Default)]
pub(super) struct BatchResult {
    /// The runs of the batch; their next reports may be decided now.
    pub(super) keys: Vec<RunKey>,
    /// Reports to be decided again.
    pub(super) again: Vec<ReportJob>,
}

/// Chains that are written in one statement. Its result is returned when it is dropped, so also after a panic.
pub(super) struct Batch {
    chains: Vec<ChangedChain>,
    /// Whether its statement may write no other chain.
    isolated: bool,
    pub(super) result: BatchResult,
    results: mpsc::UnboundedSender<BatchResult>,
}

impl Batch {
    pub(super) fn new(
        chains: Vec<ChangedChain>,
        results: mpsc::UnboundedSender<BatchResult>,
    ) -> Self {
        let result = BatchResult {
            keys: chains.iter().map(ChangedChain::key).collect(),
            ..BatchResult::default()
        };
        Self { isolated: chains.iter().any(ChangedChain::is_isolated), chains, result, results }
    }

    /// The number of runs that it writes.
    pub(super) const fn len(&self) -> usize {
        self.chains.len()
    }

    /// Adds the chains of a later batch. Returns that batch if one of the two is isolated.
    pub(super) fn join(&mut self, mut later: Self) -> Result<(), Self> {
        if self.isolated || later.isolated {
            return Err(later);
        }
        self.chains.append(&mut later.chains);
        self.result.keys.append(&mut later.result.keys);
        Ok(())
    }

    /// Its chains, for the writing task, in the order of their keys.
    pub(super) fn take_chains(&mut self) -> Vec<ChangedChain> {
        let mut chains = mem::take(&mut self.chains);
        chains.sort_unstable_by_key(ChangedChain::key);
        chains
    }
}

impl Drop for Batch {
    fn drop(&mut self) {
        // A batch that joined another one has no keys any more.
        if self.result.keys.is_empty() {
            return;
        }
        // Fails only when the reading task has ended, and then no report waits for this batch.
        let _reading_task_has_ended = self.results.send(mem::take(&mut self.result));
    }
}
