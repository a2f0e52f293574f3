use std::{
    net::{IpAddr, Ipv4Addr},
    sync::{Arc, Mutex},
};

use axum::Router;
use tokio::io::AsyncReadExt as _;

use super::*;
use crate::{
    ListenOptions, Peer, connection::ConnectionContext, handle::ConnectionHandle,
    limiter::ConnectionLimiter, request_limits::RequestLimits,
};

const BODY_BYTES: usize = 256 * 1024;

/// Gives as many bytes as a read asks for, and records how many.
struct Source {
    bytes: Vec<u8>,
    sizes: Arc<Mutex<Vec<usize>>>,
}

impl AsyncRead for Source {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.sizes.lock().unwrap().push(buffer.remaining());
        let count = buffer.remaining().min(self.bytes.len());
        buffer.put_slice(&self.bytes.drain(..count).collect::<Vec<_>>());
        Poll::Ready(Ok(()))
    }
}

fn context() -> Arc<ConnectionContext> {
    Arc::new(ConnectionContext {
        id: 0,
        peer: Peer(IpAddr::V4(Ipv4Addr::LOCALHOST)),
        is_over_tls: false,
        handle: Arc::new(ConnectionHandle::new()),
        limiter: ConnectionLimiter::new(1, 0),
        limits: RequestLimits::new(&ListenOptions::default()),
        router: Router::new(),
    })
}

/// hyper keeps a buffer as large as the largest reads returned, for as long as the connection lives.
#[tokio::test]
async fn the_rest_of_a_body_that_is_discarded_is_read_in_small_pieces() {
    let head = format!("PATCH / HTTP/1.1\r\nHost: a\r\nContent-Length: {BODY_BYTES}\r\n\r\n");
    let bytes = [head.as_bytes(), &[b'x'; BODY_BYTES]].concat();
    let sizes = Arc::new(Mutex::new(Vec::new()));
    let source = Source { bytes, sizes: Arc::clone(&sizes) };
    let context = context();
    let charge = MemoryCharge::new(&context, 0);
    let mut stream = MonitoredStream::new(source, charge, 64 * 1024);
    let mut buffer = vec![0; 64 * 1024];
    assert!(stream.read(&mut buffer).await.unwrap() > 0);
    sizes.lock().unwrap().clear();

    assert_eq!(stream.read(&mut buffer).await.unwrap(), buffer.len());
    context.handle.discard_began();
    assert_eq!(stream.read(&mut buffer).await.unwrap(), READ_BYTES);
    assert_eq!(stream.read(&mut buffer).await.unwrap(), READ_BYTES);
    context.handle.discard_ended();
    assert_eq!(stream.read(&mut buffer).await.unwrap(), buffer.len());
    assert_eq!(*sizes.lock().unwrap(), [buffer.len(), READ_BYTES, READ_BYTES, buffer.len()]);
}
