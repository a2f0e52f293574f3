//! The statistics of a run.

use std::sync::Arc;

use crate::{
    json::{
        compact::{CompactMembers, compact, is_compact_object},
        merge::merged_value,
        value::{JsonObject, JsonValue},
    },
    property,
    run::event::PropertyChange,
    violation::{Rule, RuleViolation},
};

/// An open object of counters and other values that the flow reports, within limits of size and depth.
///
/// Held as its compact text, which the store, the response and the history share. A merge parses only the members that the patch
/// names.
#[derive(Clone, Debug, PartialEq)]
pub struct Statistics(Arc<str>);

/// No members.
impl Default for Statistics {
    fn default() -> Self {
        Self(Arc::from("{}"))
    }
}

impl Statistics {
    /// The maximum size, in bytes as compact JSON.
    pub const MAX_BYTES: usize = 64 * 1024;
    /// The maximum depth, in levels. The object itself is the first.
    pub const MAX_DEPTH: usize = 16;

    /// The members, parsed.
    #[expect(clippy::expect_used, reason = "the text was written from members, or checked")]
    pub fn members(&self) -> JsonObject {
        serde_json::from_str(&self.0).expect("a compact text of an object is JSON")
    }

    /// The compact text: no white space, members sorted by name at every level.
    pub fn text(&self) -> &str {
        &self.0
    }

    /// Stored statistics. The limits were checked before they were stored.
    pub fn from_stored(members: &JsonObject) -> Self {
        Self(compact(members).into())
    }

    /// Stored statistics, as their text. A text that is not compact, such as one of jsonb, is parsed and written anew. `None` if it
    /// is not an object.
    ///
    /// ```
    /// use flowruns_domain::run::Statistics;
    ///
    /// let statistics = Statistics::from_stored_text(r#"{"b": 1.0, "a": [1, 2]}"#);
    /// assert_eq!(statistics.unwrap().text(), r#"{"a":[1,2],"b":1}"#);
    /// assert_eq!(Statistics::from_stored_text("[]"), None);
    /// ```
    pub fn from_stored_text(text: &str) -> Option<Self> {
        if is_compact_object(text, Self::MAX_DEPTH) {
            return Some(Self(text.into()));
        }
        serde_json::from_str(text).ok().map(|members| Self::from_stored(&members))
    }

    /// Merges a patch into these statistics (RFC 7396).
    ///
    /// # Errors
    ///
    /// A [`RuleViolation`] when the result exceeds a limit and differs from these statistics.
    pub fn merged(&self, patch: &JsonObject) -> Result<Self, RuleViolation> {
        self.merged_with_changes(patch).map(|(merged, _)| merged)
    }

    /// As [`merged`](Self::merged), with the changes of members, sorted by name.
    pub(crate) fn merged_with_changes(
        &self,
        patch: &JsonObject,
    ) -> Result<(Self, Vec<PropertyChange>), RuleViolation> {
        let mut merge = Merge::new(self.0.len());
        let mut stored = CompactMembers::of(&self.0).peekable();
        for (name, value) in patch.iter() {
            while let Some(member) = stored.next_if(|member| *member.name < *name) {
                merge.push(member.whole, member.depth);
            }
            let former = stored.next_if(|member| member.name == name);
            merge.apply(name, former.map(|member| member.value), value);
        }
        stored.for_each(|member| merge.push(member.whole, member.depth));
        let Merge { text, depth, changes } = merge.finish();
        if changes.is_empty() {
            return Ok((self.clone(), changes));
        }
        check_depth(depth)?;
        check_length(text.len())?;
        Ok((Self(text.into()), changes))
    }
}

/// The result of a merge, while it is written.
struct Merge {
    /// Empty before the first member.
    text: String,
    depth: usize,
    changes: Vec<PropertyChange>,
}

impl Merge {
    /// More than most patches add, in bytes.
    const USUAL_GROWTH: usize = 64;

    fn new(stored_length: usize) -> Self {
        let text = String::with_capacity(stored_length + Self::USUAL_GROWTH);
        Self { text, depth: 1, changes: Vec::new() }
    }

    /// Adds a member, given its text and the depth of its value.
    fn push(&mut self, member: &str, depth: usize) {
        self.begin_member(depth);
        self.text.push_str(member);
    }

    fn begin_member(&mut self, depth: usize) {
        self.text.push(if self.text.is_empty() { '{' } else { ',' });
        self.depth = self.depth.max(1 + depth);
    }

    /// Merges a member of the patch into the stored member of this name, given the text of its value.
    fn apply(&mut self, name: &str, stored: Option<&str>, patch: &JsonValue) {
        // Only an object is merged into what is stored; anything else replaces it.
        let former = || stored.and_then(|stored| serde_json::from_str(stored).ok());
        let merged = match patch {
            JsonValue::Object(_) => merged_value(former(), patch),
            _ => merged_value(None, patch),
        };
        let text = merged.as_ref().map(compact);
        if let (Some(text), Some(value)) = (&text, &merged) {
            self.begin_member(value.depth());
            self.text.push_str(&compact(&name));
            self.text.push(':');
            self.text.push_str(text);
        }
        if text.as_deref() != stored {
            self.changes.push(PropertyChange {
                property: [property::STATISTICS, "/", name].concat(),
                before: former().unwrap_or(JsonValue::Null),
                after: merged.unwrap_or(JsonValue::Null),
            });
        }
    }

    fn finish(mut self) -> Self {
        self.text.push_str(if self.text.is_empty() { "{}" } else { "}" });
        self
    }
}

fn check_depth(depth: usize) -> Result<(), RuleViolation> {
    if depth <= Statistics::MAX_DEPTH {
        return Ok(());
    }
    let message = format!(
        "statistics would be {depth} levels deep; at most {} are kept",
        Statistics::MAX_DEPTH
    );
    Err(RuleViolation::new(Rule::StatisticsTooDeep, property::STATISTICS, message))
}

fn check_length(length: usize) -> Result<(), RuleViolation> {
    if length <= Statistics::MAX_BYTES {
        return Ok(());
    }
    let message = format!(
        "statistics would be {length} bytes as compact JSON; at most {} are kept. Remove members with null",
        Statistics::MAX_BYTES
    );
    Err(RuleViolation::new(Rule::StatisticsTooLarge, property::STATISTICS, message))
}
