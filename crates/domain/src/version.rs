//! Versions of rows, their entity tags, and conditions on them (If-Match and If-None-Match).

use std::fmt;

use crate::rejection::Rejection;

/// The version of a row: 1 when it is created, then increased by 1 with each change.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Version(i64);

impl Version {
    /// The version of a row that was just created.
    pub const FIRST: Self = Self(1);

    /// A stored version; `None` below 1.
    pub fn new(number: i64) -> Option<Self> {
        (number >= 1).then_some(Self(number))
    }

    /// The version as a number, at least 1.
    pub const fn number(self) -> i64 {
        self.0
    }

    /// The version after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The opaque part of an ETag, unique for each version of each row.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct EntityTag(String);

impl EntityTag {
    /// A tag from its opaque part, without quotes.
    pub fn new(opaque: impl Into<String>) -> Self {
        Self(opaque.into())
    }

    /// The opaque part, without quotes.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A condition on the stored version of a row.
pub trait Precondition {
    /// Checks the condition. `stored` makes the tag of the stored version; it is called only if it is needed.
    ///
    /// # Errors
    ///
    /// [`Rejection::PreconditionRequired`], [`Rejection::PreconditionFailed`] or [`Rejection::VersionExcluded`].
    fn check(&self, stored: impl Fn() -> EntityTag) -> Result<(), Rejection>;
}

/// The If-Match condition: the stored version must be one of the named ones.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub enum IfMatch {
    /// Not sent, so there is no condition.
    #[default]
    Absent,
    /// Not sent, although the server requires it.
    AbsentButRequired,
    /// Any version.
    Any,
    /// One of these versions.
    OneOf(Vec<EntityTag>),
}

impl IfMatch {
    /// The condition that holds where this one and the other hold. A condition that was not sent does not count.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (condition, Self::Absent | Self::AbsentButRequired) => condition,
            (Self::Absent | Self::AbsentButRequired | Self::Any, other) => other,
            (condition, Self::Any) => condition,
            (Self::OneOf(mut tags), Self::OneOf(others)) => {
                tags.retain(|tag| others.contains(tag));
                Self::OneOf(tags)
            }
        }
    }
}

impl Precondition for IfMatch {
    fn check(&self, stored: impl Fn() -> EntityTag) -> Result<(), Rejection> {
        match self {
            Self::Absent | Self::Any => Ok(()),
            Self::AbsentButRequired => Err(Rejection::PreconditionRequired),
            Self::OneOf(tags) if tags.contains(&stored()) => Ok(()),
            Self::OneOf(_) => Err(Rejection::PreconditionFailed),
        }
    }
}

/// The If-None-Match condition: the stored version must not be one of the named ones.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub enum IfNoneMatch {
    /// Not sent, so there is no condition.
    #[default]
    Absent,
    /// Any version that exists.
    Any,
    /// One of these versions.
    OneOf(Vec<EntityTag>),
}

impl IfNoneMatch {
    /// Whether the stored version is one of the named ones.
    pub fn matches(&self, stored: impl Fn() -> EntityTag) -> bool {
        match self {
            Self::Absent => false,
            Self::Any => true,
            Self::OneOf(tags) => tags.contains(&stored()),
        }
    }
}

/// The conditions of a request.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Preconditions {
    /// Must match the stored version.
    pub if_match: IfMatch,
    /// Must not match the stored version.
    pub if_none_match: IfNoneMatch,
}

impl Precondition for Preconditions {
    /// Checks If-Match first, as RFC 9110 section 13.2.2 requires.
    fn check(&self, stored: impl Fn() -> EntityTag) -> Result<(), Rejection> {
        let Self { if_match, if_none_match } = self;
        if_match.check(&stored)?;
        match if_none_match.matches(stored) {
            true => Err(Rejection::VersionExcluded),
            false => Ok(()),
        }
    }
}

impl From<IfMatch> for Preconditions {
    fn from(if_match: IfMatch) -> Self {
        Self { if_match, ..Self::default() }
    }
}
