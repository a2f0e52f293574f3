//! The door of the real process: what clients that are slow, silent, many or hostile can do to the others.
//!
//! Time-outs are short here, and what is waited for is always the server's own act: an answer, or a close.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on shall fail")]

mod client;
mod drain;
mod flood;
mod frames;
mod half_close;
mod heads;
mod http2;
mod memory;
mod program;
mod rate;
mod room;
mod server;
mod timeouts;
mod tls;
mod token;
