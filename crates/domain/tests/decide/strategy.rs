//! Runs and reports.

use flowruns_domain::{
    display_name::DisplayName,
    id::{EventId, FlowKey},
    json::{JsonObject, JsonValue, Number},
    patch::{Field, Nullable},
    run::{Decision, NewRun, PublicErrorPatch, ReportOrigin, Run, RunEvent, RunPatch, RunStatus},
    timestamp::Timestamp,
    version::IfMatch,
};
use proptest::{collection, option, prelude::*, sample};
use uuid::Uuid;

/// Few names, values and times, so that reports often meet what is stored. Some names have escapes in JSON.
fn names() -> impl Strategy<Value = String> {
    sample::select(vec!["a", "b", "c", "", "a\"b", "é\n\u{1f}\\"]).prop_map(str::to_owned)
}

fn json() -> impl Strategy<Value = JsonValue> {
    let leaf = prop_oneof![
        2 => Just(JsonValue::Null),
        1 => any::<bool>().prop_map(JsonValue::Bool),
        2 => (-2_i64..3).prop_map(|number| JsonValue::Number(Number::from(number))),
        1 => names().prop_map(JsonValue::String),
        1 => (-2_i32..3).prop_filter_map("finite", |number| {
            Number::from_double(0.5 * f64::from(number)).map(JsonValue::Number)
        }),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            collection::vec(inner.clone(), 0..3).prop_map(JsonValue::Array),
            collection::btree_map(names(), inner, 0..4)
                .prop_map(|members| JsonValue::Object(members.into_iter().collect())),
        ]
    })
}

pub(super) fn objects() -> impl Strategy<Value = JsonObject> {
    collection::btree_map(names(), json(), 0..4).prop_map(|members| members.into_iter().collect())
}

fn errors() -> impl Strategy<Value = PublicErrorPatch> {
    let text = || prop_oneof![Just(JsonValue::Null), names().prop_map(JsonValue::String)];
    let member = sample::select(vec!["code", "message", "target"]).prop_map(str::to_owned);
    let texts = move || collection::btree_map(member.clone(), text(), 0..3);
    (texts(), option::of(texts())).prop_map(|(texts, inner)| {
        let mut members: JsonObject = texts.into_iter().collect();
        if let Some(inner) = inner {
            members.insert("innerError", JsonValue::Object(inner.into_iter().collect()));
        }
        PublicErrorPatch::new(members).unwrap_or_else(|violations| panic!("{violations:?}"))
    })
}

fn times() -> impl Strategy<Value = Timestamp> {
    (0_u32..6).prop_map(|minute| {
        let text = format!("2026-03-01T08:0{minute}:00.00000{minute}Z");
        text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
    })
}

fn display_names() -> impl Strategy<Value = DisplayName> {
    sample::select(vec!["Nightly", "Weekly"])
        .prop_map(|text| DisplayName::new(text).unwrap_or_else(|error| panic!("{error}")))
}

fn statuses() -> impl Strategy<Value = RunStatus> {
    sample::select(RunStatus::ALL.to_vec())
}

fn field<T: Clone + std::fmt::Debug>(
    values: impl Strategy<Value = T>,
) -> impl Strategy<Value = Field<T>> {
    option::of(values).prop_map(|value| value.map_or(Field::Absent, Field::Value))
}

fn nullable<T: Clone + std::fmt::Debug>(
    values: impl Strategy<Value = T>,
) -> impl Strategy<Value = Nullable<T>> {
    prop_oneof![
        2 => Just(Nullable::Absent),
        1 => Just(Nullable::Null),
        2 => values.prop_map(Nullable::Value),
    ]
}

pub(super) fn patches() -> impl Strategy<Value = RunPatch> {
    (
        field(display_names()),
        field(times()),
        nullable(times()),
        field(statuses()),
        nullable(errors()),
        field(objects()),
    )
        .prop_map(|(display_name, start, end, status, blocking_error, statistics)| RunPatch {
            display_name,
            start,
            end,
            status,
            blocking_error,
            statistics,
        })
}

pub(super) fn origins() -> impl Strategy<Value = ReportOrigin> {
    times().prop_map(|received| ReportOrigin {
        event: EventId::new(Uuid::from_u128(4)).unwrap_or_else(|error| panic!("{error}")),
        actor: "nightly".to_owned(),
        request: Uuid::from_u128(5),
        received,
    })
}

/// A run after a creation and reports.
pub(super) fn runs() -> impl Strategy<Value = Run> {
    let report = (patches(), origins());
    (display_names(), times(), origins(), collection::vec(report, 0..4)).prop_map(
        |(display_name, start, origin, reports)| {
            let new = NewRun {
                display_name,
                start: Some(start),
                end: None,
                status: RunStatus::Running,
                blocking_error: None,
                statistics: JsonObject::default(),
            };
            reports.iter().fold(created(&new, &origin), |run, (patch, origin)| {
                changed(&run, patch, origin).map_or(run, |change| change.0)
            })
        },
    )
}

fn created(new: &NewRun, origin: &ReportOrigin) -> Run {
    let id = |number: u128| Uuid::from_u128(number).to_string();
    let parsed = (id(1).parse(), id(2).parse(), id(3).parse());
    let (Ok(tenant), Ok(flow), Ok(run)) = parsed else {
        panic!("1, 2 and 3 are ids");
    };
    let change = new.create(FlowKey { tenant, flow }.run(run), origin);
    change.unwrap_or_else(|violations| panic!("{violations:?}")).run
}

/// The changed run and its history entry.
pub(super) fn changed(
    run: &Run,
    patch: &RunPatch,
    origin: &ReportOrigin,
) -> Option<(Run, RunEvent)> {
    match run.decide(patch, &IfMatch::Absent, origin) {
        Ok(Decision::Changed(change)) => Some((change.run, change.event)),
        _ => None,
    }
}
