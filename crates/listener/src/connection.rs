//! One connection, from its acceptance to its end.

use std::{net::SocketAddr, sync::Arc};

use axum::Router;
use hyper::service::service_fn;
use hyper_util::{rt::TokioIo, server::conn::auto};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::timeout,
};

use crate::{
    ListenOptions, Peer, TlsCertificates,
    close_reason::CloseReason,
    driver::{ConnectionDriver, ConnectionOutcome, close_requested},
    handle::ConnectionHandle,
    limiter::{ConnectionLimiter, ConnectionPermit},
    memory::MemoryCharge,
    protocol::{self, StreamExecutor},
    request_limits::RequestLimits,
    requests,
    socket::{Socket, SocketWatcher},
    stream::MonitoredStream,
    timeouts::Timeouts,
};

/// What all connections share.
pub(crate) struct ConnectionServer {
    pub(crate) limiter: Arc<ConnectionLimiter>,
    http: auto::Builder<StreamExecutor>,
    router: Router,
    timeouts: Timeouts,
    limits: RequestLimits,
    certificates: Option<TlsCertificates>,
}

/// What the parts and requests of one connection share.
pub(crate) struct ConnectionContext {
    pub(crate) id: u64,
    pub(crate) peer: Peer,
    pub(crate) is_over_tls: bool,
    pub(crate) handle: Arc<ConnectionHandle>,
    pub(crate) limiter: Arc<ConnectionLimiter>,
    pub(crate) limits: RequestLimits,
    pub(crate) router: Router,
}

impl ConnectionServer {
    pub(crate) fn new(
        options: &ListenOptions,
        limiter: Arc<ConnectionLimiter>,
        router: Router,
        certificates: Option<TlsCertificates>,
    ) -> Self {
        Self {
            limiter,
            http: protocol::server(options),
            router,
            timeouts: Timeouts::new(options),
            limits: RequestLimits::new(options),
            certificates,
        }
    }

    /// Serves a connection until its end.
    pub(crate) async fn serve(
        &self,
        stream: TcpStream,
        address: SocketAddr,
        permit: ConnectionPermit,
    ) {
        let socket = Socket::new(stream);
        let watcher = socket.watcher();
        let context = Arc::new(ConnectionContext {
            id: permit.id,
            peer: Peer(address.ip()),
            is_over_tls: self.certificates.is_some(),
            handle: Arc::clone(&permit.handle),
            limiter: Arc::clone(&self.limiter),
            limits: self.limits,
            router: self.router.clone(),
        });
        let outcome = match &self.certificates {
            None => self.serve_http(socket, watcher, context).await,
            Some(certificates) => {
                let handshake = certificates.acceptor().accept(socket);
                let handshake = tokio::select! {
                    handshake = timeout(self.timeouts.first_byte, handshake) => handshake,
                    () = close_requested(&permit.handle) => return,
                };
                match handshake {
                    Ok(Ok(stream)) => self.serve_http(stream, watcher, context).await,
                    Ok(Err(error)) => ConnectionOutcome::Failed(error.into()),
                    Err(_elapsed) => ConnectionOutcome::Closed(CloseReason::Silent),
                }
            }
        };
        record(&outcome, address);
    }

    async fn serve_http(
        &self,
        stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
        watcher: SocketWatcher,
        context: Arc<ConnectionContext>,
    ) -> ConnectionOutcome {
        let charge = MemoryCharge::new(&context, 0);
        let stream = MonitoredStream::new(stream, charge, self.limits.head_bytes);
        let service = {
            let context = Arc::clone(&context);
            service_fn(move |request| requests::serve(&context, request))
        };
        let connection = self.http.serve_connection(TokioIo::new(stream), service);
        ConnectionDriver::new(connection, watcher, context, self.timeouts).await
    }
}

fn record(outcome: &ConnectionOutcome, peer: SocketAddr) {
    match outcome {
        ConnectionOutcome::Done => {}
        ConnectionOutcome::Failed(error) => {
            tracing::debug!(%peer, error, "a connection ended early")
        }
        ConnectionOutcome::Closed(reason) => {
            reason.count();
            tracing::debug!(%peer, reason = reason.label(), "a connection was closed");
        }
    }
}
