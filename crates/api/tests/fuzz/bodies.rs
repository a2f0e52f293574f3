//! Bodies of runs and flows.

use axum::http::{Method, StatusCode};
use proptest::prelude::*;

use crate::{
    app::{App, FLOWS},
    broken::broken,
};

const RUNS: &[&str] = &[
    r#"{"displayName":"Nightly rosters"}"#,
    r#"{"id":"0197f3a0-5c1e-7c3a-9d53-2f3a1b6c7d8e","displayName":"R","startDateTime":"2026-03-01T08:30:00.000001Z"}"#,
    r#"{"displayName":"R","status":"failed","endDateTime":"2026-03-01T09:00:00+01:00","startDateTime":"2026-03-01T07:00:00Z"}"#,
    r#"{"status":"completed","statistics":{"rows":1200,"parts":[1,2.5,-3e7],"of":{"deep":{"deeper":null}}}}"#,
    r#"{"status":"completedWithErrors","blockingError":{"code":"x","message":"y","details":[{"code":"a","target":"b"}],"innerError":{"code":"z"}}}"#,
    r##"{"@odata.type":"#microsoft.graph.run","displayName":"R","process":{"id":"x"},"statistics@odata.type":"y","eTag":"W/\"a\""}"##,
    r#"{"endDateTime":null,"blockingError":null,"statistics":{"a":null,"b":{"c":null}}}"#,
    "{}",
];
const FLOW_BODIES: &[&str] = &[
    r#"{"displayName":"Rosters"}"#,
    r#"{"displayName":"Rosters","readinessStatus":"notReady","dataDomain":"educationRostering"}"#,
    r#"{"recurrenceEffectiveDateTime":"2026-01-01T00:00:00Z","recurrenceExpirationDateTime":"2027-01-01T00:00:00Z"}"#,
    r#"{"eTag":"W/\"a\"","@odata.etag":"W/\"a\"","recurrenceExpirationDateTime":null}"#,
];

proptest! {
    #[test]
    fn a_report_is_rejected_or_stored_unchanged(bodies in proptest::collection::vec(broken(RUNS), 1..4)) {
        let app = App::start();
        for body in bodies {
            let before = app.sent(&Method::GET, &app.run_path(), Vec::new())?;
            let response = app.sent(&Method::PATCH, &app.run_path(), body)?;
            let after = app.sent(&Method::GET, &app.run_path(), Vec::new())?;
            let expected = match response.status {
                StatusCode::OK => response,
                _ => before,
            };
            prop_assert_eq!(expected.json, after.json);
        }
    }

    #[test]
    fn a_creation_is_rejected_or_stored_unchanged(body in broken(RUNS)) {
        let app = App::start();
        let response = app.sent(&Method::POST, &app.runs_path(), body)?;
        if response.status == StatusCode::CREATED {
            let id = response.json["id"].as_str().unwrap();
            let path = format!("{}/{id}", app.runs_path());
            let stored = app.sent(&Method::GET, &path, Vec::new())?;
            prop_assert_eq!(response.json, stored.json);
        }
    }

    #[test]
    fn bodies_of_flows_are_accepted_or_rejected(body in broken(FLOW_BODIES)) {
        let app = App::start();
        app.sent(&Method::POST, FLOWS, body.clone())?;
        app.sent(&Method::PATCH, &app.flow_path(), body)?;
    }
}
