//! Tests of the API: HTTP requests through the routes, on a real PostgreSQL, with complete responses compared.

#![expect(clippy::unwrap_used, reason = "a test that cannot continue must fail")]

mod addresses;
mod admission_shares;
mod app;
mod architecture;
mod authentication;
mod batch;
mod batch_envelope;
mod batch_limits;
mod blocking_error;
mod bodies;
mod bounded_error_responses;
mod bounded_pages;
mod browser;
mod callers;
mod checker;
mod clocks;
mod cors;
mod counts;
mod creation;
mod description;
mod documents;
mod entities;
mod error_responses;
mod filters;
mod flows;
mod headers;
mod idempotency;
mod internal_errors;
mod limits;
mod links;
mod lists;
mod lost_connections;
mod messages;
mod metadata;
mod overload;
mod patching;
mod preconditions;
mod queries;
mod query_options;
mod races;
mod supply;
mod tenants;
mod transitions;
mod values;
