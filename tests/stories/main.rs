//! Whole stories: real HTTP requests through the routes, on a real PostgreSQL, with whole answers compared.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on shall fail")]

mod app;
mod architecture;
mod batch;
mod batch_limits;
mod browser;
mod callers;
mod checker;
mod clocks;
mod cors;
mod creation;
mod description;
mod door;
mod entities;
mod failures;
mod faults;
mod filters;
mod flows;
mod idempotency;
mod limits;
mod links;
mod lists;
mod metadata;
mod overload;
mod patching;
mod plans;
mod preconditions;
mod queries;
mod races;
mod refusals;
mod stopped_backend;
mod supply;
mod tenants;
mod transaction;
mod transitions;
mod values;
mod writer;
