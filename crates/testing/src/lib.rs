//! The suite that every store of flowruns must pass, a store in memory that passes it, and what tests stand on.
//!
//! A team with a store of its own gets one named test a case, in an integration test of its crate (which has `tokio`
//! with `macros` and `rt-multi-thread` among its dev-dependencies):
//!
//! ```
//! use std::sync::Arc;
//!
//! use flowruns_domain::Store;
//! use flowruns_testing::MemoryStore;
//!
//! // The store may hold other rows: every case works on a tenant and flows of its own.
//! async fn my_store() -> Arc<dyn Store> {
//!     Arc::new(MemoryStore::default())
//! }
//!
//! flowruns_testing::conformance_suite!(my_store().await);
//!
//! // Or all of them in one test:
//! # tokio::runtime::Runtime::new()?.block_on(async {
//! flowruns_testing::conformance::run_all(my_store().await).await;
//! # });
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! | what | for |
//! |---|---|
//! | [`conformance`] | the suite |
//! | [`MemoryStore`] | tests of what stands above the store |
//! | [`FixedClock`], [`SequentialIds`] | answers that can be compared whole |
//! | [`fixtures`] | rows to begin with |
//! | `issuer`, with the feature `issuer` | an issuer of tokens on loopback, and keys that sign them |
//! | `scratch`, with the feature `postgres` | a migrated database of one's own in tens of milliseconds |

mod clock;
pub mod conformance;
pub mod fixtures;
#[cfg(feature = "harness")]
pub mod harness;
mod ids;
#[cfg(feature = "issuer")]
pub mod issuer;
mod memory;
#[cfg(feature = "postgres")]
pub mod scratch;
#[cfg(feature = "tokens")]
pub mod tokens;

pub use self::{clock::FixedClock, ids::SequentialIds, memory::MemoryStore};
