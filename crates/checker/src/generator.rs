//! Random reports, valid and invalid.

use std::time::Duration;

use fastrand::Rng;
use flowruns_domain::{
    id::RunId,
    json::{JsonObject, JsonValue},
    property,
    run::{Outcome, RunStatus},
    timestamp::Timestamp,
    version::{EntityTag, IfMatch},
    violation::Rule,
};

use super::{known::Known, record::Marker, report::Report};
use flowruns_testing::fixtures;

const OUTCOMES: [Outcome; 4] = [
    Outcome::Completed,
    Outcome::CompletedWithWarnings,
    Outcome::CompletedWithErrors,
    Outcome::Failed,
];
/// The number of clients that send large bodies: together they stay below the limit of statistics.
const LARGE_SENDERS: usize = 4;
const LARGE: usize = 10 * 1024;
const SMALL: usize = 64;
/// Starts move within a day before the moment of the fixtures; ends are after it, or two days before.
const DAY: u64 = 24 * 60 * 60;

/// The kinds of reports, and their frequencies.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Progress,
    Payload,
    Rename,
    Move,
    End,
    EndAt,
    SameEnd,
    AnyStatus,
    MoveEnd,
    EndBeforeStart,
    SetError,
    ClearError,
    ErrorBesideCompleted,
    TooDeep,
    Flaw,
    Nothing,
}

const WEIGHTS: [(Kind, u32); 16] = [
    (Kind::Progress, 34),
    (Kind::Payload, 7),
    (Kind::Rename, 6),
    (Kind::Move, 4),
    (Kind::End, 2),
    (Kind::EndAt, 1),
    (Kind::SameEnd, 4),
    (Kind::AnyStatus, 5),
    (Kind::MoveEnd, 4),
    (Kind::EndBeforeStart, 3),
    (Kind::SetError, 5),
    (Kind::ClearError, 3),
    (Kind::ErrorBesideCompleted, 2),
    (Kind::TooDeep, 1),
    (Kind::Flaw, 8),
    (Kind::Nothing, 11),
];

/// A random report, and how it may be sent.
#[derive(Clone, Debug)]
pub(super) struct GeneratedReport {
    pub(super) report: Report,
    /// Identifies the report in the history; None when it cannot change anything.
    pub(super) marker: Option<Marker>,
    /// Applied once, it changes nothing when it is applied again.
    pub(super) is_harmless: bool,
    /// It may be sent again after an unknown outcome: it is harmless, or demands a version.
    pub(super) may_repeat: bool,
}

/// What a report is generated for.
pub(super) struct ReportGenerator<'a> {
    pub(super) client: usize,
    pub(super) number: u64,
    pub(super) run: RunId,
    pub(super) known: &'a Known,
    pub(super) may_move: bool,
    pub(super) may_end: bool,
}

