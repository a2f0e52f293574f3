//! Whole stories: real HTTP requests through the routes, on a real PostgreSQL, with whole answers compared.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on shall fail")]

mod addresses;
mod advice;
mod app;
mod architecture;
mod batch;
mod batch_envelope;
mod batch_limits;
mod blocking_error;
mod bodies;
mod bounded_pages;
mod bounded_refusals;
mod browser;
mod callers;
mod checker;
mod clocks;
mod cors;
mod counts;
mod creation;
mod description;
mod documents;
mod door;
mod entities;
mod failures;
mod faults;
mod filters;
mod flows;
mod headers;
mod idempotency;
mod limits;
mod links;
mod lists;
mod metadata;
mod overload;
mod patching;
mod preconditions;
mod queries;
mod query_options;
mod races;
mod refusals;
mod shares;
mod supply;
mod tenants;
mod transitions;
mod values;
