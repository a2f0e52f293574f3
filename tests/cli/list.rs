//! `flowruns list`, and how flows and runs are named.

use serde_json::{Value, json};

use crate::place::{Place, Printed};

/// The ids of a list, without the flows.
fn ids(place: &Place, arguments: &[&str]) -> Vec<String> {
    let printed = place.done(&[&["list", "--ids"], arguments].concat());
    printed.lines().map(str::to_owned).collect()
}

#[test]
fn a_table_is_aligned_by_display_width_and_has_the_newest_run_first() {
    let place = Place::new();
    let first = place.ended("名簿の取込", &["completed"]);
    let second = place.ended("Rosters", &["completedWithWarnings"]);
    let table = place.done(&["list"]);
    let lines: Vec<&str> = table.lines().collect();
    assert_eq!(lines.len(), 3, "{table}");
    assert!(lines[0].starts_with("STATUS                 FLOW        RUN NAME"), "{table}");
    assert!(lines[1].starts_with("completedWithWarnings  Rosters     Run of "), "{table}");
    // Five characters of two columns each.
    assert!(lines[2].starts_with("completed              名簿の取込  Run of "), "{table}");
    assert!(lines[1].ends_with(second.split_once('/').unwrap().1), "{table}");
    assert!(!table.contains('\u{1b}'), "{table:?}");
    assert_eq!(ids(&place, &[]), [&*second, &*first]);
}

#[test]
fn the_forms_for_programs_have_the_same_rows() {
    let place = Place::new();
    let run = place.ended("It's a \"flow\"", &["failed", "--message", "x"]);
    let json = place.json(&["list", "--json"]);
    let [row] = &json.as_array().unwrap()[..] else { panic!("{json}") };
    assert_eq!(row["run"], json!(run));
    assert_eq!(row["flowName"], "It's a \"flow\"");
    assert_eq!(row["status"], "failed");
    let line = place.done(&["list", "--ndjson"]);
    assert_eq!(&serde_json::from_str::<Value>(&line).unwrap(), row);
    let csv = place.done(&["list", "--csv"]);
    let (head, record) = csv.split_once("\r\n").unwrap();
    assert_eq!(head, "flowId,flow,runId,run,status,startDateTime,endDateTime,seconds");
    assert!(record.contains(",\"It's a \"\"flow\"\"\","), "{csv}");
    let flows = place.json(&["list", "flows", "--json"]);
    assert_eq!(flows[0]["displayName"], "It's a \"flow\"");
    assert_eq!(place.done(&["list", "flows", "--ids"]), flows[0]["id"].as_str().unwrap());
    assert!(place.done(&["list", "flows"]).starts_with("FLOW NAME "));
    assert!(place.done(&["list", "flows", "--csv"]).starts_with("flowId,flow,readinessStatus\r\n"));
}

