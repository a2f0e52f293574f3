//! The rules of flowruns: runs, flows, how reports change them, and the ports that a store implements.
//!
//! The crate is pure: it does no I/O, and the clock and randomness are arguments. Its modules:
//!
//! | module | what it holds |
//! |---|---|
//! | [`run`] | runs, reports and creations that change them, their history |
//! | [`flow`] | flows, their creation and changes |
//! | [`service`] | what callers do with runs and flows: start here to embed the service |
//! | [`store`] | the ports that a store implements |
//! | [`query`] | filters, orders, pages and counts |
//! | [`dashboard`] | the queries of the dashboard |
//! | [`cadence`] | what is usual for a flow: its gaps and durations, and what is late, stale or unusual |
//! | [`violation`], [`rejection`] | why a request is rejected: by itself, or by the stored state |
//! | [`version`] | versions, entity tags, preconditions |
//! | [`idempotency`] | the rules of idempotency keys |
//! | [`json`] | JSON values in one normalised form |
//! | [`id`] | ids of tenants, flows, runs and history entries, and keys made of them |
//! | [`timestamp`] | times in UTC with microseconds |
//! | [`display_name`] | display names of flows and runs |
//! | [`property`] | the names of properties, and their order |
//! | [`patch`] | fields of a patch: absent, null or a value |
//! | [`text`] | excerpts of input for messages |
//! | [`clock`] | the ports for the time and for new ids |
//!
//! What a report does to a run:
//!
//! ```
//! use flowruns_domain::{
//!     clock::{Clock, Ids, SystemClock, TimeOrderedIds},
//!     display_name::DisplayName,
//!     id::{EventId, FlowKey},
//!     json::JsonObject,
//!     patch::Field,
//!     run::{Decision, NewRun, Outcome, ReportOrigin, RunPatch, RunStatus},
//!     version::IfMatch,
//! };
//!
//! let now = SystemClock.now();
//! let id = || TimeOrderedIds.next(now);
//! let origin = ReportOrigin { event: EventId::new(id())?, actor: "nightly".into(), request: id(), received: now };
//! let flow = FlowKey { tenant: id().to_string().parse()?, flow: id().to_string().parse()? };
//! let new = NewRun {
//!     display_name: DisplayName::new("Nightly rosters")?,
//!     start: None,
//!     end: None,
//!     status: RunStatus::Running,
//!     blocking_error: None,
//!     statistics: JsonObject::default(),
//! };
//! let run = new.create(flow.run(id().to_string().parse()?), &origin).unwrap().run;
//!
//! let failed = RunStatus::Ended(Outcome::Failed);
//! let report = RunPatch { status: Field::Value(failed), ..RunPatch::default() };
//! let Decision::Changed(change) = run.decide(&report, &IfMatch::Absent, &origin)? else { panic!() };
//! assert_eq!(change.run.properties.state.status(), failed);
//! assert_eq!(change.run.decide(&report, &IfMatch::Absent, &origin)?, Decision::Unchanged);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod cadence;
pub mod clock;
pub mod dashboard;
pub mod display_name;
pub mod flow;
pub mod id;
pub mod idempotency;
pub mod json;
pub mod patch;
pub mod property;
pub mod query;
pub mod rejection;
pub mod run;
pub mod service;
pub mod store;
pub mod text;
pub mod timestamp;
pub mod version;
pub mod violation;
