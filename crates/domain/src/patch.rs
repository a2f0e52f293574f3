//! Changes of one property: absent, null and a value are three different things.

/// A change of a property that always has a value.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Field<T> {
    /// The property was not sent and keeps its value.
    #[default]
    Absent,
    /// The new value.
    Value(T),
}

impl<T> Field<T> {
    /// The value, if one was sent.
    pub const fn value(&self) -> Option<&T> {
        match self {
            Self::Absent => None,
            Self::Value(value) => Some(value),
        }
    }
}

/// A change of a property that may be null.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Nullable<T> {
    /// The property was not sent and keeps its value.
    #[default]
    Absent,
    /// The property becomes null.
    Null,
    /// The new value.
    Value(T),
}

impl<T> Nullable<T> {
    /// The value, if one was sent.
    pub const fn value(&self) -> Option<&T> {
        match self {
            Self::Absent | Self::Null => None,
            Self::Value(value) => Some(value),
        }
    }
}
