//! The HTTP routes of flowruns on any store: the shape of the Microsoft Graph industryData API.
//!
//! [`router`] serves whatever [`Store`](flowruns_domain::Store) it is given, behind bearer tokens that
//! [`auth::TokenVerifier`] checks.
//!
//! ```
//! use std::{sync::Arc, time::Duration};
//!
//! use flowruns_api::{
//!     ApiOptions, CursorKey, Draining, HeadLimits, Limits, Readiness, auth::TokenVerifier, router,
//! };
//! use flowruns_domain::{Environment, Store, SystemClock, TimeOrderedIds};
//!
//! fn routes(store: Arc<dyn Store>, verifier: TokenVerifier) -> axum::Router {
//!     router(ApiOptions {
//!         readiness: Readiness::new(Arc::clone(&store), Draining::default()),
//!         environment: Environment { store, clock: Arc::new(SystemClock), ids: Arc::new(TimeOrderedIds) },
//!         verifier: Arc::new(verifier),
//!         max_body_bytes: 1024 * 1024,
//!         head_limits: HeadLimits::default(),
//!         request_timeout: Duration::from_secs(30),
//!         body_timeout: Duration::from_secs(10),
//!         require_if_match: false,
//!         trusted_proxies: Vec::new(),
//!         cors_origins: Vec::new(),
//!         cursor_key: CursorKey::new(b"a secret that all servers share"),
//!         tracer: None,
//!         limits: Limits::default(),
//!     })
//! }
//! ```

pub mod auth;
mod batch;
mod cors;
mod docs;
mod error;
mod extract;
mod fallback;
mod flows;
mod health;
mod idempotency;
mod limits;
mod metadata;
mod observe;
mod odata;
mod offload;
mod openapi;
mod respond;
mod routes;
mod runs;
mod security_headers;
mod state;

pub use flowruns_admission::AdmissionLimits;

pub use self::{
    cors::{AllowedOrigin, InvalidOrigin},
    health::{Check, Draining, Readiness, Unready, health_routes},
    limits::{Limits, MinimumRate, Rate, RateOverride},
    observe::RequestTracer,
    odata::{
        cursor::CursorKey,
        origin::{ConnectionAuthentication, OverTls, Peer},
    },
    openapi::openapi_json,
    routes::router,
    state::{ApiOptions, HeadLimits},
};
