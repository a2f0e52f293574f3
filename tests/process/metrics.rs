//! The metrics: every documented one exists and changes, labels are bounded, and dashboards name only metrics that exist.

mod fixture;
mod shown;

use std::collections::{BTreeMap, BTreeSet};

use self::{
    fixture::{Fixture, contention, lost_sessions, ordinary_requests},
    shown::Metrics,
};
use crate::deploy;

const DOCUMENTED: &str = include_str!("../../deploy/README.md");
/// The number of unknown paths, methods and ids.
const UNKNOWN: usize = 1000;

/// The metrics of the table, each with its labels.
fn documented() -> BTreeMap<String, Vec<String>> {
    let rows = DOCUMENTED.lines().filter(|line| line.starts_with("| `flowruns_"));
    let quoted = |cell: &str| -> Vec<String> {
        let parts = cell.split('`').skip(1).step_by(2);
        parts.map(str::to_owned).collect()
    };
    rows.map(|row| {
        let cells: Vec<_> = row.split('|').collect();
        (quoted(cells[1]).remove(0), quoted(cells[3]))
    })
    .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_documented_metric_exists_and_changes() {
    let fixture = Fixture::start();
    let before = fixture.metrics().await;
    ordinary_requests(&fixture).await;
    contention(&fixture).await;
    lost_sessions(&fixture).await;
    let after = fixture.metrics().await;

    assert_documented(&after);
    deploy::assert_names(&after.shown());
    assert_changed(&before, &after);
    assert_at_rest(&after);
}

/// The table has exactly what is shown.
fn assert_documented(after: &Metrics) {
    let documented = documented();
    let names: BTreeSet<_> = documented.keys().cloned().collect();
    let shown = after.names();
    let of_ours = |name: &&String| name.starts_with("flowruns_");
    assert_eq!(names, shown.iter().filter(of_ours).cloned().collect());
    for name in shown.iter().filter(|name| !of_ours(name)) {
        assert!(DOCUMENTED.contains(&format!("`{name}`")), "{name}");
    }
    let labels = after.shown();
    for (name, expected) in &documented {
        let bucket = format!("{name}_count");
        assert_eq!(labels.get(name).or(labels.get(&bucket)), Some(expected), "{name}");
    }
}

fn assert_changed(before: &Metrics, after: &Metrics) {
    let moved = |name: &str, labels: &[&str]| after.sum(name, labels) - before.sum(name, labels);
    for (name, labels, by) in [
        ("flowruns_runs_created_total", &[][..], 5.0),
        ("flowruns_runs_ended_total", &["\"completed\""], 1.0),
        ("flowruns_runs_ended_total", &["\"failed\""], 3.0),
        ("flowruns_http_requests_total", &["\"PATCH\"", "\"409\"", "/runs/{run}\""], 2.0),
        ("flowruns_http_request_duration_seconds_count", &["\"PATCH\""], 8.0),
        ("flowruns_http_requests_refused_total", &["runAlreadyEnded"], 1.0),
        ("flowruns_http_requests_refused_total", &["conflictingOutcome"], 1.0),
        ("flowruns_http_requests_refused_total", &["malformedJson"], 1.0),
        ("flowruns_tokens_refused_total", &["\"invalid\""], 1.0),
        ("flowruns_tokens_refused_total", &["\"missing\""], 1.0),
        ("flowruns_writer_batch_reports_sum", &["\"create\""], 5.0),
        ("flowruns_writer_batch_reports_sum", &["\"lock\""], 3.0),
    ] {
        assert_eq!(moved(name, labels), by, "{name} {labels:?}");
    }
    assert!(moved("flowruns_writer_races_lost_total", &[]) >= 3.0);
    assert!(moved("flowruns_writer_lock_timeouts_total", &[]) >= 1.0);
    assert!(moved("flowruns_database_retries_total", &[]) >= 1.0);
    assert!(moved("flowruns_writer_batch_duration_seconds_count", &["\"write\""]) >= 2.0);
    let retried =
        ["\"read\"", "\"write\""].map(|step| moved("flowruns_writer_retries_total", &[step]));
    assert!(retried.iter().sum::<f64>() >= 1.0, "{retried:?}");
}

fn assert_at_rest(after: &Metrics) {
    for (name, value) in [
        ("flowruns_ready", 1.0),
        ("flowruns_build_info", 1.0),
        ("flowruns_database_connections_limit", 2.0),
        ("flowruns_writer_contended_runs", 0.0),
        ("flowruns_writer_queue_reports", 0.0),
        ("flowruns_http_requests_in_flight", 0.0),
        ("flowruns_history_months_ahead", 3.0),
        ("flowruns_migrations_pending", 0.0),
    ] {
        assert_eq!(after.sum(name, &[]), value, "{name}");
    }
    assert!(after.sum("process_resident_memory_bytes", &[]) > 1e6);
    assert!(after.sum("process_open_fds", &[]) > 1.0);
}

/// One request of each kind creates the series; a thousand more create none.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unknown_paths_methods_ids_and_tenants_create_no_series() {
    let fixture = Fixture::start();
    let root = fixture.server.url("");
    let runs = fixture.runs_path();
    let send_unknown = async |number: usize| {
        let id = uuid::Uuid::from_u128(number as u128 + 1);
        for (method, path) in [
            ("GET", format!("/nothing/{number}")),
            (&*format!("ODD{number}"), format!("/{number}")),
            (&*format!("ODD{number}"), format!("{runs}/{id}")),
            ("GET", format!("{runs}/{id}")),
            ("GET", format!("/beta{runs}('{id}')")),
        ] {
            let url = format!("{root}{path}");
            let request = fixture.http.request(method.parse().unwrap(), url);
            let request = request
                .bearer_auth(fixture.token())
                .header("client-request-id", number.to_string());
            let status = request.send().await.unwrap().status();
            assert!(status == 404 || status == 405, "{status}");
        }
    };
    send_unknown(0).await;
    let series = |metrics: Metrics| metrics.0.into_keys().collect::<BTreeSet<_>>();
    let before = series(fixture.metrics().await);
    for number in 1..=UNKNOWN {
        send_unknown(number).await;
    }
    let metrics = fixture.metrics().await;
    let count = metrics.sum("flowruns_http_requests_total", &[]);
    assert_eq!(count, (5 * (UNKNOWN + 1)) as f64);
    let of_the_run = metrics.sum("flowruns_http_requests_total", &["\"GET\"", "/runs/{run}\""]);
    assert_eq!(of_the_run, (2 * (UNKNOWN + 1)) as f64);
    assert_eq!(series(metrics), before);
}
