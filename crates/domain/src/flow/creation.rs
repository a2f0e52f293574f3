//! The creation of a flow.

use crate::{
    display_name::DisplayName,
    flow::{
        entity::{DataDomain, Flow, FlowProperties, ReadinessStatus},
        recurrence::default_effective_violation,
    },
    id::FlowKey,
    timestamp::Timestamp,
    version::Version,
    violation::RuleViolation,
};

/// The properties of a flow to create.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct NewFlow {
    /// The display name.
    pub display_name: DisplayName,
    /// The readiness.
    pub readiness_status: ReadinessStatus,
    /// The kind of its data.
    pub data_domain: DataDomain,
    /// The earliest time at which it may run; by default the time of the creation.
    pub effective: Option<Timestamp>,
    /// The time from which on it no longer runs.
    pub expiration: Option<Timestamp>,
}

impl NewFlow {
    pub(crate) fn create(self, key: FlowKey, created: Timestamp) -> Result<Flow, RuleViolation> {
        let Self { display_name, readiness_status, data_domain, effective, expiration } = self;
        let properties = FlowProperties {
            display_name,
            readiness_status,
            data_domain,
            effective: effective.unwrap_or(created),
            expiration,
        };
        let violation = match (effective, expiration) {
            (None, Some(expiration)) => default_effective_violation(created, expiration),
            _ => properties.violation(),
        };
        match violation {
            Some(violation) => Err(violation),
            None => Ok(Flow { key, version: Version::FIRST, properties }),
        }
    }
}
