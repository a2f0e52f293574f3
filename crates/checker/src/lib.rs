//! Checks that a deployment keeps its guarantees while many clients report at the same time.
//!
//! [`run_load`] lets clients send random reports, valid and invalid, with and without If-Match, to some runs of a flow, and
//! records each response and its time. [`check`] then compares the record with the stored rows and histories: every
//! acknowledged change is stored exactly once, no terminal status was left, every rejection was right in some state between
//! request and response, and no response showed anything that was not committed.
//!
//! ```
//! use std::sync::Arc;
//!
//! use flowruns_domain::{clock::{SystemClock, TimeOrderedIds}, service::Environment, store::FlowStore};
//! use flowruns_checker::{Length, LoadPlan, StoreTarget, Stored, Target, check, run_load};
//! use flowruns_testing::{MemoryStore, fixtures};
//!
//! # tokio::runtime::Runtime::new()?.block_on(async {
//! let store = Arc::new(MemoryStore::default());
//! let flow = fixtures::fresh_flow(fixtures::fresh_tenant());
//! store.create_flow(flow.clone()).await?;
//! let environment = Environment { store, clock: Arc::new(SystemClock), ids: Arc::new(TimeOrderedIds) };
//! let target: Arc<dyn Target> = Arc::new(StoreTarget::new(environment, flow.key));
//!
//! let record = run_load(&[Arc::clone(&target)], &LoadPlan { length: Length::Operations(20), ..LoadPlan::default() }).await?;
//! let stored = Stored::read(&*target, &record).await?;
//! match check(&record, &stored) {
//!     Ok(summary) => println!("{summary}"),
//!     Err(violations) => panic!("{} guarantees broken, the first: {}", violations.len(), violations[0]),
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Against servers, from a shell (see `--help`); each `--url` is one server of the same database, reached over plain
//! HTTP (behind a proxy that terminates TLS: the address of the server itself). A server that requires If-Match cannot be checked:
//!
//! ```sh
//! CHECKER_TOKEN=$(flowruns token) cargo run -p flowruns-checker -- \
//!     --url http://127.0.0.1:8080 --url http://127.0.0.1:8081 --clients 16 --seconds 20
//! ```
//!
//! How the check works: a report that may change something carries a marker, a member of statistics that no other
//! client writes, so that the history shows which report made each entry, even when its response was lost. A client sends
//! a report again after an unknown outcome only if a second application cannot change anything: it writes only its own
//! members and status, or requires a version by If-Match. An attempt that was cut off may still be executed later, so after
//! an unknown outcome the client continues with another marker. Runs are never deleted, because that would hide
//! their histories.
//!
//! Times come from a monotonic clock of this process; the clocks of the servers do not matter.
//! Responses, states and reports are kept in memory: some kilobytes for each report.

mod author;
mod check;
mod client;
mod effect;
mod generator;
mod http;
mod http_target;
mod known;
mod listing;
mod load;
mod order;
mod record;
mod replay;
mod report;
mod responses;
mod run_check;
mod states;
mod store_target;
mod stored;
mod summary;
mod target;
mod violation;
mod wire;

pub use self::{
    check::check,
    http_target::{HttpTarget, TargetFailed},
    load::{Length, LoadFailed, LoadPlan, run_load},
    record::{Attempt, Marker, Operation, Record, Request},
    report::{Creation, Report},
    store_target::StoreTarget,
    stored::{ReadFailed, Stored, StoredRun},
    summary::Summary,
    target::{Entry, Listing, RejectionCode, Seen, Target, TargetResponse},
    violation::{Guarantee, Violation},
};
