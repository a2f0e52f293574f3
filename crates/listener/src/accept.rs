//! The accept loop, and the drain at shutdown.

use std::{future::Future, io, net::SocketAddr, sync::Arc, time::Duration};

use axum::Router;
use tokio::net::{TcpListener, TcpSocket, TcpStream};

use crate::{
    InvalidOption, ListenOptions, TlsCertificates, capacity, close_reason,
    connection::ConnectionServer,
    limiter::{ConnectionLimiter, LimitError},
};

/// How many connections may wait to be accepted, if the system allows it. Beyond it the system drops a connection that its
/// client believes to be established.
const BACKLOG: u32 = 4096;
/// The pause before the next attempt when accepting fails for lack of file descriptors or memory.
const EXHAUSTED_PAUSE: Duration = Duration::from_millis(50);

/// Listens on an address, also when a server that used it has ended a moment ago.
///
/// Must be called within a tokio runtime.
///
/// # Errors
///
/// Those of the system, such as an address that is in use.
pub fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4(),
        SocketAddr::V6(_) => TcpSocket::new_v6(),
    }?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Serves a router until `shutdown` completes, then finishes the requests in flight, within the drain timeout.
///
/// With certificates all connections are TLS, otherwise none is. After the drain timeout the remaining connections are left to
/// the runtime, which ends them when it is dropped.
///
/// # Errors
///
/// An option that is out of range; then nothing was accepted.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    options: &ListenOptions,
    certificates: Option<TlsCertificates>,
    shutdown: impl Future<Output = ()>,
) -> Result<(), InvalidOption> {
    options.validate()?;
    close_reason::describe();
    let max_connections = capacity::max_connections(options.max_connections);
    let limiter = ConnectionLimiter::new(max_connections, options.max_connections_per_peer);
    let server = ConnectionServer::new(options, Arc::clone(&limiter), router, certificates);
    let server = Arc::new(server);
    tokio::select! {
        () = shutdown => {}
        () = accept_loop(&listener, &server) => {}
    }
    drop(listener);
    tracing::info!("draining");
    if tokio::time::timeout(options.drain_timeout, limiter.drain()).await.is_err() {
        tracing::warn!("requests were still in flight at the end of the drain");
    }
    Ok(())
}

/// Accepts connections one after the other, and serves each in a task.
async fn accept_loop(listener: &TcpListener, server: &Arc<ConnectionServer>) {
    let mut is_exhausted = false;
    loop {
        let (stream, address) = match listener.accept().await {
            Ok(accepted) => {
                is_exhausted = false;
                accepted
            }
            // This client has gone; the next connection may be ready.
            Err(error) if is_client_error(&error) => continue,
            Err(error) => {
                // Logged once for a period in which accepting fails, and without a busy loop.
                if !is_exhausted {
                    tracing::warn!(%error, "connections are not accepted");
                }
                is_exhausted = true;
                server.limiter.evict_one();
                tokio::time::sleep(EXHAUSTED_PAUSE).await;
                continue;
            }
        };
        if !start_connection(stream, address, server).await {
            return;
        }
    }
}

/// Returns whether more connections may be accepted.
async fn start_connection(
    stream: TcpStream,
    address: SocketAddr,
    server: &Arc<ConnectionServer>,
) -> bool {
    match server.limiter.acquire(address.ip()).await {
        Ok(permit) => {
            let server = Arc::clone(server);
            tokio::spawn(async move { server.serve(stream, address, permit).await });
            true
        }
        Err(LimitError::PeerLimitReached) => {
            tracing::debug!(peer = %address, "closed a connection: its address has as many as it may have");
            true
        }
        Err(LimitError::Closed) => false,
    }
}

fn is_client_error(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::Interrupted
    )
}
