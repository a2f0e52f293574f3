//! Displays a filter as the OData `$filter` with the same meaning.

use std::fmt::{self, Display as _};

use crate::{
    flow::entity::ReadinessStatus,
    property,
    query::{
        comparison::{Comparison, EnumComparison, Operator, TextComparison},
        filter::{Filter, FlowPredicate, RunPredicate},
    },
};

impl<T: fmt::Display> fmt::Display for Filter<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Predicate(predicate) => predicate.fmt(f),
            Self::Not(inner) => write!(f, "not ({inner})"),
            Self::And(parts) => show_parts(f, parts, " and "),
            Self::Or(parts) => show_parts(f, parts, " or "),
        }
    }
}

fn show_parts<T: fmt::Display>(
    f: &mut fmt::Formatter<'_>,
    parts: &[Filter<T>],
    word: &str,
) -> fmt::Result {
    for (index, part) in parts.iter().enumerate() {
        if index > 0 {
            f.write_str(word)?;
        }
        match part {
            Filter::And(_) | Filter::Or(_) => write!(f, "({part})")?,
            Filter::Predicate(_) | Filter::Not(_) => part.fmt(f)?,
        }
    }
    Ok(())
}

impl fmt::Display for RunPredicate {
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

impl fmt::Display for FlowPredicate {
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

fn show_text(f: &mut fmt::Formatter<'_>, test: &TextComparison) -> fmt::Result {
    let name = property::DISPLAY_NAME;
    match test {
        TextComparison::Whole(test) => show_test(f, name, test, quoted),
        TextComparison::StartsWith(part) => write!(f, "startswith({name},{})", quoted(part)),
        TextComparison::EndsWith(part) => write!(f, "endswith({name},{})", quoted(part)),
        TextComparison::Contains(part) => write!(f, "contains({name},{})", quoted(part)),
    }
}

fn show_test<V>(
    f: &mut fmt::Formatter<'_>,
    name: &str,
    test: &Comparison<V>,
    show: impl Fn(&V) -> String,
) -> fmt::Result {
    match test {
        Comparison::Compare(operator, value) => show_compare(f, name, *operator, value, show),
        Comparison::In(values) => show_list(f, name, values, show),
    }
}

fn show_enum<V>(
    f: &mut fmt::Formatter<'_>,
    name: &str,
    test: &EnumComparison<V>,
    show: impl Fn(&V) -> String,
) -> fmt::Result {
    match test {
        EnumComparison::Eq(value) => show_compare(f, name, Operator::Eq, value, show),
        EnumComparison::Ne(value) => show_compare(f, name, Operator::Ne, value, show),
        EnumComparison::In(values) => show_list(f, name, values, show),
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
