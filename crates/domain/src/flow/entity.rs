//! The entity: an incoming flow.

use crate::{
    display_name::DisplayName,
    flow::recurrence::expiration_violation,
    id::FlowKey,
    timestamp::Timestamp,
    version::{EntityTag, Version},
    violation::RuleViolation,
};

/// Whether a flow is ready. Runs may report whatever it is.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum ReadinessStatus {
    /// Not ready.
    NotReady,
    /// Ready.
    #[default]
    Ready,
    /// Failed.
    Failed,
    /// Deleted.
    Deleted,
    /// Expired.
    Expired,
}

impl ReadinessStatus {
    /// All statuses.
    pub const ALL: [Self; 5] =
        [Self::NotReady, Self::Ready, Self::Failed, Self::Deleted, Self::Expired];

    /// The name in JSON and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotReady => "notReady",
            Self::Ready => "ready",
            Self::Failed => "failed",
            Self::Deleted => "deleted",
            Self::Expired => "expired",
        }
    }

    /// The status with this name. `unknownFutureValue` is not a status.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == name)
    }
}

/// The kind of data of a flow.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum DataDomain {
    /// School rosters.
    #[default]
    EducationRostering,
}

impl DataDomain {
    /// All domains.
    pub const ALL: [Self; 1] = [Self::EducationRostering];

    /// The name in JSON and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::EducationRostering => "educationRostering",
        }
    }

    /// The domain with this name. `unknownFutureValue` is not a domain.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|domain| domain.as_str() == name)
    }
}

/// The properties of a flow that a caller may change.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct FlowProperties {
    /// The display name.
    pub display_name: DisplayName,
    /// The readiness.
    pub readiness_status: ReadinessStatus,
    /// The kind of its data.
    pub data_domain: DataDomain,
    /// The earliest time at which it may run.
    pub effective: Timestamp,
    /// The time from which on it no longer runs; after `effective`.
    pub expiration: Option<Timestamp>,
}

/// An incoming flow: a process that imports data repeatedly and owns its runs.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Flow {
    /// The key.
    pub key: FlowKey,
    /// The version of the row.
    pub version: Version,
    /// The properties.
    pub properties: FlowProperties,
}

impl FlowProperties {
    /// The violation by an expiration that is not after `effective`.
    pub(crate) fn violation(&self) -> Option<RuleViolation> {
        expiration_violation(self.effective, self.expiration?)
    }
}

impl Flow {
    /// The entity tag of this version. No other flow, no other version and no run has it.
    pub fn tag(&self) -> EntityTag {
        EntityTag::new(format!("{}.{}", self.key.flow.uuid().simple(), self.version))
    }
}
