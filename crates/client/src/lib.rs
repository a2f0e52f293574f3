//! A client of flowruns. A program reports its runs with it, and cannot report success by accident.
//!
//! ```no_run
//! use flowruns_client::{Client, Outcome};
//! use serde_json::json;
//!
//! # async fn import() -> std::io::Result<u64> { Ok(7) }
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! // FLOWRUNS_URL, and FLOWRUNS_TOKEN, FLOWRUNS_TOKEN_FILE, FLOWRUNS_TOKEN_COMMAND or FLOWRUNS_ISSUER.
//! let client = Client::from_env()?;
//! let flow = client.create_flow("Nightly rosters").await?;
//! flow.run("Rosters of 1 March", async |run| {
//!     let rows = import().await?;
//!     run.progress(&json!({"rows": rows}))?;
//!     Ok(Outcome::Completed)
//! })
//! .await?;
//! # Ok(())
//! # }
//! ```
//!
//! # What it guarantees
//!
//! - **A run ends exactly once, and never as completed by accident.** [`Run`] is a guard. What ends it consumes it; an error, a panic,
//!   an early return, a dropped future and a forgotten outcome are reported as `failed`. [`Outcome`] has no way to say that a run is
//!   still running, or to give a completed run an error.
//! - **`Ok` means stored.** An end is `Ok` when the server has shown the run with the status that was reported. When the response is lost,
//!   the request is repeated, which is harmless; when the time is over, the run is read. What is not known is
//!   [`ReportError::Unknown`], and lies in the spool if there is one.
//! - **The job does not wait.** Everything is sent on a thread of the client. [`Run::progress`] returns at once; statistics are merged
//!   while they wait, and sent at most once a second. What waits is bounded in bytes.
//! - **Retries do not pile up.** Attempts are repeated until a deadline, after random pauses (full jitter, whose limit doubles from
//!   100 ms to 10 s) in addition to the pause that the server asks for, and all runs of a client share one budget. 409, 412 and 422 are never repeated.
//! - **Tokens stay secret.** They are sent to the configured server only, over https or to this machine; redirects are not followed, and
//!   next links are followed on that server only.
//!
//! One thing cannot be guaranteed: an attempt whose response was lost may arrive late, after newer statistics of the same run. Then
//! the older values of the members that both name are stored. A terminal status cannot be changed so, since the server keeps the first.
//!
//! # Clocks
//!
//! `startDateTime` is the time of this machine when the run was started ([`NewRun::start`] sets another one), and `endDateTime` the time of
//! this machine when its outcome was reported, however late the server gets it. So both are of one clock: their order and the duration are
//! right though the clock is hours off, and only their place among the runs of other machines is not. If the end would be before the
//! start, because the clock was set back meanwhile or another machine started the run, the run ends at the time of the server, or at its
//! start if that is later. Deadlines and pauses do not depend on the clock.
//!
//! # Minimum Rust version
//!
//! 1.94. A higher one is a minor version of this crate, as SemVer has it for versions before 1.0. The types of `flowruns-domain`, `reqwest`
//! ([`Url`]), `http`, `bytes` and `futures-util` ([`Stream`]) in this interface count as part of it.
//!
//! # Where to begin
//!
//! | for | see |
//! |---|---|
//! | a client | [`Client::from_env`], [`Client::builder`] |
//! | reporting a job | [`Flow::run`] |
//! | reporting from code with many exits | [`Flow::start`], [`Flow::start_detached`], [`Run`] |
//! | a run of several processes | [`Run::hand_over`], [`Flow::adopt`] |
//! | code without async | [`blocking`] |
//! | reading | [`Client::runs`], [`Flow::runs`], [`Client::run`], [`Client::history`], [`Client::watch`] |
//! | before `std::process::exit` | [`Client::flush`] |
//! | what earlier processes could not send | [`Client::flush_spool`] |
//! | tokens | [`TokenProvider`] and its implementations |
//! | tests of your own | [`Transport`], [`ClientBuilder::runtime`] |

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

mod address;
pub mod blocking;
mod blocking_error;
mod builder;
mod client;
mod environment;
mod error;
mod flow;
mod read;
mod refusal;
mod report;
mod run;
mod send;
mod spool;
mod statistics;
mod status;
mod token;
mod worker;

pub use flowruns_domain::{
    clock::{Clock, Ids, SystemClock, TimeOrderedIds},
    display_name::{DisplayName, InvalidDisplayName},
    id::{FlowId, RunId},
    json::{JsonObject, JsonValue},
    timestamp::Timestamp,
};
pub use futures_util::Stream;
pub use reqwest::Url;

pub use self::{
    address::{AddressError, RunAddress},
    blocking_error::{BlockingError, error_chain},
    builder::{ClientBuilder, ConfigError},
    client::{Client, Flushed},
    error::{Error, JobError, ReportError, RunError},
    flow::{Flow, NewRun},
    read::{Change, FlowQuery, FlowRecord, HistoryEntry, Order, RunQuery, RunRecord, RunRow},
    refusal::{Fault, Refusal, Rule},
    run::{Ended, Run},
    send::{HttpTransport, Transport},
    spool::{SpoolError, SpoolFlushed},
    statistics::StatisticsError,
    status::{Outcome, Status},
    token::{
        ClientCredentials, CommandToken, FileToken, FixedToken, Token, TokenError, TokenProvider,
    },
};
