//! Whether a deployment keeps its promises while many clients report at once.
//!
//! [`storm`] lets clients send random reports, legal and illegal, with and without If-Match, to some runs of a flow, and
//! records what each was told and when. [`check`] then holds the record against the histories and the rows that are
//! there: every acknowledged change is there exactly once, no terminal status was left, every refusal was right in some
//! state between its question and its answer, and nothing was shown that was not committed.
//!
//! ```
//! use std::sync::Arc;
//!
//! use flowruns_domain::{Environment, FlowStore, SystemClock, TimeOrderedIds};
//! use flowruns_checker::{Length, Storm, StoreTarget, Stored, Target, check, storm};
//! use flowruns_testing::{MemoryStore, fixtures};
//!
//! # tokio::runtime::Runtime::new()?.block_on(async {
//! let store = Arc::new(MemoryStore::default());
//! let flow = fixtures::fresh_flow(fixtures::fresh_tenant());
//! store.create_flow(flow.clone()).await?;
//! let environment = Environment { store, clock: Arc::new(SystemClock), ids: Arc::new(TimeOrderedIds) };
//! let target: Arc<dyn Target> = Arc::new(StoreTarget::new(environment, flow.key));
//!
//! let record = storm(&[Arc::clone(&target)], &Storm { length: Length::Operations(20), ..Storm::default() }).await?;
//! let stored = Stored::read(&*target, &record).await?;
//! match check(&record, &stored) {
//!     Ok(summary) => println!("{summary}"),
//!     Err(violations) => panic!("{} promises broken, the first: {}", violations.len(), violations[0]),
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Against servers, from a shell (see `--help`); each `--url` is one server of the same database, reached over plain
//! HTTP (behind a proxy that ends TLS: its inner address). A server that demands If-Match cannot be checked:
//!
//! ```sh
//! CHECKER_TOKEN=$(flowruns token) cargo run -p flowruns-checker -- \
//!     --url http://127.0.0.1:8080 --url http://127.0.0.1:8081 --clients 16 --seconds 20
//! ```
//!
//! How it can be sure: a report that may change something carries a marker, a member of statistics that no other
//! client touches, so that the history says which report made each entry, even when its answer was lost. A report is
//! sent again after an unknown outcome only when a second application could not change anything: it touches members
//! of its own and status, or demands a version by If-Match. An attempt that was cut off may still land later, so after
//! an unknown outcome the client goes on with another marker. Runs are never deleted, since that would hide
//! their histories.
//!
//! Times are taken from a monotonic clock of this process; the clocks of the servers do not matter.
//! Answers, states and reports are kept in memory: some kilobytes for each report.

mod answers;
mod author;
mod check;
mod client;
mod draw;
mod effect;
mod http;
mod http_target;
mod known;
mod listing;
mod order;
mod record;
mod replay;
mod report;
mod run_check;
mod states;
mod store_target;
mod stored;
mod storm;
mod summary;
mod target;
mod violation;
mod wire;

pub use self::{
    check::check,
    http_target::{HttpTarget, TargetFailed},
    record::{Attempt, Marker, Operation, Record, Request},
    report::{Creation, Report},
    store_target::StoreTarget,
    stored::{ReadFailed, Stored, StoredRun},
    storm::{Length, Storm, StormFailed, storm},
    summary::Summary,
    target::{Answer, Entry, Listing, Refusal, Seen, Target},
    violation::{Promise, Violation},
};
