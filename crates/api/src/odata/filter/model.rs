//! The tests that a filter may apply to each property.

use flowruns_domain::{
    flow::ReadinessStatus,
    property,
    query::{Comparison, EnumComparison, FlowPredicate, Operator, RunPredicate, TextComparison},
    run::RunStatus,
    text::excerpt,
    timestamp::Timestamp,
};
use uuid::Uuid;

use super::advice;

/// The sentinel of every enumeration for members of newer versions. No row has it, so it compares like null.
const UNKNOWN_FUTURE_VALUE: &str = "unknownFutureValue";

/// A value of a filter.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Literal {
    Null,
    Text(String),
    Time(Timestamp),
}

/// A test of a property as the filter states it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum PropertyTest {
    Compare(Operator, Literal),
    In(Vec<Literal>),
    StartsWith(String),
    EndsWith(String),
    Contains(String),
}

/// A type whose rows are filtered.
pub(crate) trait Model {
    /// A test of such a row.
    type Term;

    /// The test of a term, or the message of its error.
    fn term(property: &str, test: PropertyTest) -> Result<Self::Term, String>;
}

/// Runs.
pub(crate) struct Runs;
/// Flows.
pub(crate) struct Flows;

impl Model for Runs {
    type Term = RunPredicate;

    fn term(property: &str, test: PropertyTest) -> Result<RunPredicate, String> {
        const KNOWN: [&str; 5] = [
            property::ID,
            property::DISPLAY_NAME,
            property::START_DATE_TIME,
            property::END_DATE_TIME,
            property::STATUS,
        ];
        match usual_name(property, &KNOWN) {
            name @ property::ID => comparison(name, test, id).map(RunPredicate::Id),
            property::DISPLAY_NAME => text(test).map(RunPredicate::DisplayName),
            name @ property::START_DATE_TIME => {
                comparison(name, test, time).map(RunPredicate::Start)
            }
            name @ property::END_DATE_TIME => comparison(name, test, time).map(RunPredicate::End),
            name @ property::STATUS => {
                let known = RunStatus::ALL.map(|status| (status.as_str(), status));
                member(name, test, &known).map(RunPredicate::Status)
            }
            other => Err(unknown(other, &KNOWN)),
        }
    }
}

impl Model for Flows {
    type Term = FlowPredicate;

    fn term(property: &str, test: PropertyTest) -> Result<FlowPredicate, String> {
        const KNOWN: [&str; 3] = [property::ID, property::DISPLAY_NAME, property::READINESS_STATUS];
        match usual_name(property, &KNOWN) {
            name @ property::ID => comparison(name, test, id).map(FlowPredicate::Id),
            property::DISPLAY_NAME => text(test).map(FlowPredicate::DisplayName),
            name @ property::READINESS_STATUS => {
                let known = ReadinessStatus::ALL.map(|status| (status.as_str(), status));
                member(name, test, &known).map(FlowPredicate::ReadinessStatus)
            }
            other => Err(unknown(other, &KNOWN)),
        }
    }
}

