//! Every value is read as it was written, to the byte.

use std::sync::Arc;

use flowruns_domain::{
    json::{JsonObject, JsonValue, Number},
    patch::Nullable,
    run::{
        Decision, NewRun, PublicError, PublicErrorPatch, ReportOrigin, RunPatch, RunStatus,
        Statistics,
    },
    store::Store,
    version::IfMatch,
};

use super::fixture::Fixture;
use crate::fixtures::{error_patch, name, new_run, object, origin, time};

const TEXTS: [&str; 9] = [
    "",
    "\u{1}\u{8}\t\n\r\u{1f}\u{7f}\u{80}\u{9f}",
    "\"\\/'`~ %_$1 {} '; --",
    "\\u0000 \\ud800",
    "e\u{301} \u{e9} \u{fb01} \u{212b}",
    "\u{2028}\u{2029}\u{200b}\u{202e}\u{feff}",
    "\u{1f468}\u{200d}\u{1f469}\u{200d}\u{1f467}",
    "\u{fffd}\u{fffe}\u{ffff}\u{e000}\u{10ffff}",
    " surrounding white space \u{3000}",
];

/// Creates the run, and again sets all of it by an update; found run and history must hold the same values.
async fn assert_round_trip(fixture: &Fixture, number: u64, new: &NewRun) {
    let creation = fixture.creation(number, new);
    let key = creation.run.key;
    fixture.create_run(creation.clone()).await;
    assert_eq!(fixture.find(key).await.as_ref(), Some(&creation.run));
    assert_eq!(fixture.history(key).await, [creation.event]);

    let empty = fixture.create_default(number + 1_000_000).await;
    let patch = RunPatch {
        statistics: flowruns_domain::patch::Field::Value(new.statistics.clone()),
        blocking_error: new.blocking_error.clone().map_or(Nullable::Absent, Nullable::Value),
        ..RunPatch::default()
    };
    let origin = origin();
    if let Ok(Decision::Changed(change)) = empty.decide(&patch, &IfMatch::Absent, &origin) {
        fixture.update(empty.key, patch, IfMatch::Absent, origin).await;
        assert_eq!(fixture.find(empty.key).await, Some(change.run));
        assert_eq!(fixture.history(empty.key).await.pop(), Some(change.event));
    }
}

fn with_statistics(statistics: JsonObject) -> NewRun {
    NewRun { statistics, ..new_run() }
}

/// Integers of 64 bits and finite doubles keep their value.
pub async fn numbers_keep_their_value(store: Arc<dyn Store>) {
    let doubles = [
        0.1,
        -0.1,
        1.5,
        1e-7,
        1e19,
        1e20,
        -1e19,
        1e21,
        1e300,
        f64::MAX,
        f64::MIN,
        5e-324,
        f64::MIN_POSITIVE,
        f64::EPSILON,
        0.1 + 0.2,
        18_446_744_073_709_551_616.0,
        -9_223_372_036_854_777_856.0,
        9_007_199_254_740_993.0,
        1.797_693_134_862_315_5e308,
    ];
    let doubles = doubles.into_iter().filter_map(Number::from_double);
    let signed = [i64::MIN, i64::MIN + 1, -1, 0, 1].into_iter().map(Number::from);
    let unsigned = [i64::MAX as u64, i64::MAX as u64 + 1, u64::MAX].into_iter().map(Number::from);
    let numbers: Vec<_> = doubles.chain(signed).chain(unsigned).map(JsonValue::Number).collect();
    let mut statistics = JsonObject::default();
    for (at, number) in numbers.iter().enumerate() {
        statistics.insert(format!("n{at:02}"), number.clone());
    }
    statistics.insert("all", JsonValue::Array(numbers));
    let fixture = Fixture::new(store).await;
    assert_round_trip(&fixture, 1, &with_statistics(statistics)).await;
}

/// Any Unicode but U+0000 is stored, in values and in names.
pub async fn unicode_is_stored_unchanged(store: Arc<dyn Store>) {
    let mut statistics = JsonObject::default();
    for text in TEXTS {
        statistics.insert(text, text.into());
    }
    let nested = JsonValue::Object(statistics.clone());
    statistics.insert("nested", JsonValue::Array(vec![nested]));
    let mut error = JsonObject::default();
    error.insert("message", TEXTS.concat().as_str().into());
    let mut new = with_statistics(statistics);
    new.blocking_error = PublicErrorPatch::new(error).ok();
    new.display_name = name("e\u{301} \u{202e}\u{1f600} '; -- \u{10ffff}");
    let fixture = Fixture::new(store).await;
    assert_round_trip(&fixture, 1, &new).await;
}

