//! What stands out in all flows of a tenant.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use flowruns_domain::{
    id::{FlowId, TenantId},
    timestamp::Timestamp,
};

use crate::address::Show;

/// For how long the marks of flows that are not on the page are used again. They take one statement for up to 10,000 runs.
const MAX_AGE: Duration = Duration::from_secs(15);
/// How many tenants are remembered.
const MAX_TENANTS: usize = 256;

/// What stands out in one flow.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Marks {
    pub(super) is_running: bool,
    pub(super) is_late: bool,
    pub(super) is_stale: bool,
    /// The last run that ended failed or completed with errors.
    pub(super) ended_badly: bool,
}

impl Marks {
    pub(super) const fn shows(self, show: Show) -> bool {
        match show {
            Show::Attention => self.is_late || self.is_stale || self.ended_badly,
            Show::Running => self.is_running,
            Show::Late => self.is_late,
            Show::Stale => self.is_stale,
        }
    }
}

/// In how many flows something stands out.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct FlowMarks([usize; Show::ALL.len()]);

impl FlowMarks {
    pub(super) fn of(marks: impl Iterator<Item = Marks> + Clone) -> Self {
        Self(Show::ALL.map(|show| marks.clone().filter(|one| one.shows(show)).count()))
    }

    pub(super) fn count(self, show: Show) -> usize {
        let mut counts = Show::ALL.into_iter().zip(self.0);
        counts.find(|(one, _)| *one == show).map_or(0, |(_, count)| count)
    }
}

/// The marks of the flows of a tenant at a time.
#[derive(Clone, Debug)]
pub(super) struct TenantMarks {
    pub(super) at: Timestamp,
    pub(super) marks: Arc<HashMap<FlowId, Marks>>,
}

impl TenantMarks {
    fn is_fresh(&self, now: Timestamp) -> bool {
        let age = (now.date_time() - self.at.date_time()).to_std();
        age.is_ok_and(|age| age <= MAX_AGE)
    }
}

/// The marks of tenants that were looked at recently. Only one request at a time reads those of a tenant.
#[derive(Debug, Default)]
pub(crate) struct MarksCache {
    tenants: Mutex<HashMap<TenantId, Slot>>,
}

type Slot = Arc<tokio::sync::Mutex<Option<TenantMarks>>>;

impl MarksCache {
    /// The marks of a tenant: remembered ones, else those that `read` gives.
    pub(super) async fn get_or_read<E>(
        &self,
        (tenant, now): (TenantId, Timestamp),
        read: impl Future<Output = Result<HashMap<FlowId, Marks>, E>>,
    ) -> Result<TenantMarks, E> {
        let slot = self.slot(tenant);
        let mut slot = slot.lock().await;
        if let Some(remembered) = slot.as_ref().filter(|remembered| remembered.is_fresh(now)) {
            return Ok(remembered.clone());
        }
        let marks = TenantMarks { at: now, marks: Arc::new(read.await?) };
        Ok(slot.insert(marks).clone())
    }

    fn slot(&self, tenant: TenantId) -> Slot {
        let mut tenants = self.tenants.lock().unwrap_or_else(PoisonError::into_inner);
        if tenants.len() >= MAX_TENANTS && !tenants.contains_key(&tenant) {
            // Those that are read now keep their own reference.
            tenants.clear();
        }
        Arc::clone(tenants.entry(tenant).or_default())
    }
}

#[cfg(test)]
mod tests {
    use flowruns_testing::fixtures::{fresh_tenant, time};

    use super::*;

    #[tokio::test]
    async fn marks_are_read_again_when_they_are_old() {
        let (cache, tenant) = (MarksCache::default(), fresh_tenant());
        let mut reads = 0;
        for (now, expected) in [
            ("2026-11-27T19:42:05Z", 1),
            ("2026-11-27T19:42:20Z", 1),
            ("2026-11-27T19:42:21Z", 2),
            // The clock of another server is behind.
            ("2026-11-27T19:42:20Z", 3),
        ] {
            let read = async {
                reads += 1;
                Ok::<_, ()>(HashMap::new())
            };
            cache.get_or_read((tenant, time(now)), read).await.unwrap();
            assert_eq!(reads, expected, "{now}");
        }
    }

    #[test]
    fn a_flow_needs_attention_for_any_mark_but_a_run_in_progress() {
        let late = Marks { is_late: true, ..Marks::default() };
        let running = Marks { is_running: true, ..Marks::default() };
        let marks = FlowMarks::of([late, running, Marks::default()].into_iter());
        assert_eq!(Show::ALL.map(|show| marks.count(show)), [1, 1, 1, 0]);
    }
}
