//! The store of flowruns on PostgreSQL 15 and newer: runs, flows and idempotency keys.
//!
//! A service calls [`RunService`](flowruns_domain::service::RunService), which decides reports by the rules of the domain, on a
//! [`PostgresStore`]:
//!
//! ```
//! use std::sync::Arc;
//!
//! use flowruns_domain::{
//!     clock::{SystemClock, TimeOrderedIds}, display_name::DisplayName,
//!     flow::{DataDomain, NewFlow, ReadinessStatus}, patch::Field,
//!     run::{NewRun, Outcome, RunAddress, RunPatch, RunStatus, Via},
//!     service::{Environment, FlowService, Requester, RunCreated, RunService}, version::IfMatch,
//! };
//! use flowruns_persistence::{ConnectOptions, PostgresStore};
//! use flowruns_testing::{fixtures, scratch::ScratchDatabase};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! // A migrated database. In production: ConnectOptions::from_url("postgres://flowruns_service@…/flowruns")
//! let database = ScratchDatabase::create().await;
//! let options = ConnectOptions::new(database.service());
//! let store = PostgresStore::connect(&options).await?;
//! let environment = Environment {
//!     store: Arc::new(store.clone()),
//!     clock: Arc::new(SystemClock),
//!     ids: Arc::new(TimeOrderedIds),
//! };
//! let (flows, runs) = (FlowService::new(environment.clone()), RunService::new(environment));
//!
//! let tenant = fixtures::fresh_tenant();
//! let rosters = NewFlow {
//!     display_name: DisplayName::new("Rosters")?,
//!     readiness_status: ReadinessStatus::Ready,
//!     data_domain: DataDomain::EducationRostering,
//!     effective: None,
//!     expiration: None,
//! };
//! let flow = flows.create(tenant, rosters).await?;
//! let by = || Requester {
//!     actor: "nightly job".to_owned(),
//!     request: fixtures::fresh_uuid(),
//! };
//! let nightly = NewRun {
//!     display_name: DisplayName::new("Nightly rosters")?,
//!     start: None,
//!     end: None,
//!     status: RunStatus::Running,
//!     blocking_error: None,
//!     statistics: Default::default(),
//! };
//! let created = runs.create(flow.key, Via::default(), None, nightly, by()).await?;
//! let (RunCreated::New(run) | RunCreated::Existing(run)) = created;
//!
//! let address = RunAddress { key: run.key, via: Via::default() };
//! let completed = RunPatch {
//!     status: Field::Value(RunStatus::Ended(Outcome::Completed)),
//!     ..RunPatch::default()
//! };
//! // When this returns, the change is committed and flushed.
//! let run = runs.patch(address, completed, IfMatch::Absent, by()).await?;
//! assert_eq!(run.properties.state.status(), RunStatus::Ended(Outcome::Completed));
//! store.close().await;
//! # Ok(())
//! # }
//! # tokio::runtime::Runtime::new()?.block_on(example())?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Modules
//!
//! | module | content |
//! |---|---|
//! | `store`, `runs`, `flows`, `history`, `idempotency` | the ports of the domain, with their statements |
//! | `writer` | reports and creations, written in batches |
//! | `query` | lists and counts, each along one index |
//! | `dashboard` | the queries of the dashboard, each along indexes |
//! | `columns`, `row`, `parameters` | rows as SQL columns, as results and as parameters |
//! | `connect`, `pool`, `dedicated_connection`, `retry` | connections, and what is repeated after a failure |
//! | [`migrate`], `schema_status` | migrations, and the state of the database |
//! | `error`, `meter` | errors of the database as store errors; metrics |

mod columns;
mod connect;
mod dashboard;
mod dedicated_connection;
mod error;
mod flows;
mod history;
mod idempotency;
mod meter;
pub mod migrate;
mod parameters;
mod pool;
mod query;
mod retry;
mod row;
mod runs;
mod schema_status;
#[cfg(test)]
mod statement_tests;
mod store;
mod writer;

pub use self::{
    connect::{ConnectOptions, Durability},
    dashboard::DashboardQuery,
    schema_status::{SchemaFinding, SchemaStatus},
    store::{PostgresStore, StoreLoad},
};