/// The name of a property, which may come in any case.
fn usual_name<'n>(property: &'n str, known: &[&'static str]) -> &'n str {
    let mut names = known.iter();
    let name = names.find(|name| name.eq_ignore_ascii_case(property));
    name.map_or(property, |name| *name)
}

fn unknown(property: &str, known: &[&str]) -> String {
    format!("{} cannot be filtered by; these can: {}", excerpt(property), known.join(", "))
}

fn comparison<V>(
    property: &str,
    test: PropertyTest,
    read: impl Fn(&str, &Literal) -> Result<Option<V>, String>,
) -> Result<Comparison<V>, String> {
    let value = |literal| match literal {
        Literal::Null => Ok(None),
        literal => read(property, &literal),
    };
    match test {
        PropertyTest::Compare(operator, literal) => {
            Ok(Comparison::Compare(operator, value(literal)?))
        }
        PropertyTest::In(literals) => {
            Ok(Comparison::In(literals.into_iter().map(value).collect::<Result<_, _>>()?))
        }
        PropertyTest::StartsWith(_) | PropertyTest::EndsWith(_) | PropertyTest::Contains(_) => {
            Err(no_text(property, "eq, ne, gt, ge, lt, le and in"))
        }
    }
}

/// The message for a text function on a property that is not a text, with the operators that it has.
fn no_text(property: &str, operators: &str) -> String {
    format!(
        "{property} is compared by {operators}; startswith, endswith and contains are for displayName"
    )
}

fn text(test: PropertyTest) -> Result<TextComparison, String> {
    match test {
        PropertyTest::StartsWith(part) => Ok(TextComparison::StartsWith(part)),
        PropertyTest::EndsWith(part) => Ok(TextComparison::EndsWith(part)),
        PropertyTest::Contains(part) => Ok(TextComparison::Contains(part)),
        other => {
            let string = |property: &str, literal: &Literal| text_of(property, literal).map(Some);
            comparison(property::DISPLAY_NAME, other, string).map(TextComparison::Whole)
        }
    }
}

/// The test of an enumeration, which has no order.
fn member<V: Copy>(
    property: &str,
    test: PropertyTest,
    known: &[(&'static str, V)],
) -> Result<EnumComparison<V>, String> {
    let value = |literal| match literal {
        Literal::Null => Ok(None),
        literal => member_of(property, &literal, known),
    };
    match test {
        PropertyTest::Compare(Operator::Eq, literal) => Ok(EnumComparison::Eq(value(literal)?)),
        PropertyTest::Compare(Operator::Ne, literal) => Ok(EnumComparison::Ne(value(literal)?)),
        PropertyTest::In(literals) => {
            Ok(EnumComparison::In(literals.into_iter().map(value).collect::<Result<_, _>>()?))
        }
        PropertyTest::Compare(..) => {
            Err(format!("{property} has no order; compare it by eq, ne or in"))
        }
        PropertyTest::StartsWith(_) | PropertyTest::EndsWith(_) | PropertyTest::Contains(_) => {
            Err(no_text(property, "eq, ne and in"))
        }
    }
}

fn member_of<V: Copy>(
    property: &str,
    literal: &Literal,
    known: &[(&'static str, V)],
) -> Result<Option<V>, String> {
    let name = text_of(property, literal)?;
    if name == UNKNOWN_FUTURE_VALUE {
        return Ok(None);
    }
    let member = known.iter().find(|(known, _)| *known == name);
    member.map(|(_, value)| Some(*value)).ok_or_else(|| {
        let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
        format!("{property} is one of {}, not '{}'", names.join(", "), excerpt(&name))
    })
}

fn text_of(property: &str, literal: &Literal) -> Result<String, String> {
    match literal {
        Literal::Text(text) => Ok(text.clone()),
        Literal::Time(_) | Literal::Null => {
            Err(format!("{property} is compared with a string in quotes"))
        }
    }
}

fn time(property: &str, literal: &Literal) -> Result<Option<Timestamp>, String> {
    match literal {
        Literal::Time(time) => Ok(Some(*time)),
        Literal::Text(text) => Err(advice::quoted_time(property, text)),
        Literal::Null => Ok(None),
    }
}

fn id(property: &str, literal: &Literal) -> Result<Option<Uuid>, String> {
    const HYPHENATED_LENGTH: usize = 36;
    let text = text_of(property, literal)?;
    let uuid = Uuid::try_parse(&text).ok();
    uuid.filter(|_| text.len() == HYPHENATED_LENGTH)
        .map(Some)
        .ok_or_else(|| {
            format!(
                "{property} is compared with a hyphenated UUID in quotes, such as '0197f3a0-5c1e-7c3a-9d53-2f3a1b6c7d8e'"
            )
        })
}
