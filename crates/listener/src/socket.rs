//! The TCP socket of a connection, and what its events show without a read.

use std::{
    future::Future,
    io::{self, IoSlice},
    net::Shutdown,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use socket2::SockRef;
use tokio::{
    io::{AsyncRead, AsyncWrite, Interest, ReadBuf},
    net::TcpStream,
};

/// How many unsent bytes the kernel accepts (`TCP_NOTSENT_LOWAT`). A client that does not read is then noticed soon, and little
/// is held in the kernel. Bytes in flight are not limited by this.
const UNSENT_BYTES: u32 = 64 * 1024;

/// Whether the kernel reports readiness edge-triggered (epoll): then a read that does not fill its buffer has emptied the socket.
const IS_EDGE_TRIGGERED: bool = cfg!(any(target_os = "linux", target_os = "android"));

pub(crate) struct Socket(Arc<TcpStream>);

/// An event of a socket that something else reads and writes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum SocketEvent {
    /// The client has reset the connection: nothing reaches it any more.
    Reset,
    /// The client will send no more. It may still read, or have gone: both look the same.
    HalfClosed,
}

/// Waits for the events of a socket.
pub(crate) struct SocketWatcher {
    socket: Arc<TcpStream>,
    next: Pin<Box<dyn Future<Output = SocketEvent> + Send>>,
}

impl Socket {
    pub(crate) fn new(stream: TcpStream) -> Self {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "TCP_NODELAY was not set");
        }
        #[cfg(any(target_os = "linux", target_os = "android"))]
        if let Err(error) = SockRef::from(&stream).set_tcp_notsent_lowat(UNSENT_BYTES) {
            tracing::debug!(%error, "TCP_NOTSENT_LOWAT was not set");
        }
        Self(Arc::new(stream))
    }

    pub(crate) fn watcher(&self) -> SocketWatcher {
        // Not READABLE, which bytes would satisfy too. PRIORITY means urgent bytes, which are not registered for, or the end of
        // the stream, which other systems than Linux do not report here.
        let interest = match IS_EDGE_TRIGGERED {
            true => Interest::ERROR | Interest::PRIORITY,
            false => Interest::ERROR,
        };
        SocketWatcher {
            socket: Arc::clone(&self.0),
            next: Box::pin(next_event(Arc::clone(&self.0), interest)),
        }
    }
}

async fn next_event(socket: Arc<TcpStream>, interest: Interest) -> SocketEvent {
    match socket.ready(interest).await {
        Ok(ready) if !ready.is_error() => SocketEvent::HalfClosed,
        // An error of the call itself means the same as a reset.
        Ok(_) | Err(_) => SocketEvent::Reset,
    }
}

impl SocketWatcher {
    /// Waits for the next event; each is reported once.
    pub(crate) fn poll(&mut self, context: &mut Context<'_>) -> Poll<SocketEvent> {
        let event = ready!(self.next.as_mut().poll(context));
        let following = next_event(Arc::clone(&self.socket), Interest::ERROR);
        self.next = Box::pin(following);
        Poll::Ready(event)
    }
}

impl AsyncRead for Socket {
    /// As `TcpStream` does, a read that does not fill the buffer ends the readiness, which saves a system call that would
    /// only find the socket empty. The outer `try_io` ends it for the readiness that it saw before the read, so an event
    /// that comes meanwhile is not lost.
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let capacity = buffer.remaining();
        loop {
            ready!(self.0.poll_read_ready(context))?;
            let mut read = Err(io::ErrorKind::WouldBlock.into());
            let _readiness = self.0.try_io(Interest::READABLE, || {
                read = self.0.try_read_buf(buffer);
                match &read {
                    Ok(count) if IS_EDGE_TRIGGERED && (1..capacity).contains(count) => {
                        Err(io::ErrorKind::WouldBlock.into())
                    }
                    _ => Ok(()),
                }
            });
            match read {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                read => return Poll::Ready(read.map(drop)),
            }
        }
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.0.poll_write_ready(context))?;
            match self.0.try_write(bytes) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                written => return Poll::Ready(written),
            }
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.0.poll_write_ready(context))?;
            match self.0.try_write_vectored(slices) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                written => return Poll::Ready(written),
            }
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(SockRef::from(&*self.0).shutdown(Shutdown::Write))
    }
}
