//! Statuses as arguments.

use clap::builder::{PossibleValuesParser, TypedValueParser};
use flowruns_client::Status;

/// By their names in the API. Those with which a run ends come after the first.
const STATUSES: [(&str, Status); 5] = [
    ("running", Status::Running),
    ("completed", Status::Completed),
    ("completedWithWarnings", Status::CompletedWithWarnings),
    ("completedWithErrors", Status::CompletedWithErrors),
    ("failed", Status::Failed),
];

/// Any status that is known.
pub(crate) fn any() -> impl TypedValueParser<Value = Status> {
    parser(&STATUSES)
}

/// A status with which a run ends.
pub(crate) fn ended() -> impl TypedValueParser<Value = Status> {
    parser(&STATUSES[1..])
}

fn parser(statuses: &'static [(&str, Status)]) -> impl TypedValueParser<Value = Status> {
    PossibleValuesParser::new(statuses.iter().map(|(name, _)| *name)).map(|name| {
        let status = statuses.iter().find(|(known, _)| *known == name);
        status.map_or(Status::Unknown(name), |(_, status)| status.clone())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_are_those_of_the_api() {
        for (name, status) in &STATUSES {
            assert_eq!(status.as_str(), *name);
        }
        assert!(STATUSES[1..].iter().all(|(_, status)| status.is_terminal()));
    }
}
