//! What a client knows about a run.

use flowruns_domain::{json::JsonValue, property, run::RunStatus, version::EntityTag};

use super::{record::Marker, report::Report, target::Seen};

/// What a client has read of a run, and what its reports may have changed.
#[derive(Clone, Debug, Default)]
pub(super) struct Known {
    /// The tag that was seen last, and the one before.
    pub(super) tag: Option<EntityTag>,
    pub(super) former_tag: Option<EntityTag>,
    pub(super) status: Option<RunStatus>,
    /// The last acknowledged report, as long as it would change nothing if it were sent again.
    pub(super) repeatable: Option<Report>,
    /// Counts the operations with an unknown attempt: each may still be executed, so that the next ones need another marker.
    left_unknown: u64,
}

impl Known {
    /// The marker of this client's next report.
    pub(super) fn marker(&self, client: usize, number: u64) -> Marker {
        let member = match self.left_unknown {
            0 => format!("c{client}"),
            left => format!("c{client}e{left}"),
        };
        Marker { member, number }
    }

    pub(super) fn see(&mut self, seen: &Seen) {
        if self.tag.as_ref() != Some(&seen.tag) {
            self.former_tag = self.tag.replace(seen.tag.clone());
        }
        if let Some(JsonValue::String(status)) = seen.values.get(property::STATUS) {
            self.status = RunStatus::from_name(status);
        }
    }

    pub(super) fn leave_unknown(&mut self) {
        self.left_unknown += 1;
        self.repeatable = None;
    }

    pub(super) fn ended(&self) -> Option<RunStatus> {
        self.status.filter(|status| *status != RunStatus::Running)
    }
}
