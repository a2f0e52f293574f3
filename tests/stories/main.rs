//! Whole stories: real HTTP requests through the routes, on a real PostgreSQL, with whole answers compared.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on shall fail")]

mod abandoned_reads;
mod app;
mod architecture;
mod batch;
mod batch_limits;
mod browser;
mod checker;
mod clocks;
mod creation;
mod description;
mod door;
mod durability;
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
mod read_only;
mod reconnections;
mod refusals;
mod stopped_backend;
mod supply;
mod tenants;
mod transaction;
mod transitions;
mod unknown_outcomes;
mod values;
mod withholding_proxy;
mod writer;
