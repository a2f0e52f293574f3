//! Conditions on rows: a tree that a store turns into its own language, that can be evaluated on a row in memory, and
//! that is shown as the `$filter` it came from.

use uuid::Uuid;

use crate::{
    flow::{Flow, ReadinessStatus},
    run::RunSummary,
    status::RunStatus,
    timestamp::Timestamp,
};

/// A condition made of `T`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Condition<T> {
    /// A single test of one property.
    Is(T),
    /// Holds where the other does not. There is no third truth value.
    Not(Box<Self>),
    /// Each of them holds.
    And(Vec<Self>),
    /// At least one of them holds.
    Or(Vec<Self>),
}

impl<T> Condition<T> {
    /// Whether it holds, given what each test comes to.
    pub fn holds(&self, test: &dyn Fn(&T) -> bool) -> bool {
        match self {
            Self::Is(term) => test(term),
            Self::Not(inner) => !inner.holds(test),
            Self::And(all) => all.iter().all(|one| one.holds(test)),
            Self::Or(any) => any.iter().any(|one| one.holds(test)),
        }
    }

    /// The tests that hold for every row that the condition holds for.
    pub fn required(&self) -> Vec<&T> {
        match self {
            Self::Is(term) => vec![term],
            Self::And(all) => all.iter().flat_map(Self::required).collect(),
            Self::Not(_) | Self::Or(_) => Vec::new(),
        }
    }

    /// Every test in it.
    pub fn terms(&self) -> Vec<&T> {
        match self {
            Self::Is(term) => vec![term],
            Self::Not(inner) => inner.terms(),
            Self::And(parts) | Self::Or(parts) => parts.iter().flat_map(Self::terms).collect(),
        }
    }
}

/// How a value is compared.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Operator {
    /// Equal; null equals null.
    Eq,
    /// Not equal.
    Ne,
    /// Greater; never so where either is null.
    Gt,
    /// Greater or equal.
    Ge,
    /// Less; never so where either is null.
    Lt,
    /// Less or equal.
    Le,
}

impl Operator {
    /// Every operator.
    pub const ALL: [Self; 6] = [Self::Eq, Self::Ne, Self::Gt, Self::Ge, Self::Lt, Self::Le];

    /// Its name in a `$filter`.
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

    /// The operator for the two sides exchanged.
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

/// A test of one value. `None` is null.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Test<V> {
    /// It compares so.
    Compare(Operator, Option<V>),
    /// It is one of these.
    In(Vec<Option<V>>),
}

impl<V: PartialOrd> Test<V> {
    /// Whether the value passes.
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

/// A test of an enumeration, whose members have no order. `None` is null.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum EnumTest<V> {
    /// Equal; null equals null.
    Eq(Option<V>),
    /// Not equal.
    Ne(Option<V>),
    /// One of these.
    In(Vec<Option<V>>),
}

impl<V: PartialEq> EnumTest<V> {
    /// Whether the value passes.
    pub fn holds(&self, value: Option<&V>) -> bool {
        match self {
            Self::Eq(other) => other.as_ref() == value,
            Self::Ne(other) => other.as_ref() != value,
            Self::In(values) => values.iter().any(|one| one.as_ref() == value),
        }
    }
}

/// A test of a text, which compares by code points.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum TextTest {
    /// It is compared.
    Plain(Test<String>),
    /// It starts so.
    StartsWith(String),
    /// It ends so.
    EndsWith(String),
    /// It has this in it.
    Contains(String),
}

impl TextTest {
    /// Whether the text passes.
    pub fn holds(&self, text: &str) -> bool {
        match self {
            Self::Plain(test) => test.holds(Some(&text.to_owned())),
            Self::StartsWith(part) => text.starts_with(part),
            Self::EndsWith(part) => text.ends_with(part),
            Self::Contains(part) => text.contains(part),
        }
    }
}

/// A test of a run.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum RunTerm {
    /// Of its id.
    Id(Test<Uuid>),
    /// Of its name.
    DisplayName(TextTest),
    /// Of its start.
    Start(Test<Timestamp>),
    /// Of its end, which is null while it is in progress.
    End(Test<Timestamp>),
    /// Of its status.
    Status(EnumTest<RunStatus>),
}

/// Which runs.
pub type RunFilter = Condition<RunTerm>;

impl RunFilter {
    /// Whether the run is one of them.
    pub fn matches(&self, run: &RunSummary) -> bool {
        self.holds(&|term| match term {
            RunTerm::Id(test) => test.holds(Some(&run.key.run.uuid())),
            RunTerm::DisplayName(test) => test.holds(run.display_name.as_str()),
            RunTerm::Start(test) => test.holds(Some(&run.start)),
            RunTerm::End(test) => test.holds(run.state.end().as_ref()),
            RunTerm::Status(test) => test.holds(Some(&run.state.status())),
        })
    }
}

/// A test of a flow.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum FlowTerm {
    /// Of its id.
    Id(Test<Uuid>),
    /// Of its name.
    DisplayName(TextTest),
    /// Of its readiness.
    ReadinessStatus(EnumTest<ReadinessStatus>),
}

/// Which flows.
pub type FlowFilter = Condition<FlowTerm>;

impl FlowFilter {
    /// Whether the flow is one of them.
    pub fn matches(&self, flow: &Flow) -> bool {
        self.holds(&|term| match term {
            FlowTerm::Id(test) => test.holds(Some(&flow.key.flow.uuid())),
            FlowTerm::DisplayName(test) => test.holds(flow.properties.display_name.as_str()),
            FlowTerm::ReadinessStatus(test) => test.holds(Some(&flow.properties.readiness_status)),
        })
    }
}
