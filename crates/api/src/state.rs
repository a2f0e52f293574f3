//! What every handler stands on.

use std::{
    sync::{Arc, atomic::AtomicU64},
    time::Duration,
};

use axum::extract::FromRef;
use flowruns_admission::AdmissionController;
use flowruns_domain::{Environment, FlowService, RunService};
use governor::clock::MonotonicClock;
use ipnet::IpNet;

use crate::{
    auth::TokenVerifier,
    cors::AllowedOrigin,
    health::Readiness,
    limits::{CallerLimits, Limits, Refusals},
    observe::{Meter, RequestTracer},
    odata::cursor::CursorKey,
};

/// What the routes need.
#[derive(Clone)]
pub struct ApiOptions {
    /// Store, clock and ids.
    pub environment: Environment,
    /// Checks bearer tokens.
    pub verifier: Arc<TokenVerifier>,
    /// The longest request body, in bytes; a longer one is 413.
    pub max_body_bytes: usize,
    /// The largest head of a request, for an item of a batch too.
    pub head_limits: HeadLimits,
    /// How long a request may take; then it is answered 503.
    pub request_timeout: Duration,
    /// How long a client may send nothing of a body that is not complete; then it is answered 408.
    pub body_timeout: Duration,
    /// Whether PATCH and DELETE without If-Match are 428.
    pub require_if_match: bool,
    /// The networks whose proxies are believed when they say which scheme, host, port and path prefix the client used.
    pub trusted_proxies: Vec<IpNet>,
    /// The origins whose pages may call the API; without any, nothing is said to pages of other origins.
    pub cors_origins: Vec<AllowedOrigin>,
    /// Signs the links to next pages.
    pub cursor_key: CursorKey,
    /// Answers `/readyz`.
    pub readiness: Readiness,
    /// Sends traces somewhere; without it only a request with a `traceparent` has a span.
    pub tracer: Option<Arc<dyn RequestTracer>>,
    /// How much is taken before requests are refused.
    pub limits: Limits,
}

/// The largest head of a request. The listener applies these limits to a request alone, and the routes apply them to
/// each item of a batch, which no listener sees.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct HeadLimits {
    /// The most headers; an item with more is 431. At most 1000.
    pub headers: usize,
    /// The most bytes of their names and values; an item with more is 431.
    pub header_bytes: usize,
    /// The longest path and query, in bytes; an item with a longer one is 414. At most 65,534.
    pub uri_bytes: usize,
}

impl Default for HeadLimits {
    /// 100 headers of 64 KiB in all, and a URL of 16 KiB.
    fn default() -> Self {
        Self {
            headers: 100,
            header_bytes: 64 * 1024,
            uri_bytes: 16 * 1024,
        }
    }
}

/// The state of the router.
pub(crate) struct Api {
    pub(crate) options: ApiOptions,
    pub(crate) runs: RunService,
    pub(crate) flows: FlowService,
    /// How many creations came with a key.
    pub(crate) claims: AtomicU64,
    pub(crate) meter: Meter,
    pub(crate) callers: CallerLimits,
    pub(crate) admission: Arc<AdmissionController>,
    pub(crate) refusals: Refusals,
}

impl Api {
    pub(crate) fn new(options: ApiOptions) -> Self {
        let runs = RunService::new(options.environment.clone());
        let flows = FlowService::new(options.environment.clone());
        let limits = &options.limits;
        Self {
            callers: CallerLimits::new(limits, MonotonicClock),
            admission: AdmissionController::new(limits.admission),
            refusals: Refusals::default(),
            options,
            runs,
            flows,
            claims: AtomicU64::default(),
            meter: Meter::new(),
        }
    }
}

impl FromRef<Arc<Api>> for Readiness {
    fn from_ref(api: &Arc<Api>) -> Self {
        api.options.readiness.clone()
    }
}
