//! The statistics of a run.

use crate::{
    json::value::JsonObject,
    property,
    violation::{Rule, RuleViolation},
};

/// An open object of counters and other values that the flow reports, within limits of size and depth.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Statistics(JsonObject);

impl Statistics {
    /// The maximum size, in bytes as compact JSON.
    pub const MAX_BYTES: usize = 64 * 1024;
    /// The maximum depth, in levels. The object itself is the first.
    pub const MAX_DEPTH: usize = 16;

    /// The members.
    pub const fn members(&self) -> &JsonObject {
        &self.0
    }

    /// Stored statistics. The limits were checked before they were stored.
    pub const fn from_stored(members: JsonObject) -> Self {
        Self(members)
    }

    /// Merges a patch into these statistics (RFC 7396).
    ///
    /// # Errors
    ///
    /// A [`RuleViolation`] when the result exceeds a limit and differs from these statistics.
    pub fn merged(&self, patch: &JsonObject) -> Result<Self, RuleViolation> {
        let mut members = self.0.clone();
        members.merge(patch);
        if members == self.0 {
            return Ok(Self(members));
        }
        let depth = members.depth();
        if depth > Self::MAX_DEPTH {
            let message = format!(
                "statistics would be {depth} levels deep; at most {} are kept",
                Self::MAX_DEPTH
            );
            return Err(RuleViolation::new(Rule::StatisticsTooDeep, property::STATISTICS, message));
        }
        let length = members.compact_length();
        if length > Self::MAX_BYTES {
            let message = format!(
                "statistics would be {length} bytes as compact JSON; at most {} are kept. Remove members with null",
                Self::MAX_BYTES
            );
            return Err(RuleViolation::new(
                Rule::StatisticsTooLarge,
                property::STATISTICS,
                message,
            ));
        }
        Ok(Self(members))
    }
}