/// Empty objects, nulls in arrays, mixed arrays, sixteen levels.
pub async fn json_of_every_shape_is_stored(store: Arc<dyn Store>) {
    let deepest = format!("{}1{}", r#"{"a":"#.repeat(16), "}".repeat(16));
    let documents = [
        "{}",
        r#"{"":{},"a":[],"b":[[]],"c":[null,{}],"d":{"e":{}}}"#,
        r#"{"a":[null,true,false,1,-1,0.5,"x",[null],{"b":null}]}"#,
        r#"{"true":true,"null":"null","1":"1","a/b":1,"a~b":2,"a.b":3,"a b":4,"A":5,"a":6,"aa":7,"b":8}"#,
        &deepest,
    ];
    let fixture = Fixture::new(store).await;
    for (number, document) in (1..).zip(documents) {
        assert_round_trip(&fixture, number, &with_statistics(object(document))).await;
    }
}

/// A blockingError is stored with all its members.
pub async fn a_blocking_error_is_stored_completely(store: Arc<dyn Store>) {
    let mut new = new_run();
    new.blocking_error = Some(error_patch(
        r#"{"code":"c","message":"","target":"t","details":[{},{"code":"d","message":"m","target":"x"}],
            "innerError":{"code":"i","message":"m","target":"t","details":[{"code":"e"}]}}"#,
    ));
    let fixture = Fixture::new(store).await;
    assert_round_trip(&fixture, 1, &new).await;
}

/// 64 KiB of statistics and 64 KiB of blockingError are stored.
pub async fn sixty_four_kibibytes_are_stored(store: Arc<dyn Store>) {
    let mut statistics = JsonObject::default();
    statistics.insert("a", JsonValue::String("x".repeat(Statistics::MAX_BYTES - 8)));
    assert_eq!(statistics.compact_length(), Statistics::MAX_BYTES);
    let mut error = JsonObject::default();
    error.insert("code", JsonValue::String("\u{e9}".repeat((PublicError::MAX_BYTES - 12) / 2)));
    let mut new = with_statistics(statistics);
    new.blocking_error = PublicErrorPatch::new(error).ok();
    let fixture = Fixture::new(store).await;
    assert_round_trip(&fixture, 1, &new).await;

    let members = (0..3_500).map(|at| (format!("member{at}"), JsonValue::Bool(true)));
    assert_round_trip(&fixture, 2, &with_statistics(members.collect())).await;
}

/// Times keep their microseconds, from the first year to the last.
pub async fn times_keep_their_microseconds(store: Arc<dyn Store>) {
    let fixture = Fixture::new(store).await;
    let times = [
        "0001-01-01T00:00:00Z",
        "0001-01-01T00:00:00.000001Z",
        "1582-10-10T12:00:00.999999Z",
        "1969-12-31T23:59:59.999999Z",
        "1970-01-01T00:00:00Z",
        "1999-12-31T23:59:59.999999Z",
        "2026-03-29T01:30:00.123456Z",
        "9999-12-31T23:59:59.999999Z",
    ];
    for (number, text) in (1..).zip(times) {
        let new = NewRun {
            start: Some(time(text)),
            end: Some(time(text)),
            status: RunStatus::Ended(flowruns_domain::run::Outcome::Failed),
            ..new_run()
        };
        assert_round_trip(&fixture, number, &new).await;
        let found = fixture.find(fixture.key(number)).await.expect("it was created");
        assert_eq!(found.properties.start.to_string(), text);
        assert_eq!(found.properties.state.end(), new.end);
    }
}

/// The actor of the token and a name of 256 code points are stored.
pub async fn actor_and_longest_name_are_stored(store: Arc<dyn Store>) {
    let fixture = Fixture::new(store).await;
    let mut new = new_run();
    new.display_name = name(&"\u{1f600}".repeat(256));
    for (number, actor) in (1..).zip(["", "app 'x'; --", "\u{1f600}\u{202e}\u{10ffff}"]) {
        let origin = ReportOrigin { actor: actor.to_owned(), ..origin() };
        let creation = new.create(fixture.key(number), &origin);
        let creation = creation.expect("a name of 256 characters is fine");
        fixture.create_run(creation.clone()).await;
        assert_eq!(fixture.history(creation.run.key).await, [creation.event]);
    }
}
