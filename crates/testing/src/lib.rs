//! The conformance suite for stores of flowruns, a store in memory that passes it, and what tests need.
//!
//! The suite for your own store: one named test for each case, in an integration test of your crate, which needs `tokio` with
//! `macros` and `rt-multi-thread` as a dev-dependency:
//!
//! ```
//! use std::sync::Arc;
//!
//! use flowruns_domain::store::Store;
//! use flowruns_testing::MemoryStore;
//!
//! // The store may have other rows: every case creates its own tenant and flows.
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
//! | [`MemoryStore`] | tests of the layers above the store |
//! | [`FixedClock`], [`SequentialIds`] | responses that can be compared completely |
//! | [`fixtures`] | values and rows |
//! | [`demo`] | fourteen flows with a believable history |
//! | `harness`, with the feature `harness` | tests of the `flowruns` binary: a server process and its clients |
//! | `issuer`, with the feature `issuer` | an issuer of tokens on loopback |
//! | `scratch`, with the feature `postgres` | a new migrated database in tens of milliseconds |
//! | `tokens`, with the feature `tokens` | keys that sign tokens, and their claims |
//! | [`transitions`] | the contract's table of statuses |

mod clock;
pub mod conformance;
mod delegation;
pub mod demo;
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
pub mod transitions;

pub use self::{clock::FixedClock, ids::SequentialIds, memory::MemoryStore};
