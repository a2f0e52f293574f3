//! Filters of rows. A store translates them, a row in memory can be checked against them, and they are displayed as the OData
//! `$filter` with the same meaning.

use uuid::Uuid;

use crate::{
    flow::entity::{Flow, ReadinessStatus},
    query::comparison::{Comparison, EnumComparison, TextComparison},
    run::{entity::RunSummary, status::RunStatus},
    timestamp::Timestamp,
};

/// A filter: predicates `T`, combined with not, and, or.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Filter<T> {
    /// A predicate of one property.
    Predicate(T),
    /// Matches where the inner filter does not. There are two truth values, unlike in SQL.
    Not(Box<Self>),
    /// All of them match.
    And(Vec<Self>),
    /// At least one of them matches.
    Or(Vec<Self>),
}

impl<T> Filter<T> {
    /// Whether it matches, given a function that evaluates a predicate.
    pub fn holds(&self, evaluate: &dyn Fn(&T) -> bool) -> bool {
        match self {
            Self::Predicate(predicate) => evaluate(predicate),
            Self::Not(inner) => !inner.holds(evaluate),
            Self::And(all) => all.iter().all(|one| one.holds(evaluate)),
            Self::Or(any) => any.iter().any(|one| one.holds(evaluate)),
        }
    }

    /// Predicates that hold for every matching row.
    pub fn required(&self) -> Vec<&T> {
        match self {
            Self::Predicate(predicate) => vec![predicate],
            Self::And(all) => all.iter().flat_map(Self::required).collect(),
            Self::Not(_) | Self::Or(_) => Vec::new(),
        }
    }

    /// All predicates in it.
    pub fn predicates(&self) -> Vec<&T> {
        match self {
            Self::Predicate(predicate) => vec![predicate],
            Self::Not(inner) => inner.predicates(),
            Self::And(parts) | Self::Or(parts) => parts.iter().flat_map(Self::predicates).collect(),
        }
    }
}

/// A predicate of one property of a run.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum RunPredicate {
    /// The id.
    Id(Comparison<Uuid>),
    /// The display name.
    DisplayName(TextComparison),
    /// The start.
    Start(Comparison<Timestamp>),
    /// The end, which is null while the run is in progress.
    End(Comparison<Timestamp>),
    /// The status.
    Status(EnumComparison<RunStatus>),
}

/// A filter of runs.
pub type RunFilter = Filter<RunPredicate>;

impl RunFilter {
    /// Whether it matches a run.
    pub fn matches(&self, run: &RunSummary) -> bool {
        self.holds(&|predicate| match predicate {
            RunPredicate::Id(test) => test.holds(Some(&run.key.run.uuid())),
            RunPredicate::DisplayName(test) => test.holds(run.display_name.as_str()),
            RunPredicate::Start(test) => test.holds(Some(&run.start)),
            RunPredicate::End(test) => test.holds(run.state.end().as_ref()),
            RunPredicate::Status(test) => test.holds(Some(&run.state.status())),
        })
    }
}

/// A predicate of one property of a flow.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum FlowPredicate {
    /// The id.
    Id(Comparison<Uuid>),
    /// The display name.
    DisplayName(TextComparison),
    /// The readiness.
    ReadinessStatus(EnumComparison<ReadinessStatus>),
}

/// A filter of flows.
pub type FlowFilter = Filter<FlowPredicate>;

impl FlowFilter {
    /// Whether it matches a flow.
    pub fn matches(&self, flow: &Flow) -> bool {
        self.holds(&|predicate| match predicate {
            FlowPredicate::Id(test) => test.holds(Some(&flow.key.flow.uuid())),
            FlowPredicate::DisplayName(test) => test.holds(flow.properties.display_name.as_str()),
            FlowPredicate::ReadinessStatus(test) => {
                test.holds(Some(&flow.properties.readiness_status))
            }
        })
    }
}
