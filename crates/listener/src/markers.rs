//! Request and response extensions that a listener and the routes behind it share.

pub use flowruns_api::{ConnectionAuthentication, MinimumRate, OverTls, Peer};

/// A response extension: the body is produced over a long time, as server-sent events or an export are.
///
/// Such a response may last longer than [`ListenOptions::exchange_timeout`](crate::ListenOptions::exchange_timeout). The client
/// must still read what is sent at the minimum rate. When the server drains, the body may end by itself within one second;
/// then it is cut off with an error, so that no client takes it for a complete one.
#[derive(Clone, Copy, Debug)]
pub struct StreamingResponse;
