//! The runs of a filter as CSV.

use std::sync::Arc;

use flowruns_domain::run::{NewRun, Outcome};
use flowruns_http::Limits;
use flowruns_testing::{MemoryStore, fixtures::name};

use crate::{
    harness::Site,
    recording::RecordingStore,
    runs::{HOSTILE, failed},
};

const COLUMNS: &str =
    "flowId,flow,runId,run,status,startDateTime,endDateTime,seconds,errorCode,errorMessage";

/// The records of a text of CSV, as RFC 4180 defines it.
fn records(text: &str) -> Vec<Vec<String>> {
    let (mut records, mut record, mut field) = (Vec::new(), Vec::new(), String::new());
    let (mut characters, mut is_quoted) = (text.chars().peekable(), false);
    while let Some(character) = characters.next() {
        match (character, is_quoted) {
            ('"', true) if characters.peek() == Some(&'"') => {
                characters.next();
                field.push('"');
            }
            ('"', _) => is_quoted = !is_quoted,
            (',', false) => record.push(std::mem::take(&mut field)),
            ('\r', false) => {
                assert_eq!(characters.next(), Some('\n'), "a record ends with CRLF");
                record.push(std::mem::take(&mut field));
                records.push(std::mem::take(&mut record));
            }
            (character, _) => field.push(character),
        }
    }
    assert!(field.is_empty() && record.is_empty() && !is_quoted, "the last record is whole");
    records
}

#[tokio::test]
async fn an_export_without_runs_has_the_names_of_the_columns() {
    let site = Site::new();
    let shown = site.get("/ui/runs.csv").await;
    assert_eq!(shown.header("content-type"), "text/csv; charset=utf-8; header=present");
    assert_eq!(shown.header("content-disposition"), "attachment; filename=\"flowruns-runs.csv\"");
    assert_eq!(shown.header("cache-control"), "private, no-store");
    assert_eq!(shown.ok(), format!("{COLUMNS}\r\n"));
}

#[tokio::test]
async fn names_and_errors_are_read_back_and_are_no_formulas() {
    let site = Site::new();
    let flow = site.flow("=HYPERLINK(\"http://evil.example\")").await;
    let message = "Line 1\r\nLine \"2\", and a comma";
    let hostile = NewRun { display_name: name(HOSTILE), ..failed(0, "@code", message) };
    let failed = site.run_of(flow, 2, hostile).await;
    let running = site.run(flow, 1, ("2026-11-27T19:41:05.5Z", None)).await;
    let records = records(&site.get("/ui/runs.csv").await.ok());
    let text = |text: &[&str]| text.iter().map(|field| (*field).to_owned()).collect::<Vec<_>>();
    let (id, first, second) =
        (flow.flow.to_string(), running.run.to_string(), failed.run.to_string());
    let formula = "'=HYPERLINK(\"http://evil.example\")";
    let start = "2026-11-27T19:41:05.500000Z";
    assert_eq!(records[0].join(","), COLUMNS);
    let expected =
        text(&[&id, formula, &first, "Nightly rosters", "running", start, "", "59.5", "", ""]);
    assert_eq!(records[1], expected);
    let (start, end) = ("2026-11-27T08:00:00Z", "2026-11-27T09:00:30Z");
    let expected =
        text(&[&id, formula, &second, HOSTILE, "failed", start, end, "3630", "'@code", message]);
    assert_eq!(records[2], expected);
    assert_eq!(records.len(), 3);
}

#[tokio::test]
async fn an_export_has_the_runs_of_its_filter_over_many_pages() {
    let rows = Arc::new(MemoryStore::default());
    let store = Arc::new(RecordingStore::new(Arc::clone(&rows)));
    let site = Site::on(rows, Arc::clone(&store) as _, Limits::default());
    let flow = site.flow("Rosters").await;
    for number in 1..=1200 {
        let outcome = if number % 2 == 0 { Outcome::Failed } else { Outcome::Completed };
        let start = format!("2026-11-26T{:02}:{:02}:00Z", number / 60, number % 60);
        site.run(flow, number, (&start, Some((outcome, "2026-11-27T10:00:00Z")))).await;
    }
    store.take_calls();
    let records = records(&site.get("/ui/runs.csv?status=failed").await.ok());
    assert_eq!(records.len(), 601);
    assert!(records[1..].iter().all(|record| record.len() == 10 && record[4] == "failed"));
    let mut starts: Vec<&str> = records[1..].iter().map(|record| record[5].as_str()).collect();
    assert!(starts.is_sorted_by(|one, other| one > other), "the latest start first");
    starts.dedup();
    assert_eq!(starts.len(), 600);
    let pages = store.take_calls().iter().filter(|call| **call == "query_runs").count();
    // Two, and one that looks for the end of a long export.
    assert_eq!(pages, 3);
}

#[tokio::test]
async fn a_long_export_ends_with_a_run_and_its_header_says_where_the_rest_is() {
    let site = Site::new();
    let flow = site.flow("Rosters").await;
    for number in 1..=10_030 {
        let start = format!(
            "2026-11-{:02}T{:02}:{:02}:00Z",
            1 + number / 1440,
            number / 60 % 24,
            number % 60
        );
        site.run(flow, number, (&start, Some((Outcome::Completed, "2026-11-27T10:00:00Z")))).await;
    }
    let shown = site.get("/ui/runs.csv?status=completed").await;
    let disposition = "attachment; filename=\"flowruns-runs-part.csv\"";
    assert_eq!(shown.header("content-disposition"), disposition);
    let link = shown.header("link").to_owned();
    let rest = link.strip_prefix("<http://127.0.0.1:8080").expect("an address of this server");
    let rest = rest.strip_suffix(">; rel=\"next\"").expect("the address of the rest");
    assert!(rest.starts_with("/ui/runs.csv?status=completed&after="), "{rest}");
    let exported = records(&shown.ok());
    assert_eq!(exported.len(), 1 + 10_000);
    assert!(exported[1..].iter().all(|record| record[0] == flow.flow.to_string()));
    let shown = site.get(rest).await;
    assert_eq!(shown.header("link"), "");
    let rest = records(&shown.ok());
    assert_eq!(rest.len(), 1 + 30);
    assert_ne!(rest[1], exported[10_000]);
}
