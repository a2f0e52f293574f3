//! What a batch does about rows that other sessions have locked.

/// How a statement that writes runs treats a row that another session has locked.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum LockedRows {
    /// It waits for at most [`LOCK_TIMEOUT`](super::statements::LOCK_TIMEOUT). If the row is still locked then, the statement
    /// fails, and writes nothing.
    Wait,
    /// It writes the other rows.
    Skip,
}

/// The number of batches that skip locked rows after one that waited in vain. The reports of a row that stays locked are part of
/// the next three at most; then their run is contended. The same session may have locked the rows of many runs: so one batch
/// of a hundred waits for them at most.
const BATCHES_AFTER_TIMEOUT: u32 = 100;

/// Decides for each batch how it treats locked rows. The statement that waits costs PostgreSQL less, and usually no row is
/// locked. But a row that is locked for long must not delay every batch, and where runs are contended, rows often are.
#[derive(Debug, Default)]
pub(super) struct LockWaitPolicy {
    /// The number of next batches that skip locked rows.
    skipping: u32,
}

impl LockWaitPolicy {
    /// How the next batch treats locked rows.
    pub(super) fn next(&mut self, is_a_run_contended: bool) -> LockedRows {
        let is_skipping = self.skipping > 0;
        self.skipping = self.skipping.saturating_sub(1);
        if is_skipping || is_a_run_contended { LockedRows::Skip } else { LockedRows::Wait }
    }

    /// A batch has waited in vain.
    pub(super) const fn timed_out(&mut self) {
        self.skipping = BATCHES_AFTER_TIMEOUT;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_skip_locked_rows_while_a_run_is_contended_and_for_some_time_after_a_timeout() {
        let mut policy = LockWaitPolicy::default();
        assert_eq!(policy.next(false), LockedRows::Wait);
        assert_eq!(policy.next(true), LockedRows::Skip);
        assert_eq!(policy.next(false), LockedRows::Wait);
        policy.timed_out();
        for _ in 0..BATCHES_AFTER_TIMEOUT {
            assert_eq!(policy.next(false), LockedRows::Skip);
        }
        assert_eq!(policy.next(false), LockedRows::Wait);
    }
}
