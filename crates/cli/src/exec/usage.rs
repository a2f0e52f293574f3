//! What a command used of the machine.

use nix::sys::{
    resource::{Usage as RawUsage, UsageWho, getrusage},
    time::TimeValLike as _,
};

/// What the processes used that this process has waited for: those of the command that ended and were waited for included.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Usage {
    cpu_microseconds: i64,
    max_rss_kib: i64,
}

/// What one command used.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct CommandUsage {
    pub(super) cpu_seconds: f64,
    /// Unknown when an earlier child of this process used more, such as a command that prints a token. The memory that this process
    /// had when it started the command is a lower bound: the kernel counts it as that of the command.
    pub(super) max_rss_bytes: Option<i64>,
}

impl Usage {
    /// Of the children so far.
    pub(super) fn of_children() -> Self {
        getrusage(UsageWho::RUSAGE_CHILDREN).map(|usage| Self::from(&usage)).unwrap_or_default()
    }

    /// What a command used, from the usage before and after it was waited for.
    pub(super) fn since(self, before: Self) -> CommandUsage {
        let cpu = self.cpu_microseconds.saturating_sub(before.cpu_microseconds).max(0);
        let is_known = self.max_rss_kib > before.max_rss_kib;
        CommandUsage {
            cpu_seconds: std::time::Duration::from_micros(cpu.unsigned_abs()).as_secs_f64(),
            max_rss_bytes: is_known.then(|| self.max_rss_kib.saturating_mul(1024)),
        }
    }
}

impl From<&RawUsage> for Usage {
    fn from(usage: &RawUsage) -> Self {
        Self {
            cpu_microseconds: usage.user_time().num_microseconds()
                + usage.system_time().num_microseconds(),
            max_rss_kib: usage.max_rss(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_peak_of_a_command_is_unknown_after_a_larger_one() {
        let before = Usage { cpu_microseconds: 500_000, max_rss_kib: 2000 };
        let after = Usage { cpu_microseconds: 1_750_000, max_rss_kib: 3000 };
        let expected = CommandUsage { cpu_seconds: 1.25, max_rss_bytes: Some(3000 * 1024) };
        assert_eq!(after.since(before), expected);
        let after = Usage { cpu_microseconds: 1_750_000, max_rss_kib: 2000 };
        assert_eq!(after.since(before).max_rss_bytes, None);
    }
}
