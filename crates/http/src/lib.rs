//! What every HTTP front end of flowruns needs, whatever its routes and formats are.
//!
//! A front end is a set of routes with one format of errors: the OData API, pages for people. Its parts:
//!
//! - [`RequestPipeline`] answers every request: ids, deadline, panics, error bodies, headers, metrics, log, traces. The
//!   front end gives it a [`ResponseFormat`].
//! - [`auth`] verifies bearer tokens and their permissions.
//! - [`Admission`] limits the rate of each caller, and how much is in progress; all front ends of a process share one.
//! - [`BodyReader`] reads a body in time and within the limits of admission.
//! - [`Offload`] runs CPU-heavy work on other threads than those of requests.
//! - [`RequestOrigin`] is the scheme and host that the client used, as trusted proxies report them.
//! - [`Readiness`] and [`health_routes`] answer the probes of load balancers.
//!
//! A handler marks a response that is sent while it is made with [`StreamingResponse`]. [`not_modified`] is a 304.

mod admission;
pub mod auth;
mod body;
mod connection;
mod context;
mod cors;
mod deadline;
mod error;
mod health;
mod log;
mod meter;
mod not_modified;
mod offload;
mod origin;
mod pipeline;
mod rejection_log;
mod response_body;
mod route_name;
mod security_headers;
mod streaming;
mod trace;
mod traceparent;

pub use flowruns_admission::{
    AdmissionLimits, CallerId, LARGE_BYTES, Overloaded, Permit, Priority,
};

pub use self::{
    admission::{Admission, Limits, Rate, RateOverride, reserve},
    body::{BodyLimits, BodyReader, MinimumRate, parsed_size},
    connection::{ConnectionAuthentication, HeadLimits, OverTls, Peer},
    context::{CLIENT_REQUEST_ID, RequestContext},
    cors::{AllowedOrigin, CorsPolicy, InvalidOrigin},
    deadline::Deadline,
    error::{ErrorDetail, RequestError},
    health::{Check, Draining, Readiness, Unready, health_routes, live},
    not_modified::not_modified,
    offload::Offload,
    origin::{RequestOrigin, client_address},
    pipeline::{ErrorBody, PipelineOptions, RequestPipeline, ResponseFormat},
    route_name::RouteName,
    security_headers::add_page_headers,
    streaming::StreamingResponse,
    trace::RequestTracer,
    traceparent::TRACEPARENT,
};
