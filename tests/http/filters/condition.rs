//! A `$filter` and its meaning in OData 4.01: a comparison with null is true or false, and null equals only null.

use std::cmp::Ordering;

use proptest::{prelude::*, sample};
use serde_json::Value;

use super::{NAMES, READINESS, RUNS, STATUSES, moment, run_id};

#[derive(Clone, Debug)]
pub(super) enum Condition {
    Compare(&'static str, &'static str, Literal),
    /// The literal is the left operand.
    Compared(Literal, &'static str, &'static str),
    In(&'static str, Vec<Literal>),
    Text(&'static str, String),
    Not(Box<Condition>),
    And(Box<Condition>, Box<Condition>),
    Or(Box<Condition>, Box<Condition>),
}

/// A value and its literal.
#[derive(Clone, Debug)]
pub(super) struct Literal {
    value: Option<String>,
    text: String,
}

/// The properties that a list is filtered by.
#[derive(Clone, Copy, Debug)]
pub(super) enum Leaves {
    Runs,
    RunsAcrossFlows,
    Flows,
}

impl Condition {
    pub(super) fn text(&self) -> String {
        match self {
            Self::Compare(name, operator, literal) => format!("{name} {operator} {}", literal.text),
            Self::Compared(literal, operator, name) => {
                format!("{} {operator} {name}", literal.text)
            }
            Self::In(name, literals) => {
                let texts: Vec<&str> = literals.iter().map(|one| one.text.as_str()).collect();
                format!("{name} in ({})", texts.join(","))
            }
            Self::Text(function, part) => format!("{function}(displayName,{})", quoted(part)),
            Self::Not(inner) => format!("not ({})", inner.text()),
            Self::And(one, other) => format!("({}) and ({})", one.text(), other.text()),
            Self::Or(one, other) => format!("({}) or ({})", one.text(), other.text()),
        }
    }

    pub(super) fn holds(&self, row: &Value) -> bool {
        let value = |name: &str| row[name].as_str();
        match self {
            Self::Compare(name, operator, literal) => {
                compares(value(name), operator, literal.value.as_deref())
            }
            Self::Compared(literal, operator, name) => {
                compares(literal.value.as_deref(), operator, value(name))
            }
            Self::In(name, literals) => {
                literals.iter().any(|one| one.value.as_deref() == value(name))
            }
            Self::Text(function, part) => {
                let name = value("displayName").unwrap();
                let (name, part) = (name.as_bytes(), part.as_bytes());
                match *function {
                    "startswith" => name.iter().take(part.len()).eq(part),
                    "endswith" => name.iter().rev().take(part.len()).eq(part.iter().rev()),
                    _ => {
                        (0..=name.len()).any(|start| name[start..].iter().take(part.len()).eq(part))
                    }
                }
            }
            Self::Not(inner) => !inner.holds(row),
            Self::And(one, other) => one.holds(row) && other.holds(row),
            Self::Or(one, other) => one.holds(row) || other.holds(row),
        }
    }
}

/// Ids in lower case, times in UTC with whole seconds, and texts all compare by their bytes.
fn compares(one: Option<&str>, operator: &str, other: Option<&str>) -> bool {
    let ordering = match (one, other) {
        (Some(one), Some(other)) => Some(one.as_bytes().cmp(other.as_bytes())),
        (None, None) => Some(Ordering::Equal),
        _ => None,
    };
    match operator {
        "eq" => ordering == Some(Ordering::Equal),
        "ne" => ordering != Some(Ordering::Equal),
        "gt" => ordering == Some(Ordering::Greater),
        "lt" => ordering == Some(Ordering::Less),
        "ge" => matches!(ordering, Some(Ordering::Greater | Ordering::Equal)),
        _ => matches!(ordering, Some(Ordering::Less | Ordering::Equal)),
    }
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

fn null() -> Literal {
    Literal { value: None, text: "null".to_owned() }
}

fn strings(values: &[&str]) -> BoxedStrategy<Literal> {
    let literal = |value: String| Literal { text: quoted(&value), value: Some(value) };
    let values: Vec<String> = values.iter().map(|value| (*value).to_owned()).collect();
    prop_oneof![9 => sample::select(values).prop_map(literal), 1 => Just(null())].boxed()
}

/// Each moment in UTC, with a fraction of zeros, and as another zone shows it.
fn times(nulls: u32) -> BoxedStrategy<Literal> {
    let literal = |(minute, form): (u32, u32)| Literal {
        value: Some(moment(minute)),
        text: match form {
            0 => moment(minute),
            1 => format!("2026-03-01T08:{minute:02}:00.000Z"),
            2 => format!("2026-03-01T13:{:02}:00+05:15", minute + 15),
            _ => format!("2026-02-28T23:{minute:02}:00-09:00"),
        },
    };
    prop_oneof![9 => (0_u32..20, 0_u32..4).prop_map(literal), nulls => Just(null())].boxed()
}

/// In either case.
fn ids() -> BoxedStrategy<Literal> {
    let literal = |(number, is_upper): (u32, bool)| {
        let id = run_id(number);
        let text = if is_upper { id.to_uppercase() } else { id.clone() };
        Literal { value: Some(id), text: quoted(&text) }
    };
    prop_oneof![9 => (0..RUNS + 2, any::<bool>()).prop_map(literal), 1 => Just(null())].boxed()
}

fn tests(
    name: &'static str,
    literals: BoxedStrategy<Literal>,
    operators: &[&'static str],
) -> BoxedStrategy<Condition> {
    let operator = sample::select(operators.to_vec());
    let compare = (operator, literals.clone());
    prop_oneof![
        4 => compare.clone().prop_map(move |(operator, literal)| Condition::Compare(name, operator, literal)),
        1 => compare.prop_map(move |(operator, literal)| Condition::Compared(literal, operator, name)),
        2 => proptest::collection::vec(literals, 1..4).prop_map(move |literals| Condition::In(name, literals)),
    ]
    .boxed()
}

fn texts() -> BoxedStrategy<Condition> {
    let functions = vec!["startswith", "endswith", "contains"];
    let parts = vec!["", "a", "b", "ab", "%", "_'", "B", "\u{e4}", "\\", "& y+"];
    (sample::select(functions), sample::select(parts))
        .prop_map(|(function, part)| Condition::Text(function, part.to_owned()))
        .boxed()
}

fn leaves(of: Leaves) -> BoxedStrategy<Condition> {
    const EQUALITY: [&str; 2] = ["eq", "ne"];
    const ALL: [&str; 6] = ["eq", "ne", "gt", "ge", "lt", "le"];
    let names = || prop_oneof![tests("displayName", strings(&NAMES), &ALL), texts()];
    let ids = || tests("id", ids(), &ALL);
    let status = || tests("status", strings(&STATUSES), &EQUALITY);
    let start = || tests("startDateTime", times(1), &ALL);
    match of {
        Leaves::Runs => {
            prop_oneof![status(), start(), tests("endDateTime", times(6), &ALL), names(), ids()]
                .boxed()
        }
        Leaves::RunsAcrossFlows => prop_oneof![status(), start()].boxed(),
        Leaves::Flows => {
            prop_oneof![tests("readinessStatus", strings(&READINESS), &EQUALITY), names(), ids()]
                .boxed()
        }
    }
}

pub(super) fn conditions(of: Leaves) -> impl Strategy<Value = Condition> {
    leaves(of).prop_recursive(3, 8, 2, |inner| {
        let pair = || (inner.clone().prop_map(Box::new), inner.clone().prop_map(Box::new));
        prop_oneof![
            inner.clone().prop_map(|inner| Condition::Not(Box::new(inner))),
            pair().prop_map(|(one, other)| Condition::And(one, other)),
            pair().prop_map(|(one, other)| Condition::Or(one, other)),
        ]
    })
}
