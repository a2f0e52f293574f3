//! What clients send: the body, and what it means.

use flowruns_domain::{
    id::RunId,
    json::{JsonObject, JsonValue},
    patch::{Field, Nullable},
    property,
    run::{NewRun, Outcome, PublicErrorPatch, RunPatch, RunStatus},
    timestamp::Timestamp,
    version::IfMatch,
    violation::Rule,
};

use flowruns_testing::fixtures;

/// A report on a run. Its body and its meaning are made together, so that the checker needs no parser, which could have the
/// same defect as that of the server.
#[derive(Clone, Debug)]
pub struct Report {
    /// The body.
    pub body: JsonObject,
    /// What the body asks for; or the rule that its shape breaks, whatever is stored.
    pub meaning: Result<RunPatch, Rule>,
    /// The precondition.
    pub if_match: IfMatch,
}

impl Report {
    /// A report of nothing.
    pub(super) fn empty() -> Self {
        Self {
            body: JsonObject::default(),
            meaning: Ok(RunPatch::default()),
            if_match: IfMatch::Absent,
        }
    }

    /// Adds a member that means nothing, such as an annotation.
    pub(super) fn with_ignored(mut self, name: &str, value: JsonValue) -> Self {
        self.body.insert(name, value);
        self
    }

    /// Adds a member whose shape breaks a rule.
    pub(super) fn with_flaw(mut self, name: &str, value: JsonValue, rule: Rule) -> Self {
        self.body.insert(name, value);
        self.meaning = Err(rule);
        self
    }

    pub(super) fn with_name(self, name: &str) -> Self {
        self.with(property::DISPLAY_NAME, name.into(), |patch| {
            patch.display_name = Field::Value(fixtures::name(name));
        })
    }

    pub(super) fn with_start(self, start: Timestamp) -> Self {
        self.with(property::START_DATE_TIME, text(start), |patch| {
            patch.start = Field::Value(start);
        })
    }

    pub(super) fn with_end(self, end: Timestamp) -> Self {
        self.with(property::END_DATE_TIME, text(end), |patch| {
            patch.end = Nullable::Value(end);
        })
    }

    pub(super) fn without_end(self) -> Self {
        self.with(property::END_DATE_TIME, JsonValue::Null, |patch| {
            patch.end = Nullable::Null;
        })
    }

    pub(super) fn with_status(self, status: RunStatus) -> Self {
        self.with(property::STATUS, status.as_str().into(), |patch| {
            patch.status = Field::Value(status);
        })
    }

    pub(super) fn with_error(self, members: JsonObject) -> Self {
        let shown = JsonValue::Object(members.clone());
        match PublicErrorPatch::new(members) {
            Ok(error) => self.with(property::BLOCKING_ERROR, shown, |patch| {
                patch.blocking_error = Nullable::Value(error);
            }),
            Err(faults) => {
                let rule = faults.first().map_or(Rule::InvalidType, |fault| fault.rule);
                self.with_flaw(property::BLOCKING_ERROR, shown, rule)
            }
        }
    }

    pub(super) fn without_error(self) -> Self {
        self.with(property::BLOCKING_ERROR, JsonValue::Null, |patch| {
            patch.blocking_error = Nullable::Null;
        })
    }

    pub(super) fn with_statistics(self, members: JsonObject) -> Self {
        let shown = JsonValue::Object(members.clone());
        self.with(property::STATISTICS, shown, |patch| {
            patch.statistics = Field::Value(members);
        })
    }

    fn with(mut self, name: &str, value: JsonValue, change: impl FnOnce(&mut RunPatch)) -> Self {
        self.body.insert(name, value);
        if let Ok(patch) = &mut self.meaning {
            change(patch);
        }
        self
    }
}

/// The creation of a run.
#[derive(Clone, Debug)]
pub struct Creation {
    /// The id that the client made.
    pub id: RunId,
    /// The body.
    pub body: JsonObject,
    /// What the body asks for.
    pub new: NewRun,
}

impl Creation {
    /// A run in progress; or one that has already ended, as a back-fill creates it.
    pub(super) fn new(id: RunId, name: &str, outcome: Option<Outcome>) -> Self {
        let start = fixtures::moment();
        let status = outcome.map_or(RunStatus::Running, RunStatus::Ended);
        let statistics = fixtures::object(r#"{"made":{"by":"checker"}}"#);
        let new = NewRun {
            display_name: fixtures::name(name),
            start: Some(start),
            end: outcome.map(|_| start),
            status,
            blocking_error: None,
            statistics: statistics.clone(),
        };
        let mut body = JsonObject::default();
        body.insert(property::ID, JsonValue::String(id.to_string()));
        body.insert(property::DISPLAY_NAME, name.into());
        body.insert(property::START_DATE_TIME, text(start));
        body.insert(property::STATUS, status.as_str().into());
        body.insert(property::STATISTICS, JsonValue::Object(statistics));
        if let Some(end) = new.end {
            body.insert(property::END_DATE_TIME, text(end));
        }
        Self { id, body, new }
    }
}

fn text(time: Timestamp) -> JsonValue {
    JsonValue::String(time.to_string())
}
