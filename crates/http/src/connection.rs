//! What the listener knows about the connection of a request, as extensions of the request.

use std::{
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

/// The address of the client's end of the connection. The server that accepts connections puts it into the extensions of
/// each request; without it no proxy is trusted.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub IpAddr);

/// The request came over TLS that ended in this process. The server that accepts connections puts it into the extensions.
#[derive(Clone, Copy, Debug)]
pub struct OverTls;

/// Whether any request of a connection has carried a valid token: an extension that all requests of the connection share. A
/// server that is short of connections closes those first that are not confirmed.
#[derive(Clone, Debug, Default)]
pub struct ConnectionAuthentication(Arc<AtomicBool>);

impl ConnectionAuthentication {
    /// Notes that a request has carried a valid token.
    pub fn confirm(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether a request has carried a valid token.
    pub fn is_confirmed(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// The largest head of a request. The listener applies these limits to each request, and the routes apply them to each
/// item of a batch, which no listener sees.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct HeadLimits {
    /// The largest number of headers; a request with more is 431. At most 1000.
    pub headers: usize,
    /// The maximum size of their names and values, in bytes; a request with more is 431.
    pub header_bytes: usize,
    /// The longest path and query, in bytes; a request with a longer one is 414. At most 65,534.
    pub uri_bytes: usize,
}

impl Default for HeadLimits {
    /// 100 headers of 64 KiB in total, and a URL of 16 KiB.
    fn default() -> Self {
        Self { headers: 100, header_bytes: 64 * 1024, uri_bytes: 16 * 1024 }
    }
}