#[test]
fn runs_are_selected_by_flow_status_and_time_and_the_pages_are_followed() {
    let place = Place::new();
    let start = |name: &str, start: &str| {
        place.done(&["report", "start", "--create-flow", "--flow", name, "--start", start])
    };
    let old = start("One", "2026-03-01T08:30:00Z");
    let recent = start("One", "2026-03-02T08:30:00Z");
    let other = start("Other", "2026-03-03T08:30:00Z");
    place.done(&["report", "end", &old, "failed"]);
    assert_eq!(ids(&place, &["--flow", "One"]), [&*recent, &*old]);
    assert_eq!(ids(&place, &["--status", "failed,completed"]), [&*old]);
    assert_eq!(ids(&place, &["--status", "running", "--flow", "One"]), [&*recent]);
    // The day of a date belongs to the list, and a time without an offset is in UTC, as on the dashboard.
    assert_eq!(ids(&place, &["--from", "2026-03-02", "--to", "2026-03-02"]), [&*recent]);
    assert_eq!(ids(&place, &["--from", "2026-03-02", "--to", "2026-03-03"]), [&*other, &*recent]);
    assert_eq!(ids(&place, &["--to", "2026-03-02T08:30:00"]), [&*old]);
    assert_eq!(ids(&place, &["--since", "2026-03-02T08:30:00Z"]), [&*other, &*recent]);
    assert_eq!(ids(&place, &["--limit", "2"]), [&*other, &*recent]);
    assert!(ids(&place, &["--since", "1h"]).is_empty());
    let Printed { code, out, .. } = place.run(&["list", "--since", "1h"]);
    assert_eq!((code, &*out), (0, ""));
    assert_eq!(place.json(&["list", "--since", "1h", "--json"]), json!([]));

    let rows = 1100;
    let flow = format!("/industryData/incomingFlows/{}", other.split_once('/').unwrap().0);
    let create = |number: usize| json!({"id": number.to_string(), "method": "POST", "url": format!("{flow}/runs"), "body": {"displayName": "Many"}});
    let runtime = tokio::runtime::Runtime::new().unwrap();
    for batch in 0..rows / 20 {
        let requests: Vec<Value> = (0..20).map(|number| create(batch * 20 + number)).collect();
        let body = json!({"requests": requests}).to_string();
        let response = runtime.block_on(place.client().send("POST", "/$batch", body));
        assert_eq!(response.status, 200, "{}", response.text);
    }
    assert_eq!(ids(&place, &["--flow", "Other", "--limit", "1050"]).len(), 1050);
    assert_eq!(ids(&place, &["--flow", "Other", "--limit", "100000"]).len(), rows + 1);
}

#[test]
fn a_flow_is_an_id_an_address_or_a_name_and_an_ambiguous_name_lists_the_flows() {
    let place = Place::new();
    let run = place.start("Flow");
    let (flow, _) = run.split_once('/').unwrap();
    for named in [
        flow.to_owned(),
        "Flow".to_owned(),
        format!("{}/ui/flows/{flow}?last=50", place.url()),
        format!("{}/industryData/incomingFlows('{flow}')", place.url()),
    ] {
        assert_eq!(ids(&place, &["--flow", &named]), [&*run], "{named}");
    }
    let unknown = place.run(&["list", "--flow", "flow"]);
    assert_eq!(unknown.code, 4, "{unknown:?}");

    let runtime = tokio::runtime::Runtime::new().unwrap();
    let second = runtime.block_on(place.client().create_flow());
    let (_, second) = second.rsplit_once('/').unwrap();
    for arguments in [
        &["list", "--flow", "Flow"][..],
        &["report", "start", "--flow", "Flow", "--create-flow"],
        &["watch", "--flow", "Flow"],
    ] {
        let ambiguous = place.run(arguments);
        assert_eq!((ambiguous.code, &*ambiguous.out), (2, ""), "{ambiguous:?}");
        assert!(ambiguous.err.contains(flow) && ambiguous.err.contains(second), "{ambiguous:?}");
    }
    assert_eq!(ids(&place, &["--flow", flow]), [&*run]);
}

#[test]
fn arguments_that_do_not_fit_are_usage_errors() {
    let place = Place::new();
    for arguments in [
        &["list", "--status", "done"][..],
        &["list", "--since", "yesterday"],
        &["list", "--limit", "0"],
        &["list", "--json", "--csv"],
        &["list", "flows", "--status", "failed"],
        &["list", "flow"],
        &["show"],
        &["show", "not-an-id"],
        &["show", "0197f3a0-5c1e-7c3a-9d53-2f3a1b6c7d8e", "--only-differences"],
        &["watch"],
        &["watch", "--flow", "Flow", "0197f3a0-5c1e-7c3a-9d53-2f3a1b6c7d8e"],
        &["list", "--url", "ftp://127.0.0.1"],
        &["list", "--url", "http://flowruns.example"],
    ] {
        let refused = place.run(arguments);
        assert_eq!((refused.code, &*refused.out), (2, ""), "{arguments:?}: {refused:?}");
    }
    // The codes of exec are those of the command.
    assert_eq!(place.run(&["exec", "--nonsense"]).code, 125);
    assert_eq!(place.run(&["--config", "x", "list", "--nonsense", "exec"]).code, 2);
}
