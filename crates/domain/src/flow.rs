//! An incoming flow: a process that brings data in again and again, and owns its runs.

use crate::{
    display_name::DisplayName,
    event::Version,
    id::FlowKey,
    patch::{Field, Nullable},
    precondition::EntityTag,
    property,
    rejection::{Fault, Rule},
    timestamp::Timestamp,
};

/// Whether a flow is ready. It does not stop its runs from reporting.
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
    /// Every status.
    pub const ALL: [Self; 5] = [
        Self::NotReady,
        Self::Ready,
        Self::Failed,
        Self::Deleted,
        Self::Expired,
    ];

    /// The name on the wire and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotReady => "notReady",
            Self::Ready => "ready",
            Self::Failed => "failed",
            Self::Deleted => "deleted",
            Self::Expired => "expired",
        }
    }

    /// The status of this name; `unknownFutureValue` is none.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == name)
    }
}

/// What kind of data a flow brings in.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum DataDomain {
    /// Rosters of schools.
    #[default]
    EducationRostering,
}

impl DataDomain {
    /// Every domain.
    pub const ALL: [Self; 1] = [Self::EducationRostering];

    /// The name on the wire and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::EducationRostering => "educationRostering",
        }
    }

    /// The domain of this name; `unknownFutureValue` is none.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|domain| domain.as_str() == name)
    }
}

/// The properties of a flow that a caller may change.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct FlowProperties {
    /// The name.
    pub display_name: DisplayName,
    /// Whether it is ready.
    pub readiness_status: ReadinessStatus,
    /// What it brings in.
    pub data_domain: DataDomain,
    /// From when on it may run.
    pub effective: Timestamp,
    /// Until when it may run; after `effective`.
    pub expiration: Option<Timestamp>,
}

/// A flow.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Flow {
    /// Where it lives.
    pub key: FlowKey,
    /// Which of its states this is.
    pub version: Version,
    /// What a caller may change.
    pub properties: FlowProperties,
}

/// A change of a flow. A default patch changes nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FlowPatch {
    /// Replaces the name.
    pub display_name: Field<DisplayName>,
    /// Replaces the readiness.
    pub readiness_status: Field<ReadinessStatus>,
    /// Replaces the domain.
    pub data_domain: Field<DataDomain>,
    /// Replaces the beginning of the recurrence.
    pub effective: Field<Timestamp>,
    /// Sets or clears the end of the recurrence.
    pub expiration: Nullable<Timestamp>,
}

impl FlowProperties {
    /// The fault of a recurrence that ends before it begins.
    pub fn fault(&self) -> Option<Fault> {
        expiration_fault(self.effective, self.expiration?)
    }
}

fn expiration_fault(effective: Timestamp, expiration: Timestamp) -> Option<Fault> {
    (expiration <= effective).then(|| {
        let message = format!(
            "recurrenceExpirationDateTime {expiration} must be after recurrenceEffectiveDateTime {effective}; send a later expiration"
        );
        Fault::new(
            Rule::ExpirationBeforeEffective,
            property::RECURRENCE_EXPIRATION_DATE_TIME,
            message,
        )
    })
}

/// A beginning that was sent and is not before the stored expiration.
fn effective_fault(effective: Timestamp, expiration: Timestamp) -> Option<Fault> {
    (expiration <= effective).then(|| {
        let message = format!(
            "recurrenceEffectiveDateTime {effective} must be before the stored recurrenceExpirationDateTime {expiration}; send an earlier beginning, or a later recurrenceExpirationDateTime too"
        );
        Fault::new(
            Rule::ExpirationBeforeEffective,
            property::RECURRENCE_EFFECTIVE_DATE_TIME,
            message,
        )
    })
}

/// An expiration of a creation without a beginning, which is the time of the creation by default.
pub(crate) fn default_effective_fault(created: Timestamp, expiration: Timestamp) -> Option<Fault> {
    (expiration <= created).then(|| {
        let message = format!(
            "recurrenceExpirationDateTime {expiration} must be after recurrenceEffectiveDateTime, which is now, {created}, when it is left out; send recurrenceEffectiveDateTime too, or a later expiration"
        );
        Fault::new(
            Rule::ExpirationBeforeEffective,
            property::RECURRENCE_EXPIRATION_DATE_TIME,
            message,
        )
    })
}

impl FlowPatch {
    /// The fault that no stored flow can heal, so that it is found before one is read.
    pub fn contradiction(&self) -> Option<Fault> {
        match (self.effective, self.expiration) {
            (Field::Value(effective), Nullable::Value(expiration)) => {
                expiration_fault(effective, expiration)
            }
            _ => None,
        }
    }

    /// These properties with the patch applied.
    ///
    /// # Errors
    ///
    /// The [`Fault`] of the properties that it would lead to.
    pub fn applied_to(&self, stored: &FlowProperties) -> Result<FlowProperties, Fault> {
        let Self {
            display_name,
            readiness_status,
            data_domain,
            effective,
            expiration,
        } = self;
        let properties = FlowProperties {
            display_name: display_name.value().unwrap_or(&stored.display_name).clone(),
            readiness_status: readiness_status
                .value()
                .copied()
                .unwrap_or(stored.readiness_status),
            data_domain: data_domain.value().copied().unwrap_or(stored.data_domain),
            effective: effective.value().copied().unwrap_or(stored.effective),
            expiration: match expiration {
                Nullable::Absent => stored.expiration,
                Nullable::Null => None,
                Nullable::Value(expiration) => Some(*expiration),
            },
        };
        let fault = match (expiration, stored.expiration) {
            (Nullable::Absent, Some(expiration)) => {
                effective_fault(properties.effective, expiration)
            }
            _ => properties.fault(),
        };
        fault.map_or(Ok(properties), Err)
    }
}

impl Flow {
    /// The tag of this version: of no other flow, and of no run.
    pub fn tag(&self) -> EntityTag {
        EntityTag::new(format!(
            "{}.{}",
            self.key.flow.uuid().simple(),
            self.version
        ))
    }
}
