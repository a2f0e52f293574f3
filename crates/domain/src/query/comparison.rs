//! Comparisons of one value. `None` is null.

/// A comparison operator.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Operator {
    /// Equal; null equals null.
    Eq,
    /// Not equal.
    Ne,
    /// Greater; false if either side is null.
    Gt,
    /// Greater or equal.
    Ge,
    /// Less; false if either side is null.
    Lt,
    /// Less or equal.
    Le,
}

impl Operator {
    /// All operators.
    pub const ALL: [Self; 6] = [Self::Eq, Self::Ne, Self::Gt, Self::Ge, Self::Lt, Self::Le];

    /// The name in a `$filter`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Eq => "eq",
            Self::Ne => "ne",
            Self::Gt => "gt",
            Self::Ge => "ge",
            Self::Lt => "lt",
            Self::Le => "le",
        }
    }

    /// The operator with the same meaning when the sides are exchanged.
    #[must_use]
    pub const fn exchanged(self) -> Self {
        match self {
            Self::Gt => Self::Lt,
            Self::Ge => Self::Le,
            Self::Lt => Self::Gt,
            Self::Le => Self::Ge,
            Self::Eq | Self::Ne => self,
        }
    }
}

/// A comparison of a value with others of the same type.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Comparison<V> {
    /// With one value.
    Compare(Operator, Option<V>),
    /// Equal to one of these.
    In(Vec<Option<V>>),
}

impl<V: PartialOrd> Comparison<V> {
    /// Whether it holds for a value.
    pub fn holds(&self, value: Option<&V>) -> bool {
        let (operator, other) = match self {
            Self::In(values) => return values.iter().any(|one| one.as_ref() == value),
            Self::Compare(operator, other) => (*operator, other.as_ref()),
        };
        let both = value.zip(other);
        match operator {
            Operator::Eq => value == other,
            Operator::Ne => value != other,
            Operator::Gt => both.is_some_and(|(value, other)| value > other),
            Operator::Lt => both.is_some_and(|(value, other)| value < other),
            Operator::Ge => value == other || both.is_some_and(|(value, other)| value > other),
            Operator::Le => value == other || both.is_some_and(|(value, other)| value < other),
        }
    }
}

/// A comparison of an enumeration, whose members have no order.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum EnumComparison<V> {
    /// Equal; null equals null.
    Eq(Option<V>),
    /// Not equal.
    Ne(Option<V>),
    /// Equal to one of these.
    In(Vec<Option<V>>),
}

impl<V: PartialEq> EnumComparison<V> {
    /// Whether it holds for a value.
    pub fn holds(&self, value: Option<&V>) -> bool {
        match self {
            Self::Eq(other) => other.as_ref() == value,
            Self::Ne(other) => other.as_ref() != value,
            Self::In(values) => values.iter().any(|one| one.as_ref() == value),
        }
    }
}

/// A comparison of a text, by code points.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum TextComparison {
    /// The whole text.
    Whole(Comparison<String>),
    /// The text starts with this.
    StartsWith(String),
    /// The text ends with this.
    EndsWith(String),
    /// The text contains this.
    Contains(String),
}

impl TextComparison {
    /// Whether it holds for a text.
    pub fn holds(&self, text: &str) -> bool {
        match self {
            Self::Whole(test) => test.holds(Some(&text.to_owned())),
            Self::StartsWith(part) => text.starts_with(part),
            Self::EndsWith(part) => text.ends_with(part),
            Self::Contains(part) => text.contains(part),
        }
    }
}
