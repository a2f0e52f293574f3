//! The rule that a recurrence of a flow begins before it expires.

use crate::{
    property,
    timestamp::Timestamp,
    violation::{Rule, RuleViolation},
};

/// The expiration is not after the beginning.
pub(crate) fn expiration_violation(
    effective: Timestamp,
    expiration: Timestamp,
) -> Option<RuleViolation> {
    (expiration <= effective).then(|| {
        let message = format!(
            "recurrenceExpirationDateTime {expiration} must be after recurrenceEffectiveDateTime {effective}; send a later expiration"
        );
        RuleViolation::new(
            Rule::ExpirationBeforeEffective,
            property::RECURRENCE_EXPIRATION_DATE_TIME,
            message,
        )
    })
}

/// The sent beginning is not before the stored expiration.
pub(crate) fn effective_violation(
    effective: Timestamp,
    expiration: Timestamp,
) -> Option<RuleViolation> {
    (expiration <= effective).then(|| {
        let message = format!(
            "recurrenceEffectiveDateTime {effective} must be before the stored recurrenceExpirationDateTime {expiration}; send an earlier beginning, or a later recurrenceExpirationDateTime too"
        );
        RuleViolation::new(
            Rule::ExpirationBeforeEffective,
            property::RECURRENCE_EFFECTIVE_DATE_TIME,
            message,
        )
    })
}

/// The expiration of a creation without a beginning is not after its default, the time of the creation.
pub(crate) fn default_effective_violation(
    created: Timestamp,
    expiration: Timestamp,
) -> Option<RuleViolation> {
    (expiration <= created).then(|| {
        let message = format!(
            "recurrenceExpirationDateTime {expiration} must be after recurrenceEffectiveDateTime, which is now, {created}, when it is left out; send recurrenceEffectiveDateTime too, or a later expiration"
        );
        RuleViolation::new(
            Rule::ExpirationBeforeEffective,
            property::RECURRENCE_EXPIRATION_DATE_TIME,
            message,
        )
    })
}
