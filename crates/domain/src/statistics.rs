//! The open object that a flow fills with whatever it counts.

use crate::{
    json::JsonObject,
    property,
    rejection::{Fault, Rule},
};

/// Any JSON object within the limits.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Statistics(JsonObject);

impl Statistics {
    /// The most that is kept, in bytes as compact JSON.
    pub const MAX_BYTES: usize = 64 * 1024;
    /// The deepest that is kept, in levels; the object itself is the first.
    pub const MAX_DEPTH: usize = 16;

    /// The members.
    pub const fn members(&self) -> &JsonObject {
        &self.0
    }

    /// Takes what a store has kept; the limits were checked when it was merged.
    pub const fn from_stored(members: JsonObject) -> Self {
        Self(members)
    }

    /// These statistics with a patch merged in.
    ///
    /// # Errors
    ///
    /// A [`Fault`] when the merged object changed and is over a limit.
    pub fn merged(&self, patch: &JsonObject) -> Result<Self, Fault> {
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
            return Err(Fault::new(
                Rule::StatisticsTooDeep,
                property::STATISTICS,
                message,
            ));
        }
        let length = members.compact_length();
        if length > Self::MAX_BYTES {
            let message = format!(
                "statistics would be {length} bytes as compact JSON; at most {} are kept. Remove members with null",
                Self::MAX_BYTES
            );
            return Err(Fault::new(
                Rule::StatisticsTooLarge,
                property::STATISTICS,
                message,
            ));
        }
        Ok(Self(members))
    }
}
