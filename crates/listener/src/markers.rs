//! Request and response extensions that a listener and the routes behind it share.

pub use flowruns_http::{ConnectionAuthentication, MinimumRate, OverTls, Peer, StreamingResponse};
