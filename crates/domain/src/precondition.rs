//! If-Match and If-None-Match: a change is made to the version that the caller means, or not at all.

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

/// A condition on the version that is stored.
pub trait Precondition {
    /// Compares with the stored version, whose tag is made only if it is needed.
    ///
    /// # Errors
    ///
    /// [`PatchRejected::PreconditionRequired`], [`PatchRejected::PreconditionFailed`] or [`PatchRejected::VersionExcluded`].
    fn check(&self, stored: impl Fn() -> EntityTag) -> Result<(), PatchRejected>;
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
    /// Both conditions: the versions that satisfy this one and the other. Where this one was not sent, the other counts alone.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (condition, Self::Absent | Self::Missing) => condition,
            (Self::Absent | Self::Missing | Self::Any, other) => other,
            (condition, Self::Any) => condition,
            (Self::OneOf(mut tags), Self::OneOf(others)) => {
                tags.retain(|tag| others.contains(tag));
                Self::OneOf(tags)
            }
        }
    }
}

impl Precondition for IfMatch {
    fn check(&self, stored: impl Fn() -> EntityTag) -> Result<(), PatchRejected> {
        match self {
            Self::Absent | Self::Any => Ok(()),
            Self::Missing => Err(PatchRejected::PreconditionRequired),
            Self::OneOf(tags) if tags.contains(&stored()) => Ok(()),
            Self::OneOf(_) => Err(PatchRejected::PreconditionFailed),
        }
    }
}

/// What a caller says about versions that it does not want to change, or has already.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub enum IfNoneMatch {
    /// Nothing: unconditional.
    #[default]
    Absent,
    /// Any version that exists.
    Any,
    /// One of these versions.
    OneOf(Vec<EntityTag>),
}

impl IfNoneMatch {
    /// Whether the stored version is one of those that are named.
    pub fn matches(&self, stored: impl Fn() -> EntityTag) -> bool {
        match self {
            Self::Absent => false,
            Self::Any => true,
            Self::OneOf(tags) => tags.contains(&stored()),
        }
    }
}

/// Both conditions of a request.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Preconditions {
    /// Versions of which the stored one must be one.
    pub if_match: IfMatch,
    /// Versions of which the stored one must not be one.
    pub if_none_match: IfNoneMatch,
}

impl Precondition for Preconditions {
    /// If-Match comes first, as HTTP evaluates them.
    fn check(&self, stored: impl Fn() -> EntityTag) -> Result<(), PatchRejected> {
        let Self {
            if_match,
            if_none_match,
        } = self;
        if_match.check(&stored)?;
        match if_none_match.matches(stored) {
            true => Err(PatchRejected::VersionExcluded),
            false => Ok(()),
        }
    }
}

impl From<IfMatch> for Preconditions {
    fn from(if_match: IfMatch) -> Self {
        Self {
            if_match,
            ..Self::default()
        }
    }
}
