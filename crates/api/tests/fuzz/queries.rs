//! Query options of lists.

use axum::http::Method;
use percent_encoding::{NON_ALPHANUMERIC, percent_encode};
use proptest::{collection, prelude::*, sample};

use crate::{
    app::{App, FLOWS},
    broken::broken,
};

const TENANT_RUNS: &str = "/industryData/runs";
const FILTERS: &[&str] = &[
    "status eq 'running'",
    "status in ('failed','completed') and startDateTime ge 2026-03-01T08:30:00.000001Z",
    "not (status eq 'failed' or status ne 'completed')",
    "displayName eq 'it''s' and endDateTime lt 2026-03-01T09:00:00+01:00",
    "startswith(displayName,'Night') or endswith(displayName, 's') or contains(displayName,'a')",
    "endDateTime eq null and id gt '0197f3a0-5c1e-7c3a-9d53-2f3a1b6c7d8e'",
    "readinessStatus eq 'ready'",
];
const ORDERS: &[&str] = &["startDateTime desc", "displayName", "endDateTime asc,id", "id desc"];
const OTHERS: &[&str] = &[
    "0",
    "1",
    "1000",
    "true",
    "false",
    "id,displayName",
    "*",
    "statistics",
    "process",
    "json",
    "application/json;odata.metadata=full",
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
];
const NAMES: &[&str] = &[
    "$filter",
    "$orderby",
    "$select",
    "$top",
    "$skip",
    "$count",
    "$expand",
    "$skiptoken",
    "$format",
    "filter",
    "%24filter",
    "$apply",
    "$search",
    "",
    "$",
];
/// The parts of a filter, in any order.
const WORDS: &[&str] = &[
    "(",
    ")",
    ",",
    " and ",
    " or ",
    " not ",
    "not ",
    " eq ",
    " ne ",
    " gt ",
    " le ",
    " in ",
    "status",
    "displayName",
    "startDateTime",
    "endDateTime",
    "id",
    "'running'",
    "'failed'",
    "null",
    "2026-03-01T08:30:00Z",
    "'x'",
    "contains(",
    "startswith(",
    "displayName,'a')",
    " ",
    "status eq 'running'",
    "endDateTime eq null",
];

fn value() -> impl Strategy<Value = Vec<u8>> {
    let words = collection::vec(sample::select(WORDS), 0..24);
    prop_oneof![
        4 => broken(FILTERS),
        4 => words.prop_map(|words| words.concat().into_bytes()),
        1 => broken(ORDERS),
        2 => broken(OTHERS),
    ]
}

/// Encoded, so that every byte reaches the parser; or as it is, for the parser of the query itself.
fn query() -> impl Strategy<Value = Vec<u8>> {
    let encoded =
        value().prop_map(|value| percent_encode(&value, NON_ALPHANUMERIC).to_string().into_bytes());
    let option = (sample::select(NAMES), prop_oneof![5 => encoded, 1 => value()]);
    let option = option.prop_map(|(name, value)| [name.as_bytes(), b"=", &value].concat());
    collection::vec(option, 1..4).prop_map(|options| options.join(&b'&'))
}

fn filter() -> impl Strategy<Value = String> {
    value().prop_map(|value| format!("$filter={}", percent_encode(&value, NON_ALPHANUMERIC)))
}

proptest! {
    #[test]
    fn options_are_understood_or_rejected(query in query()) {
        let app = App::start();
        let history = format!("{}/history", app.run_path());
        for path in [app.runs_path(), TENANT_RUNS.to_owned(), FLOWS.to_owned(), history, app.run_path()] {
            let uri = [path.as_bytes(), b"?", &query].concat();
            app.send(&Method::GET, &uri, &[], Vec::new())?;
            app.send(&Method::PATCH, &uri, &[], b"{}".to_vec())?;
        }
    }

    #[test]
    fn filters_are_understood_or_rejected_by_lists_and_counts_alike(filter in filter()) {
        let app = App::start();
        for list in [app.runs_path(), TENANT_RUNS.to_owned(), FLOWS.to_owned()] {
            let listed = app.sent(&Method::GET, &format!("{list}?{filter}"), Vec::new())?;
            let counted = app.sent(&Method::GET, &format!("{list}/$count?{filter}"), Vec::new())?;
            prop_assert_eq!(listed.status, counted.status, "{} {:?} {:?}", list, listed, counted);
        }
    }
}
