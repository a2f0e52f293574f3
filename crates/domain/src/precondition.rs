//! If-Match: a change is made to the version that was read, or not at all.

use crate::rejection::PatchRejected;

/// The opaque part of an ETag. One per version of a row, and never that of another row.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct EntityTag(String);

impl EntityTag {
    /// Takes the opaque part, without quotes.
    pub fn new(opaque: impl Into<String>) -> Self {
        Self(opaque.into())
    }

    /// The opaque part, without quotes.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What a caller says about the version that it wants to change.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub enum IfMatch {
    /// Nothing: unconditional.
    #[default]
    Absent,
    /// Nothing, although the server demands it.
    Missing,
    /// Any version.
    Any,
    /// One of these versions.
    OneOf(Vec<EntityTag>),
}

impl IfMatch {
    /// Compares with the stored version.
    ///
    /// # Errors
    ///
    /// [`PatchRejected::PreconditionRequired`] or [`PatchRejected::PreconditionFailed`].
    pub fn check(&self, stored: impl FnOnce() -> EntityTag) -> Result<(), PatchRejected> {
        match self {
            Self::Absent | Self::Any => Ok(()),
            Self::Missing => Err(PatchRejected::PreconditionRequired),
            Self::OneOf(tags) if tags.contains(&stored()) => Ok(()),
            Self::OneOf(_) => Err(PatchRejected::PreconditionFailed),
        }
    }
}
