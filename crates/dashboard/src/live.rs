//! Live pages: what changed on a page is sent to its open tabs as server-sent events.
//!
//! A page gives its address and its [`LivePage`] (fragments, title, summary), and [`Live::attributes`] signs the address for the
//! visitor. The script of the page opens `/ui/stream?view=…&rev=…`. The server has one [watch](watch) for each distinct
//! ([`Audience`], address), whatever the number of streams: every two seconds it renders the page again, and each stream sends
//! the fragments that its page does not have yet.
//!
//! - **Several servers**: a watch reads the store, so it sees what other servers wrote; nothing is notified.
//! - **Slow readers**: a stream has no queue. It compares what it has sent with the latest snapshot, so the newest wins.
//! - **Memory**: a snapshot keeps the markup of the fragments that changed at its tick, and only the digests of the others.
//! - **Cost**: a tick is admitted like a request of the lowest priority; when it is refused, the page says that it waits.

mod event;
mod limits;
mod meter;
mod open;
mod registry;
mod rendering;
mod signature;
mod snapshot;
mod stream;
mod tick;
mod view;
mod watch;

#[cfg(test)]
mod tests;

pub use self::{limits::LiveLimits, signature::ViewKey};
pub(crate) use self::{
    open::StreamParameters,
    registry::{Live, LiveOptions},
    rendering::{RoutedViews, Tick},
    view::{Audience, LiveError, LiveFragment, LivePage, LiveViews},
};
