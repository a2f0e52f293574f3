//! A change of a flow.

use crate::{
    display_name::DisplayName,
    flow::{
        entity::{DataDomain, FlowProperties, ReadinessStatus},
        recurrence::{effective_violation, expiration_violation},
    },
    patch::{Field, Nullable},
    timestamp::Timestamp,
    violation::RuleViolation,
};

/// A change of a flow. A default patch changes nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FlowPatch {
    /// Replaces the display name.
    pub display_name: Field<DisplayName>,
    /// Replaces the readiness.
    pub readiness_status: Field<ReadinessStatus>,
    /// Replaces the kind of data.
    pub data_domain: Field<DataDomain>,
    /// Replaces the beginning of the recurrence.
    pub effective: Field<Timestamp>,
    /// Replaces or removes the end of the recurrence.
    pub expiration: Nullable<Timestamp>,
}

impl FlowPatch {
    /// The violation that does not depend on the stored flow.
    pub fn contradiction(&self) -> Option<RuleViolation> {
        match (self.effective, self.expiration) {
            (Field::Value(effective), Nullable::Value(expiration)) => {
                expiration_violation(effective, expiration)
            }
            _ => None,
        }
    }

    /// Applies the patch to stored properties.
    ///
    /// # Errors
    ///
    /// The [`RuleViolation`] of the resulting properties.
    pub fn applied_to(&self, stored: &FlowProperties) -> Result<FlowProperties, RuleViolation> {
        let Self { display_name, readiness_status, data_domain, effective, expiration } = self;
        let properties = FlowProperties {
            display_name: display_name.value().unwrap_or(&stored.display_name).clone(),
            readiness_status: readiness_status.value().copied().unwrap_or(stored.readiness_status),
            data_domain: data_domain.value().copied().unwrap_or(stored.data_domain),
            effective: effective.value().copied().unwrap_or(stored.effective),
            expiration: match expiration {
                Nullable::Absent => stored.expiration,
                Nullable::Null => None,
                Nullable::Value(expiration) => Some(*expiration),
            },
        };
        let violation = match (expiration, stored.expiration) {
            (Nullable::Absent, Some(expiration)) => {
                effective_violation(properties.effective, expiration)
            }
            _ => properties.violation(),
        };
        violation.map_or(Ok(properties), Err)
    }
}