impl ReportGenerator<'_> {
    pub(super) fn report(&self, rng: &mut Rng) -> GeneratedReport {
        let kind = any_kind(rng);
        let mut generated = match kind {
            Kind::Nothing => unmarked(self.nothing(rng)),
            Kind::Flaw => self.flaw(rng),
            _ => self.change(kind, rng),
        };
        generated.report.if_match = self.if_match(rng);
        let demands_version = matches!(generated.report.if_match, IfMatch::OneOf(_));
        generated.may_repeat = generated.is_harmless || demands_version;
        generated
    }

    /// A report that changes something, if it is allowed.
    fn change(&self, kind: Kind, rng: &mut Rng) -> GeneratedReport {
        let empty = Report::empty();
        // Whether the report touches only what no other client touches, or what never changes again.
        let (report, is_harmless) = match kind {
            Kind::Payload => return self.with_marker(empty, self.payload(rng), false),
            Kind::Rename => (empty.with_name(&format!("Nightly {}", self.name())), false),
            Kind::Move if self.may_move => (empty.with_start(before_start(rng.u64(0..DAY))), false),
            Kind::End if self.may_end => (empty.with_status(any_outcome(rng)), true),
            Kind::EndAt if self.may_end => {
                let end = after_start(rng.u64(0..DAY));
                (empty.with_status(any_outcome(rng)).with_end(end), false)
            }
            Kind::SameEnd => {
                (empty.with_status(self.known.ended().unwrap_or(RunStatus::Running)), true)
            }
            Kind::AnyStatus => (empty.with_status(self.any_status(rng)), true),
            Kind::MoveEnd => (empty.with_end(after_start(rng.u64(0..DAY))), false),
            Kind::EndBeforeStart => (end_before_start(rng), false),
            Kind::SetError => (empty.with_error(self.error(rng)), false),
            Kind::ClearError => (empty.without_error(), false),
            Kind::ErrorBesideCompleted => {
                let completed = RunStatus::Ended(Outcome::Completed);
                (empty.with_status(completed).with_error(self.error(rng)), false)
            }
            Kind::TooDeep => return self.with_marker(empty, too_deep(), true),
            Kind::Progress | Kind::Move | Kind::End | Kind::EndAt => (empty, true),
            Kind::Nothing | Kind::Flaw => (empty, true),
        };
        self.with_marker(report, JsonObject::default(), is_harmless)
    }

    /// Puts the marker into the statistics of a report.
    fn with_marker(
        &self,
        report: Report,
        mut statistics: JsonObject,
        is_harmless: bool,
    ) -> GeneratedReport {
        let marker = self.known.marker(self.client, self.number);
        statistics.insert(&marker.member, JsonValue::Number(marker.number.into()));
        GeneratedReport {
            report: report.with_statistics(statistics),
            marker: Some(marker),
            is_harmless,
            may_repeat: false,
        }
    }

    /// The name of the operation, in properties that all clients write.
    fn name(&self) -> String {
        format!("{}.{}", self.client, self.number)
    }

    /// Mostly a status that does not end a run in progress, so that not all runs end early.
    fn any_status(&self, rng: &mut Rng) -> RunStatus {
        match self.known.ended() {
            Some(_) => RunStatus::ALL[rng.usize(0..RunStatus::ALL.len())],
            None => RunStatus::Running,
        }
    }

    fn payload(&self, rng: &mut Rng) -> JsonObject {
        let longest = if self.client < LARGE_SENDERS && rng.u8(0..4) == 0 { LARGE } else { SMALL };
        let text: String = (0..rng.usize(0..longest)).map(|_| rng.alphanumeric()).collect();
        let value = match rng.u8(0..8) {
            0 => JsonValue::Null,
            1 => JsonValue::Array(vec![JsonValue::String(text)]),
            2 => JsonValue::Object(fixtures::object(r#"{"rows":{"read":1e3,"kept":0.1}}"#)),
            _ => JsonValue::String(text),
        };
        let mut statistics = JsonObject::default();
        statistics.insert(format!("payload{}", self.client), value);
        statistics
    }

    fn error(&self, rng: &mut Rng) -> JsonObject {
        let mut error = JsonObject::default();
        error.insert("message", JsonValue::String(self.name()));
        match rng.u8(0..4) {
            0 => error.insert("code", JsonValue::Null),
            1 => error.insert("code", "sourceGone".into()),
            2 => {
                let inner = fixtures::object(r#"{"code":"io","details":[{"code":"disk"}]}"#);
                error.insert("innerError", JsonValue::Object(inner));
            }
            _ => {}
        }
        error
    }

    fn if_match(&self, rng: &mut Rng) -> IfMatch {
        let foreign = || EntityTag::new("0.0.0");
        let tag = |tag: &Option<EntityTag>| tag.clone().unwrap_or_else(foreign);
        match rng.u8(0..20) {
            0..13 => IfMatch::Absent,
            13 => IfMatch::Any,
            14..18 => IfMatch::OneOf(vec![tag(&self.known.tag)]),
            18 => IfMatch::OneOf(vec![foreign(), tag(&self.known.tag)]),
            _ => IfMatch::OneOf(vec![tag(&self.known.former_tag)]),
        }
    }

    /// A report whose body breaks a rule, whatever is stored.
    fn flaw(&self, rng: &mut Rng) -> GeneratedReport {
        let null = || JsonValue::Null;
        let other_id = "0197f3a0-5c1e-7c3a-9d53-2f3a1b6c7d8e";
        let (name, value, rule) = match rng.u8(0..10) {
            0 => ("colour", "red".into(), Rule::UnknownProperty),
            1 => (property::DISPLAY_NAME, null(), Rule::NullNotAllowed),
            2 => (property::DISPLAY_NAME, " ".into(), Rule::InvalidDisplayName),
            3 => (property::STATUS, "Failed".into(), Rule::InvalidEnumValue),
            4 => (property::STATUS, null(), Rule::NullNotAllowed),
            5 => (property::START_DATE_TIME, "2026-03-01".into(), Rule::InvalidDateTime),
            6 => (property::END_DATE_TIME, JsonValue::Bool(true), Rule::InvalidType),
            7 => (property::ID, other_id.into(), Rule::PropertyNotUpdateable),
            8 => {
                let error = fixtures::object(r#"{"code":7}"#);
                return self.with_marker(
                    Report::empty().with_error(error),
                    JsonObject::default(),
                    true,
                );
            }
            _ => {
                let flawed = Report::empty();
                return unmarked(flawed.with_flaw(
                    property::STATISTICS,
                    null(),
                    Rule::NullNotAllowed,
                ));
            }
        };
        let flawed = Report::empty().with_flaw(name, value, rule);
        self.with_marker(flawed, JsonObject::default(), true)
    }

    /// A report that changes no run, whatever its state.
    fn nothing(&self, rng: &mut Rng) -> Report {
        let empty = Report::empty();
        match (rng.u8(0..8), &self.known.repeatable) {
            (0, _) => empty,
            (1, _) => empty.with_ignored(property::STATUS, "unknownFutureValue".into()),
            (2, _) => empty
                .with_ignored("@odata.type", "#microsoft.graph.run".into())
                .with_ignored("process", JsonValue::Null)
                .with_ignored("statistics@odata.type", "#x".into()),
            (3, _) => empty.with_ignored(property::ID, JsonValue::String(self.run.to_string())),
            (4, _) => empty.without_end(),
            (5, _) => empty.with_error(JsonObject::default()),
            (6, _) | (_, None) => {
                empty.with_status(self.known.ended().unwrap_or(RunStatus::Running))
            }
            (_, Some(last)) => last.clone(),
        }
    }
}

fn any_kind(rng: &mut Rng) -> Kind {
    let total = WEIGHTS.iter().map(|(_, weight)| weight).sum();
    let mut left = rng.u32(0..total);
    for (kind, weight) in WEIGHTS {
        if left < weight {
            return kind;
        }
        left -= weight;
    }
    Kind::Nothing
}

fn unmarked(report: Report) -> GeneratedReport {
    GeneratedReport { report, marker: None, is_harmless: true, may_repeat: true }
}

fn any_outcome(rng: &mut Rng) -> RunStatus {
    RunStatus::Ended(OUTCOMES[rng.usize(0..OUTCOMES.len())])
}

fn before_start(seconds: u64) -> Timestamp {
    let moment = fixtures::moment().date_time() - Duration::from_secs(seconds);
    Timestamp::new(moment).unwrap_or_default()
}

fn after_start(seconds: u64) -> Timestamp {
    let moment = fixtures::moment().date_time() + Duration::from_secs(seconds);
    Timestamp::new(moment).unwrap_or_default()
}

/// Of one report, or against the stored start.
fn end_before_start(rng: &mut Rng) -> Report {
    let report = Report::empty().with_end(before_start(2 * DAY));
    if rng.bool() {
        report.with_start(after_start(0))
    } else {
        report.with_status(any_outcome(rng))
    }
}

fn too_deep() -> JsonObject {
    let levels = flowruns_domain::run::Statistics::MAX_DEPTH;
    let text = format!("{}1{}", r#"{"deep":"#.repeat(levels + 1), "}".repeat(levels + 1));
    fixtures::object(&text)
}
