//! A condition as the `$filter` that means it.

use std::fmt::{self, Display as _};

use super::filter::{Condition, EnumTest, FlowTerm, Operator, RunTerm, Test, TextTest};
use crate::{flow::ReadinessStatus, property};

impl<T: fmt::Display> fmt::Display for Condition<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Is(term) => term.fmt(f),
            Self::Not(inner) => write!(f, "not ({inner})"),
            Self::And(parts) => show_parts(f, parts, " and "),
            Self::Or(parts) => show_parts(f, parts, " or "),
        }
    }
}

fn show_parts<T: fmt::Display>(
    f: &mut fmt::Formatter<'_>,
    parts: &[Condition<T>],
    word: &str,
) -> fmt::Result {
    for (index, part) in parts.iter().enumerate() {
        if index > 0 {
            f.write_str(word)?;
        }
        match part {
            Condition::And(_) | Condition::Or(_) => write!(f, "({part})")?,
            Condition::Is(_) | Condition::Not(_) => part.fmt(f)?,
        }
    }
    Ok(())
}

impl fmt::Display for RunTerm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(test) => show_test(f, property::ID, test, quoted),
            Self::DisplayName(test) => show_text(f, test),
            Self::Start(test) => show_test(f, property::START_DATE_TIME, test, plain),
            Self::End(test) => show_test(f, property::END_DATE_TIME, test, plain),
            Self::Status(test) => show_enum(f, property::STATUS, test, quoted),
        }
    }
}

impl fmt::Display for FlowTerm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(test) => show_test(f, property::ID, test, quoted),
            Self::DisplayName(test) => show_text(f, test),
            Self::ReadinessStatus(test) => {
                let named = |status: &ReadinessStatus| quoted(&status.as_str());
                show_enum(f, property::READINESS_STATUS, test, named)
            }
        }
    }
}

fn quoted(value: &impl ToString) -> String {
    format!("'{}'", value.to_string().replace('\'', "''"))
}

fn plain(value: &impl ToString) -> String {
    value.to_string()
}

fn show_text(f: &mut fmt::Formatter<'_>, test: &TextTest) -> fmt::Result {
    let name = property::DISPLAY_NAME;
    match test {
        TextTest::Plain(test) => show_test(f, name, test, quoted),
        TextTest::StartsWith(part) => write!(f, "startswith({name},{})", quoted(part)),
        TextTest::EndsWith(part) => write!(f, "endswith({name},{})", quoted(part)),
        TextTest::Contains(part) => write!(f, "contains({name},{})", quoted(part)),
    }
}

fn show_test<V>(
    f: &mut fmt::Formatter<'_>,
    name: &str,
    test: &Test<V>,
    show: impl Fn(&V) -> String,
) -> fmt::Result {
    match test {
        Test::Compare(operator, value) => show_compare(f, name, *operator, value, show),
        Test::In(values) => show_list(f, name, values, show),
    }
}

fn show_enum<V>(
    f: &mut fmt::Formatter<'_>,
    name: &str,
    test: &EnumTest<V>,
    show: impl Fn(&V) -> String,
) -> fmt::Result {
    match test {
        EnumTest::Eq(value) => show_compare(f, name, Operator::Eq, value, show),
        EnumTest::Ne(value) => show_compare(f, name, Operator::Ne, value, show),
        EnumTest::In(values) => show_list(f, name, values, show),
    }
}

fn show_compare<V>(
    f: &mut fmt::Formatter<'_>,
    name: &str,
    operator: Operator,
    value: &Option<V>,
    show: impl Fn(&V) -> String,
) -> fmt::Result {
    write!(f, "{name} {} {}", operator.as_str(), literal(value, &show))
}

fn show_list<V>(
    f: &mut fmt::Formatter<'_>,
    name: &str,
    values: &[Option<V>],
    show: impl Fn(&V) -> String,
) -> fmt::Result {
    let values: Vec<String> = values.iter().map(|value| literal(value, &show)).collect();
    write!(f, "{name} in ({})", values.join(","))
}

fn literal<V>(value: &Option<V>, show: impl Fn(&V) -> String) -> String {
    value.as_ref().map_or_else(|| "null".to_owned(), show)
}
