//! The state of the routes, and their options.

use std::{sync::Arc, time::Duration};

use flowruns_domain::service::{Environment, FlowService, RunService};
use flowruns_http::{
    Admission, AllowedOrigin, Draining, HeadLimits, Limits, PipelineOptions, Readiness,
    RequestPipeline, RequestTracer, auth::TokenVerifier,
};
use ipnet::IpNet;

use crate::{format::ODataFormat, odata::cursor::CursorKey, routes};

/// The options of the routes. [`ApiOptions::new`] sets the defaults; change the fields that differ.
#[derive(Clone)]
#[non_exhaustive]
pub struct ApiOptions {
    /// Store, clock and ids.
    pub environment: Environment,
    /// Verifies bearer tokens.
    pub verifier: Arc<TokenVerifier>,
    /// Signs the links to next pages.
    pub cursor_key: CursorKey,
    /// The longest request body, in bytes; a longer one is 413. Default 1 MiB.
    pub max_body_bytes: usize,
    /// The largest head of an item of a batch. Set it to the limits of the listener.
    pub head_limits: HeadLimits,
    /// How long a request may take; after that it is answered with 503. Default 30 s.
    pub request_timeout: Duration,
    /// How long a client may pause while it sends a body; after that it is answered with 408. Default 10 s.
    pub body_timeout: Duration,
    /// Whether PATCH and DELETE without If-Match are 428. Default `false`.
    pub require_if_match: bool,
    /// The networks whose proxies are trusted to say which scheme, host, port and path prefix the client used. Default none.
    pub trusted_proxies: Vec<IpNet>,
    /// The origins whose pages may call the API. Default none: then the headers of CORS are never sent.
    pub cors_origins: Vec<AllowedOrigin>,
    /// Responds to `/readyz`. Default: the store is checked, and the server never drains.
    pub readiness: Readiness,
    /// Exports traces. Default none: then only a request with a `traceparent` has a span.
    pub tracer: Option<Arc<dyn RequestTracer>>,
    /// How much is accepted before requests are rejected.
    pub limits: Limits,
    /// The admission that these routes share with other front ends of the process, instead of one of their own with `limits`.
    /// Default none.
    pub admission: Option<Arc<Admission>>,
    /// The path of the pages for people that the process serves beside these routes, such as `/ui`: `GET /` sends browsers
    /// there. Default none.
    pub pages: Option<&'static str>,
}

impl ApiOptions {
    /// Options with the defaults. `verifier` decides who may call the API, and servers that share a `cursor_key` continue
    /// each other's pages.
    pub fn new(
        environment: Environment,
        verifier: Arc<TokenVerifier>,
        cursor_key: CursorKey,
    ) -> Self {
        let store = Arc::clone(&environment.store);
        Self {
            readiness: Readiness::new(store, Draining::default()),
            environment,
            verifier,
            cursor_key,
            max_body_bytes: 1024 * 1024,
            head_limits: HeadLimits::default(),
            request_timeout: Duration::from_secs(30),
            body_timeout: Duration::from_secs(10),
            require_if_match: false,
            trusted_proxies: Vec::new(),
            cors_origins: Vec::new(),
            tracer: None,
            limits: Limits::default(),
            admission: None,
            pages: None,
        }
    }
}

/// The state of the router.
pub(crate) struct Api {
    pub(crate) options: ApiOptions,
    pub(crate) runs: RunService,
    pub(crate) flows: FlowService,
    pub(crate) pipeline: RequestPipeline<ODataFormat>,
    pub(crate) admission: Arc<Admission>,
}

impl Api {
    pub(crate) fn new(options: ApiOptions) -> Self {
        let environment = &options.environment;
        let pipeline = PipelineOptions {
            clock: Arc::clone(&environment.clock),
            ids: Arc::clone(&environment.ids),
            request_timeout: options.request_timeout,
            trusted_proxies: options.trusted_proxies.clone(),
            cors: ODataFormat::cors(options.cors_origins.clone()),
            tracer: options.tracer.clone(),
        };
        let admission = options.admission.clone();
        Self {
            runs: RunService::new(environment.clone()),
            flows: FlowService::new(environment.clone()),
            pipeline: RequestPipeline::new(pipeline, ODataFormat, routes::count()),
            admission: admission
                .unwrap_or_else(|| Arc::new(Admission::new(options.limits.clone()))),
            options,
        }
    }
}
