//! `flowruns show`.

use serde_json::json;

use crate::place::Place;

#[test]
fn a_run_is_shown_however_it_is_named() {
    let place = Place::new();
    let run = place.ended("Nightly", &["completed", "rows=7", r#"records={"read":5}"#]);
    let (flow, id) = run.split_once('/').unwrap();
    let expected = place.done(&["show", &run]);
    for part in ["status   completed", "flow     Nightly", "records/read", "  rows", &run] {
        assert!(expected.contains(part), "{part}: {expected}");
    }
    for named in [
        id.to_owned(),
        format!("Nightly/{id}"),
        format!("{}/ui/flows/{flow}/runs/{id}#v2", place.url()),
        format!("{}/beta/industryData/incomingFlows/{flow}/runs('{id}')", place.url()),
        format!("{}/industryData/runs/{id}", place.url()),
    ] {
        assert_eq!(place.done(&["show", &named]), expected, "{named}");
    }
    for absent in [flow.to_owned(), format!("{flow}/{flow}"), format!("Weekly/{id}")] {
        assert_eq!(place.run(&["show", &absent]).code, 4, "{absent}");
    }
}

#[test]
fn an_id_of_runs_in_two_flows_lists_both() {
    let place = Place::new();
    let id = "0197f3a0-5c1e-7c3a-9d53-2f3a1b6c7d8e";
    let flows = ["One", "Other"].map(|flow| {
        let run = place.done(&["report", "start", "--create-flow", "--flow", flow, "--id", id]);
        run.split_once('/').unwrap().0.to_owned()
    });
    let ambiguous = place.run(&["show", id]);
    assert_eq!(ambiguous.code, 2, "{ambiguous:?}");
    for flow in flows {
        assert!(ambiguous.err.contains(&flow), "{ambiguous:?}");
    }
}

#[test]
fn the_history_shows_who_changed_what() {
    let place = Place::new();
    let run = place.ended("Flow", &["failed", "rows=7", "--error", "io", "--message", "a\nb"]);
    let text = place.done(&["show", &run, "--history"]);
    for part in
        ["created by local", "status: running → failed", "statistics/rows: – → 7", "    b\n"]
    {
        assert!(text.contains(part), "{part}: {text}");
    }
    let json = place.json(&["show", &run, "--history", "--json"]);
    assert_eq!(json["history"][0]["version"], 1);
    let changes = json["history"][1]["changes"].as_array().unwrap();
    let status = json!({"property": "status", "before": "running", "after": "failed"});
    assert!(changes.contains(&status), "{json}");
    assert_eq!(place.done(&["show", &run, "--ndjson"]).lines().count(), 1);
}

#[test]
fn statistics_stand_beside_those_of_the_run_before_or_the_last_good_one() {
    let place = Place::new();
    let good = place.ended("Flow", &["completed", "rows=100", "same=1"]);
    let bad = place.ended("Flow", &["failed", "rows=3"]);
    let run = place.ended("Flow", &["failed", "rows=150", "same=1", "new=true"]);
    let against = |other: &str| place.json(&["show", &run, "--against", other, "--json"]);
    assert_eq!(against("before")["against"]["run"], json!(bad));
    let document = against("completed");
    assert_eq!(document["against"]["run"], json!(good));
    let differences = json!([
        {"member": ["new"], "run": true, "against": null},
        {"member": ["rows"], "run": 150, "against": 100},
    ]);
    assert_eq!(document["differences"], differences);
    assert_eq!(against(&good)["differences"], differences);
    let table = place.done(&["show", &run, "--against", "completed"]);
    assert!(table.contains("+50 (+50.0 %)") && table.contains("same"), "{table}");
    let only = place.done(&["show", &run, "--against", "completed", "--only-differences"]);
    assert!(only.contains("rows") && !only.contains("same"), "{only}");
    assert_eq!(place.run(&["show", &good, "--against", "before"]).code, 4);
}

#[test]
fn the_exit_code_tells_how_the_run_ended_if_it_is_asked_to() {
    let place = Place::new();
    let running = place.start("Flow");
    let codes = [
        (running, 0),
        (place.ended("Flow", &["completed"]), 0),
        (place.ended("Flow", &["completedWithWarnings"]), 0),
        (place.ended("Flow", &["completedWithErrors"]), 3),
        (place.ended("Flow", &["failed"]), 1),
    ];
    for (run, code) in codes {
        assert_eq!(place.run(&["show", &run, "--exit-status"]).code, code);
        assert_eq!(place.run(&["show", &run]).code, 0);
    }
}
