//! What is counted of requests. Labels come from the tables below, never from a request; handles are made once and kept.

use std::sync::OnceLock;

use axum::http::{Method, StatusCode};
use metrics::{Counter, Gauge, Histogram, Unit};

use super::{
    routes::RouteName,
    trace::{Answered, Trace},
};
use crate::auth::TokenRefused;

const REQUESTS: &str = "flowruns_http_requests_total";
const DURATION: &str = "flowruns_http_request_duration_seconds";
const IN_FLIGHT: &str = "flowruns_http_requests_in_flight";
const REFUSED: &str = "flowruns_http_requests_refused_total";
const FAILED: &str = "flowruns_http_requests_failed_total";
const TOKENS_REFUSED: &str = "flowruns_tokens_refused_total";

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

/// Those that alerts look at are there from the start, so that the first one is a rise.
const WATCHED_RULES: [&str; 2] = ["runAlreadyEnded", "conflictingOutcome"];
const WATCHED_FAILURES: [&str; 5] = [
    "overloaded",
    "databaseUnavailable",
    "contention",
    "requestTimeout",
    "internalServerError",
];

/// The handles, in tables: a request finds its own without a lock, and without memory being taken.
pub(crate) struct Meter {
    in_flight: Gauge,
    series: Box<[[Series; METHODS.len() + 1]; RouteName::COUNT]>,
}

/// Of one route and method. What never happens has no series.
#[derive(Default)]
struct Series {
    duration: OnceLock<Histogram>,
    by_status: [OnceLock<Counter>; STATUSES.len() + 1],
}

/// Counts a request as under way until it is dropped, also when its client hangs up.
pub(super) struct InFlight<'a>(&'a Gauge);

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.decrement(1);
    }
}

impl Meter {
    /// Handles of the recorder that is installed by now; without one nothing is counted.
    pub(crate) fn new() -> Self {
        describe();
        for rule in WATCHED_RULES {
            metrics::counter!(REFUSED, "rule" => rule).absolute(0);
        }
        for reason in WATCHED_FAILURES {
            metrics::counter!(FAILED, "reason" => reason).absolute(0);
        }
        Self {
            in_flight: metrics::gauge!(IN_FLIGHT),
            series: Box::new(std::array::from_fn(|_| Default::default())),
        }
    }

    /// A request has come.
    pub(super) fn begin(&self) -> InFlight<'_> {
        self.in_flight.increment(1);
        InFlight(&self.in_flight)
    }

    /// A request was answered.
    pub(super) fn count(&self, answered: &Answered<'_>, trace: &Trace) {
        let &Answered {
            method,
            status,
            error,
            took,
        } = answered;
        let route = trace.route();
        let position = METHODS.iter().position(|(known, _)| known == method);
        let method = position.map_or(OTHER, |index| METHODS[index].1);
        let series = &self.series[route.index()][position.unwrap_or(METHODS.len())];
        let route = route.as_str();
        let duration = || metrics::histogram!(DURATION, "route" => route, "method" => method);
        series.duration.get_or_init(duration).record(took);
        series.count(route, method, status);
        if let Some(code) = error.and_then(|error| error.inner_code) {
            refused(status, code);
        }
    }
}

impl Series {
    fn count(&self, route: &'static str, method: &'static str, status: StatusCode) {
        let position = STATUSES
            .iter()
            .position(|(known, _)| *known == status.as_u16());
        let status = position.map_or(OTHER, |index| STATUSES[index].1);
        let requests = || metrics::counter!(REQUESTS, "route" => route, "method" => method, "status" => status);
        let counter = &self.by_status[position.unwrap_or(STATUSES.len())];
        counter.get_or_init(requests).increment(1);
    }
}

/// A request was not carried out; `code` is that of its answer, one of a fixed set.
fn refused(status: StatusCode, code: &'static str) {
    if status.is_server_error() {
        metrics::counter!(FAILED, "reason" => code).increment(1);
    } else {
        metrics::counter!(REFUSED, "rule" => code).increment(1);
    }
}

/// Why a caller was not let in.
#[derive(Clone, Copy, Debug)]
pub(crate) enum NotLetIn {
    /// There is no token, or something else in its place.
    NoToken,
    /// The token is no good.
    Token(TokenRefused),
    /// The token lacks the permission.
    NoPermission,
}

impl NotLetIn {
    const fn reason(self) -> &'static str {
        match self {
            Self::NoToken => "missing",
            Self::NoPermission => "permission",
            Self::Token(
                TokenRefused::Malformed
                | TokenRefused::WronglySigned
                | TokenRefused::WrongIssuer
                | TokenRefused::WrongAudience,
            ) => "invalid",
            Self::Token(TokenRefused::Expired) => "expired",
            Self::Token(TokenRefused::NotYetValid) => "notYetValid",
            Self::Token(TokenRefused::NoTenant) => "noTenant",
            Self::Token(TokenRefused::UnusableActor) => "unusableActor",
            Self::Token(TokenRefused::KeysUnavailable) => "keysUnavailable",
        }
    }

    /// Counts it.
    pub(crate) fn count(self) {
        metrics::counter!(TOKENS_REFUSED, "reason" => self.reason()).increment(1);
    }
}

fn describe() {
    metrics::describe_counter!(
        REQUESTS,
        "Requests that were answered; items of a batch count too."
    );
    metrics::describe_histogram!(DURATION, Unit::Seconds, "How long requests took.");
    metrics::describe_gauge!(IN_FLIGHT, "Requests under way.");
    metrics::describe_counter!(REFUSED, "Requests refused with 4xx, by the rule.");
    metrics::describe_counter!(FAILED, "Requests answered with 5xx, by the reason.");
    metrics::describe_counter!(
        TOKENS_REFUSED,
        "Callers who were not let in, by the reason."
    );
}
