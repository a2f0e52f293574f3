//! The bounds of the queries, as types.

use std::collections::BTreeSet;

use crate::id::{FlowId, RunKey, TenantId};

/// Up to 200 flows, each once.
///
/// ```
/// use flowruns_domain::dashboard::FlowIds;
///
/// let flow = "0197f3a0-5c1e-7c3a-9d53-2f3a1b6c7d8e".parse()?;
/// assert!(FlowIds::new([flow]).is_some());
/// assert_eq!(FlowIds::new([flow, flow]), None);
/// # Ok::<(), flowruns_domain::id::InvalidId>(())
/// ```
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct FlowIds(Vec<FlowId>);

impl FlowIds {
    /// The greatest number of flows.
    pub const MAX: usize = 200;

    /// `None` for more than [`MAX`](Self::MAX) ids, and for an id that is listed twice.
    pub fn new(ids: impl IntoIterator<Item = FlowId>) -> Option<Self> {
        distinct(ids, Self::MAX).map(Self)
    }

    /// The ids, in the order in which they were given.
    pub fn as_slice(&self) -> &[FlowId] {
        &self.0
    }
}

/// 1 to 100 runs of one tenant, each once.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RunKeys {
    tenant: TenantId,
    keys: Vec<RunKey>,
}

impl RunKeys {
    /// The greatest number of runs.
    pub const MAX: usize = 100;

    /// `None` for no key, for more than [`MAX`](Self::MAX) keys, for a key that is listed twice, and for keys of several tenants.
    pub fn new(keys: impl IntoIterator<Item = RunKey>) -> Option<Self> {
        let keys = distinct(keys, Self::MAX)?;
        let tenant = keys.first()?.tenant;
        let is_of_one_tenant = keys.iter().all(|key| key.tenant == tenant);
        is_of_one_tenant.then_some(Self { tenant, keys })
    }

    /// The tenant of all of them.
    pub const fn tenant(&self) -> TenantId {
        self.tenant
    }

    /// The keys, in the order in which they were given.
    pub fn as_slice(&self) -> &[RunKey] {
        &self.keys
    }
}

macro_rules! bounded_number {
    ($(#[$doc:meta])* $name:ident, $max:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
        pub struct $name(u16);

        impl $name {
            /// The greatest number.
            pub const MAX: Self = Self($max);

            /// `None` for 0, and for more than [`MAX`](Self::MAX).
            pub const fn new(number: u16) -> Option<Self> {
                if number == 0 || number > $max { None } else { Some(Self(number)) }
            }

            /// The number.
            pub const fn get(self) -> u16 {
                self.0
            }
        }
    };
}

bounded_number! {
    /// How many runs of each flow are read, from 1 to 50.
    RunsPerFlow, 50
}
bounded_number! {
    /// How many runs of one flow are read, from 1 to 200.
    Last, 200
}
bounded_number! {
    /// How many entries of a history are read, from 1 to 50.
    EventCount, 50
}

/// The items, if they are at most `most`, each once.
pub(super) fn distinct<T: Ord>(items: impl IntoIterator<Item = T>, most: usize) -> Option<Vec<T>> {
    let items: Vec<T> = items.into_iter().take(most + 1).collect();
    let distinct: BTreeSet<&T> = items.iter().collect();
    (items.len() <= most && distinct.len() == items.len()).then_some(items)
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn flow(number: u128) -> FlowId {
        FlowId::new(Uuid::from_u128(number)).unwrap()
    }

    #[test]
    fn flows_are_at_most_two_hundred_and_distinct() {
        let ids = |count| (1..=count).map(flow).collect::<Vec<_>>();
        assert_eq!(FlowIds::new(ids(200)).unwrap().as_slice(), ids(200));
        assert_eq!(FlowIds::new(ids(201)), None);
        assert_eq!(FlowIds::new([flow(1), flow(2), flow(1)]), None);
        assert_eq!(FlowIds::new([]), Some(FlowIds::default()));
    }

    #[test]
    fn runs_are_one_to_a_hundred_distinct_and_of_one_tenant() {
        let key = |tenant, number: u128| RunKey {
            tenant: TenantId::new(Uuid::from_u128(tenant)).unwrap(),
            flow: flow(1),
            run: Uuid::from_u128(number).to_string().parse().unwrap(),
        };
        let keys = |count| (1..=count).map(|number| key(1, number)).collect::<Vec<_>>();
        let most = RunKeys::new(keys(100)).unwrap();
        assert_eq!((most.tenant(), most.as_slice()), (key(1, 1).tenant, &*keys(100)));
        for invalid in [keys(101), keys(0), vec![key(1, 1), key(1, 1)], vec![key(1, 1), key(2, 2)]]
        {
            assert_eq!(RunKeys::new(invalid.clone()), None, "{} keys", invalid.len());
        }
    }

    #[test]
    fn numbers_are_from_one_to_their_bound() {
        assert_eq!(RunsPerFlow::new(0), None);
        assert_eq!(RunsPerFlow::new(50), Some(RunsPerFlow::MAX));
        assert_eq!(RunsPerFlow::new(51), None);
        assert_eq!(Last::new(200).map(Last::get), Some(200));
        assert_eq!(Last::new(201), None);
        assert_eq!(EventCount::new(51), None);
    }
}
