//! What can be asked of a property.

use flowruns_domain::{
    FlowTerm, Operator, ReadinessStatus, RunStatus, RunTerm, Test, TextTest, Timestamp, excerpt,
    property,
};
use uuid::Uuid;

/// A value of a filter.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Literal {
    Null,
    Text(String),
    Time(Timestamp),
}

/// What is asked of a property.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Question {
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

    /// The test that a question means; else what is wrong with it.
    fn term(property: &str, question: Question) -> Result<Self::Term, String>;
}

/// Runs.
pub(crate) struct Runs;
/// Flows.
pub(crate) struct Flows;

impl Model for Runs {
    type Term = RunTerm;

    fn term(property: &str, question: Question) -> Result<RunTerm, String> {
        match property {
            property::ID => test(property, question, id).map(RunTerm::Id),
            property::DISPLAY_NAME => text(question).map(RunTerm::DisplayName),
            property::START_DATE_TIME => test(property, question, time).map(RunTerm::Start),
            property::END_DATE_TIME => test(property, question, time).map(RunTerm::End),
            property::STATUS => {
                let known = RunStatus::ALL.map(|status| (status.as_str(), status));
                member(property, question, &known).map(RunTerm::Status)
            }
            other => Err(unknown(
                other,
                "id, displayName, startDateTime, endDateTime and status",
            )),
        }
    }
}

impl Model for Flows {
    type Term = FlowTerm;

    fn term(property: &str, question: Question) -> Result<FlowTerm, String> {
        match property {
            property::ID => test(property, question, id).map(FlowTerm::Id),
            property::DISPLAY_NAME => text(question).map(FlowTerm::DisplayName),
            property::READINESS_STATUS => {
                let known = ReadinessStatus::ALL.map(|status| (status.as_str(), status));
                member(property, question, &known).map(FlowTerm::ReadinessStatus)
            }
            other => Err(unknown(other, "id, displayName and readinessStatus")),
        }
    }
}

fn unknown(property: &str, known: &str) -> String {
    format!(
        "{} cannot be filtered by; these can: {known}",
        excerpt(property)
    )
}

fn test<V>(
    property: &str,
    question: Question,
    read: impl Fn(&str, &Literal) -> Result<V, String>,
) -> Result<Test<V>, String> {
    let value = |literal| match literal {
        Literal::Null => Ok(None),
        literal => read(property, &literal).map(Some),
    };
    match question {
        Question::Compare(operator, literal) => Ok(Test::Compare(operator, value(literal)?)),
        Question::In(literals) => Ok(Test::In(
            literals.into_iter().map(value).collect::<Result<_, _>>()?,
        )),
        Question::StartsWith(_) | Question::EndsWith(_) | Question::Contains(_) => Err(format!(
            "{property} is compared by eq, ne and in; startswith, endswith and contains are for displayName"
        )),
    }
}

fn text(question: Question) -> Result<TextTest, String> {
    match question {
        Question::StartsWith(part) => Ok(TextTest::StartsWith(part)),
        Question::EndsWith(part) => Ok(TextTest::EndsWith(part)),
        Question::Contains(part) => Ok(TextTest::Contains(part)),
        compared => test(property::DISPLAY_NAME, compared, string).map(TextTest::Plain),
    }
}

/// Enumerations have no order.
fn member<V: Copy>(
    property: &str,
    question: Question,
    known: &[(&'static str, V)],
) -> Result<Test<V>, String> {
    if let Question::Compare(Operator::Gt | Operator::Ge | Operator::Lt | Operator::Le, _) =
        question
    {
        return Err(format!(
            "{property} has no order; compare it by eq, ne or in"
        ));
    }
    test(property, question, |property, literal| {
        let name = string(property, literal)?;
        let member = known.iter().find(|(known, _)| *known == name);
        member.map(|(_, value)| *value).ok_or_else(|| {
            let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
            format!(
                "{property} is one of {}, not '{}'",
                names.join(", "),
                excerpt(&name)
            )
        })
    })
}

fn string(property: &str, literal: &Literal) -> Result<String, String> {
    match literal {
        Literal::Text(text) => Ok(text.clone()),
        Literal::Time(_) | Literal::Null => {
            Err(format!("{property} is compared with a string in quotes"))
        }
    }
}

fn time(property: &str, literal: &Literal) -> Result<Timestamp, String> {
    match literal {
        Literal::Time(time) => Ok(*time),
        Literal::Text(_) | Literal::Null => Err(format!(
            "{property} is compared with a time such as 2026-03-01T08:30:00Z, without quotes"
        )),
    }
}

fn id(property: &str, literal: &Literal) -> Result<Uuid, String> {
    const HYPHENATED_LENGTH: usize = 36;
    let text = string(property, literal)?;
    let uuid = Uuid::try_parse(&text).ok();
    uuid.filter(|_| text.len() == HYPHENATED_LENGTH)
        .ok_or_else(|| format!("{property} is compared with a hyphenated UUID in quotes"))
}
