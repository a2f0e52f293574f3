//! Violations of the rules for properties: what is wrong with a request, whatever is stored. The API chooses the HTTP status.

use thiserror::Error;

use crate::text::excerpt_within;

/// The rule that a property breaks.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Rule {
    /// A value of another JSON type.
    InvalidType,
    /// Null for a property that always has a value.
    NullNotAllowed,
    /// A property that the type does not have.
    UnknownProperty,
    /// A read-only property with another value.
    PropertyNotUpdateable,
    /// A missing property that a creation requires.
    PropertyRequired,
    /// A value that is not a member of the enumeration.
    InvalidEnumValue,
    /// A value that is not a DateTimeOffset.
    InvalidDateTime,
    /// A value that is not a display name.
    InvalidDisplayName,
    /// A value that is not an id.
    InvalidId,
    /// A value that is neither `*` nor a list of entity tags.
    MalformedEntityTag,
    /// An end for a run that stays in progress.
    EndDateTimeWithoutEnd,
    /// A run that is created in a terminal status, without its end.
    EndDateTimeRequired,
    /// The end is before the start.
    EndBeforeStart,
    /// A blockingError with the status completed or completedWithWarnings.
    BlockingErrorNotAllowed,
    /// The blockingError exceeds its limit in bytes, even with its strings truncated.
    BlockingErrorTooLarge,
    /// The blockingError exceeds its limit in levels.
    BlockingErrorTooDeep,
    /// The statistics exceed their limit in bytes.
    StatisticsTooLarge,
    /// The statistics exceed their limit in levels.
    StatisticsTooDeep,
    /// The recurrence of a flow expires before it begins.
    ExpirationBeforeEffective,
    /// The number of further violations, which are not listed.
    MoreViolations(usize),
}

impl Rule {
    /// The error code of the API, part of its interface.
    pub const fn code(self) -> &'static str {
        match self {
            Self::InvalidType => "invalidType",
            Self::NullNotAllowed => "nullNotAllowed",
            Self::UnknownProperty => "unknownProperty",
            Self::PropertyNotUpdateable => "propertyNotUpdateable",
            Self::PropertyRequired => "propertyRequired",
            Self::InvalidEnumValue => "invalidEnumValue",
            Self::InvalidDateTime => "invalidDateTime",
            Self::InvalidDisplayName => "invalidDisplayName",
            Self::InvalidId => "invalidId",
            Self::MalformedEntityTag => "malformedEntityTag",
            Self::EndDateTimeWithoutEnd => "endDateTimeWithoutEnd",
            Self::EndDateTimeRequired => "endDateTimeRequired",
            Self::EndBeforeStart => "endBeforeStart",
            Self::BlockingErrorNotAllowed => "blockingErrorNotAllowed",
            Self::BlockingErrorTooLarge => "blockingErrorTooLarge",
            Self::BlockingErrorTooDeep => "blockingErrorTooDeep",
            Self::StatisticsTooLarge => "statisticsTooLarge",
            Self::StatisticsTooDeep => "statisticsTooDeep",
            Self::ExpirationBeforeEffective => "expirationBeforeEffective",
            Self::MoreViolations(_) => "moreFaults",
        }
    }
}

/// A property of a request that breaks a rule.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[error("{message}")]
pub struct RuleViolation {
    /// The rule.
    pub rule: Rule,
    /// The path of the property, members separated by a slash.
    pub target: String,
    /// What is wrong and what to send instead.
    pub message: String,
}

impl RuleViolation {
    /// The maximum length of the target and of the message, in bytes; longer ones are truncated.
    const MAX_TARGET_BYTES: usize = 256;
    const MAX_MESSAGE_BYTES: usize = 1024;

    /// A violation of `rule` by the property `target`.
    pub fn new(rule: Rule, target: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            rule,
            target: excerpt_within(&target.into(), Self::MAX_TARGET_BYTES).into_owned(),
            message: excerpt_within(&message.into(), Self::MAX_MESSAGE_BYTES).into_owned(),
        }
    }
}

/// Collects the violations of one request. Beyond a limit it only counts them, so that rejecting a large body is cheap.
///
/// ```
/// use flowruns_domain::violation::{Rule, RuleViolation, Violations};
///
/// let mut violations = Violations::default();
/// for number in 0..150 {
///     violations.push_with(|| RuleViolation::new(Rule::UnknownProperty, format!("p{number}"), "remove it"));
/// }
/// let violations = violations.into_vec();
/// assert_eq!(violations.len(), 101);
/// assert_eq!(violations[100].rule, Rule::MoreViolations(50));
/// assert_eq!(violations[100].message, "50 more faults are not listed");
/// ```
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Violations {
    listed: Vec<RuleViolation>,
    unlisted: usize,
}

impl Violations {
    /// The maximum number of violations that are listed.
    pub const MAX_LISTED: usize = 100;

    /// Adds a violation. `violation` is called only if it will be listed.
    pub fn push_with(&mut self, violation: impl FnOnce() -> RuleViolation) {
        if self.listed.len() < Self::MAX_LISTED {
            self.listed.push(violation());
        } else {
            self.unlisted += 1;
        }
    }

    /// Adds the violation of a result, if it is one, and returns its value otherwise.
    pub fn collect<T>(&mut self, result: Result<T, RuleViolation>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(violation) => {
                self.push_with(|| violation);
                None
            }
        }
    }

    /// Adds violations, also those that another collection only counted.
    pub fn extend(&mut self, violations: impl IntoIterator<Item = RuleViolation>) {
        for violation in violations {
            match violation.rule {
                Rule::MoreViolations(count) => self.unlisted += count,
                _ => self.push_with(|| violation),
            }
        }
    }

    /// Whether no violation was added.
    pub const fn is_empty(&self) -> bool {
        self.listed.is_empty()
    }

    /// The listed violations; if others are not listed, the last item counts them.
    pub fn into_vec(self) -> Vec<RuleViolation> {
        let Self { listed: mut violations, unlisted } = self;
        if unlisted > 0 {
            let (noun, verb) = match unlisted {
                1 => ("fault", "is"),
                _ => ("faults", "are"),
            };
            let message = format!("{} more {noun} {verb} not listed", grouped(unlisted));
            violations.push(RuleViolation::new(Rule::MoreViolations(unlisted), "", message));
        }
        violations
    }
}

/// A number with a comma as thousands separator.
fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    fn many(count: usize) -> Vec<RuleViolation> {
        let mut violations = Violations::default();
        for _ in 0..count {
            violations.push_with(|| RuleViolation::new(Rule::InvalidType, "a", "b"));
        }
        violations.into_vec()
    }

    #[test]
    fn a_hundred_violations_are_all_listed() {
        assert_eq!(many(100).len(), 100);
        assert_eq!(many(101)[100].message, "1 more fault is not listed");
    }

    #[test]
    fn counts_of_several_collections_add_up() {
        let mut all = Violations::default();
        all.extend(many(90_000));
        all.extend(many(1150));
        let all = all.into_vec();
        assert_eq!(all.len(), 101);
        assert_eq!(all[100].message, "91,050 more faults are not listed");
    }
}
