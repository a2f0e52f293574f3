//! The TCP socket below a connection, and what can be learned of its client without reading.

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

/// How many bytes the kernel accepts that it cannot send yet. What a client does not read is then noticed soon, and is not
/// in the kernel's memory; what is on its way is not limited by this.
const UNSENT_BYTES: u32 = 64 * 1024;

pub(super) struct Socket(Arc<TcpStream>);

/// The same socket, watched while something else reads and writes.
#[derive(Clone)]
pub(super) struct Watched(Arc<TcpStream>);

pub(super) type Event = Pin<Box<dyn Future<Output = ()> + Send>>;

impl Socket {
    pub(super) fn new(stream: TcpStream) -> Self {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "TCP_NODELAY was not set");
        }
        #[cfg(any(target_os = "linux", target_os = "android"))]
        if let Err(error) = SockRef::from(&stream).set_tcp_notsent_lowat(UNSENT_BYTES) {
            tracing::debug!(%error, "TCP_NOTSENT_LOWAT was not set");
        }
        Self(Arc::new(stream))
    }

    pub(super) fn watched(&self) -> Watched {
        Watched(Arc::clone(&self.0))
    }
}

impl Watched {
    /// Ends when the client has reset the connection: it is gone, and nothing reaches it.
    pub(super) fn reset(&self) -> Event {
        let socket = Arc::clone(&self.0);
        Box::pin(async move {
            // An error of this call says the same.
            let _event = socket.ready(Interest::ERROR).await;
        })
    }

    /// Ends when the client will send no more. It may still read, or be gone: that looks the same.
    pub(super) fn half_closed(&self) -> Event {
        #[cfg(any(target_os = "linux", target_os = "android"))]
        {
            let socket = Arc::clone(&self.0);
            Box::pin(async move {
                // Not READABLE, which bytes would satisfy as well. Urgent bytes are not asked for, so they never do.
                let _event = socket.ready(Interest::PRIORITY).await;
            })
        }
        #[cfg(not(any(target_os = "linux", target_os = "android")))]
        Box::pin(std::future::pending())
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            ready!(self.0.poll_read_ready(context))?;
            match self.0.try_read_buf(buffer) {
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
