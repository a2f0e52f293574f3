//! The OData front end of flowruns: the routes of the Microsoft Graph industryData API on any store.
//!
//! [`router`] serves any [`Store`](flowruns_domain::store::Store), and accepts the bearer tokens that a
//! [`TokenVerifier`](auth::TokenVerifier) verifies.
//!
//! ```
//! use std::sync::Arc;
//!
//! use flowruns_api::{ApiOptions, CursorKey, auth::TokenVerifier, router};
//! use flowruns_domain::{clock::{SystemClock, TimeOrderedIds}, service::Environment, store::Store};
//!
//! fn routes(store: Arc<dyn Store>, verifier: TokenVerifier) -> axum::Router {
//!     let environment = Environment { store, clock: Arc::new(SystemClock), ids: Arc::new(TimeOrderedIds) };
//!     let cursor_key = CursorKey::new(b"a secret that all servers share");
//!     let mut options = ApiOptions::new(environment, Arc::new(verifier), cursor_key);
//!     options.require_if_match = true;
//!     router(options)
//! }
//! ```
//!
//! # Modules
//!
//! | module | content |
//! |---|---|
//! | `routes` | the route table: path, method, handler and description of every operation |
//! | `runs`, `flows`, `metadata`, `docs`, `batch` | the handlers |
//! | `extract` | reads and checks a request for a handler |
//! | `odata` | paths, query options, filters, cursors, pages |
//! | `respond`, `format`, `error` | responses and errors |
//! | `idempotency` | creations with an `Idempotency-Key` |
//! | `openapi` | the OpenAPI document |
//! | `offload` | work on long bodies in other threads |
//! | `state` | the options, and what the handlers share |

mod batch;
mod docs;
mod error;
mod extract;
mod flows;
mod format;
mod idempotency;
mod json_writer;
mod metadata;
mod odata;
mod offload;
mod openapi;
mod respond;
mod routes;
mod runs;
mod state;

// What the options consist of.
pub use flowruns_http::{
    AdmissionLimits, AllowedOrigin, Check, ConnectionAuthentication, Draining, HeadLimits,
    InvalidOrigin, Limits, MinimumRate, OverTls, Peer, Rate, RateOverride, Readiness,
    RequestTracer, Unready, auth, health_routes,
};

pub use self::{
    odata::cursor::CursorKey, openapi::openapi_json, routes::router, state::ApiOptions,
};
