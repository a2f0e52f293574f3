//! The metrics of requests. Labels come from fixed tables, never from a request; handles are made once and kept.

use std::sync::OnceLock;

use axum::http::{Method, StatusCode};
use metrics::{Counter, Gauge, Histogram, Unit};

use crate::{auth, log::RequestSummary};

const REQUESTS: &str = "flowruns_http_requests_total";
const DURATION: &str = "flowruns_http_request_duration_seconds";
const IN_FLIGHT: &str = "flowruns_http_requests_in_flight";
const REJECTED: &str = "flowruns_http_requests_refused_total";
const FAILED: &str = "flowruns_http_requests_failed_total";

/// The methods that have a label of their own.
const METHODS: [(Method, &str); 7] = [
    (Method::PATCH, "PATCH"),
    (Method::GET, "GET"),
    (Method::POST, "POST"),
    (Method::DELETE, "DELETE"),
    (Method::HEAD, "HEAD"),
    (Method::PUT, "PUT"),
    (Method::OPTIONS, "OPTIONS"),
];

/// The statuses that have a label of their own.
const STATUSES: [(u16, &str); 22] = [
    (200, "200"),
    (201, "201"),
    (204, "204"),
    (304, "304"),
    (400, "400"),
    (401, "401"),
    (403, "403"),
    (404, "404"),
    (405, "405"),
    (406, "406"),
    (408, "408"),
    (409, "409"),
    (412, "412"),
    (413, "413"),
    (415, "415"),
    (422, "422"),
    (424, "424"),
    (428, "428"),
    (429, "429"),
    (500, "500"),
    (502, "502"),
    (503, "503"),
];

/// The label of a method or status that has none of its own.
const OTHER: &str = "other";

/// The labels that alerts watch exist from the start, so that the first event is an increase.
const WATCHED_RULES: [&str; 2] = ["runAlreadyEnded", "conflictingOutcome"];
const WATCHED_FAILURES: [&str; 5] =
    ["overloaded", "databaseUnavailable", "contention", "requestTimeout", "internalServerError"];

/// The handles, in tables: a request finds its own without a lock and without an allocation.
pub(crate) struct RequestMeter {
    in_flight: Gauge,
    /// One for each route, and at last one for requests that no route matched.
    series: Box<[[Series; METHODS.len() + 1]]>,
}

/// The metrics of one route and method; they are registered when they first occur.
#[derive(Default)]
struct Series {
    duration: OnceLock<Histogram>,
    by_status: [OnceLock<Counter>; STATUSES.len() + 1],
}

/// Counts a request as in flight until it is dropped, also when its client disconnects.
pub(crate) struct InFlight<'a>(&'a Gauge);

impl InFlight<'_> {
    /// The same request, counted as long as its response is sent.
    pub(crate) fn of_stream(&self) -> StreamInFlight {
        self.0.increment(1);
        StreamInFlight(self.0.clone())
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.decrement(1);
    }
}

/// Counts a request whose response is a stream until the stream is dropped.
pub(crate) struct StreamInFlight(Gauge);

impl Drop for StreamInFlight {
    fn drop(&mut self) {
        self.0.decrement(1);
    }
}

impl RequestMeter {
    /// Handles of the recorder that is installed now, for this number of routes; without a recorder nothing is counted.
    pub(crate) fn new(routes: usize) -> Self {
        describe();
        auth::describe_metrics();
        for rule in WATCHED_RULES {
            metrics::counter!(REJECTED, "rule" => rule).absolute(0);
        }
        for reason in WATCHED_FAILURES {
            metrics::counter!(FAILED, "reason" => reason).absolute(0);
        }
        Self {
            in_flight: metrics::gauge!(IN_FLIGHT),
            series: (0..=routes).map(|_| Default::default()).collect(),
        }
    }

    /// Counts a request that has arrived.
    pub(crate) fn begin(&self) -> InFlight<'_> {
        self.in_flight.increment(1);
        InFlight(&self.in_flight)
    }

    /// Counts a request that was answered.
    pub(crate) fn count(&self, summary: &RequestSummary<'_>) {
        let position = METHODS.iter().position(|(known, _)| known == summary.method);
        let method = position.map_or(OTHER, |index| METHODS[index].1);
        let index = summary.route.index().min(self.series.len() - 1);
        let series = &self.series[index][position.unwrap_or(METHODS.len())];
        let route = summary.route.as_str();
        let duration = || metrics::histogram!(DURATION, "route" => route, "method" => method);
        series.duration.get_or_init(duration).record(summary.duration);
        series.count(route, method, summary.status);
        if let Some(error) = summary.error {
            count_failure(summary.status, error.code);
        }
    }
}

impl Series {
    fn count(&self, route: &'static str, method: &'static str, status: StatusCode) {
        let position = STATUSES.iter().position(|(known, _)| *known == status.as_u16());
        let status = position.map_or(OTHER, |index| STATUSES[index].1);
        let requests = || metrics::counter!(REQUESTS, "route" => route, "method" => method, "status" => status);
        let counter = &self.by_status[position.unwrap_or(STATUSES.len())];
        counter.get_or_init(requests).increment(1);
    }
}

/// Counts a request that was rejected or failed, by the specific code of its response.
fn count_failure(status: StatusCode, code: &'static str) {
    if status.is_server_error() {
        metrics::counter!(FAILED, "reason" => code).increment(1);
    } else {
        metrics::counter!(REJECTED, "rule" => code).increment(1);
    }
}

fn describe() {
    metrics::describe_counter!(
        REQUESTS,
        "Requests that were answered; items of a batch count too."
    );
    metrics::describe_histogram!(DURATION, Unit::Seconds, "How long requests took.");
    metrics::describe_gauge!(IN_FLIGHT, "Requests in flight.");
    metrics::describe_counter!(REJECTED, "Requests rejected with 4xx, by the rule.");
    metrics::describe_counter!(FAILED, "Requests answered with 5xx, by the reason.");
}
