//! The accept loop: time-outs for the first bytes and for headers, and a drain with a deadline.

use std::{future::Future, net::SocketAddr, time::Duration};

use anyhow::Context as _;
use axum::{Extension, Router};
use flowruns_api::Peer;
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{conn::auto, graceful::GracefulShutdown},
    service::TowerToHyperService,
};
use tokio::net::{TcpListener, TcpStream};
use tower::Layer as _;

use crate::{config::Http, first_bytes::FirstBytes};

/// How long a peer may take to answer a ping of HTTP/2.
const PING_TIMEOUT: Duration = Duration::from_secs(20);

/// Takes the address.
pub(crate) async fn bind(http: &Http) -> anyhow::Result<TcpListener> {
    TcpListener::bind(http.listen).await.with_context(|| {
        format!("cannot listen on {}; is another server there? FLOWRUNS_HTTP__LISTEN sets another address", http.listen)
    })
}

/// Serves until `stop`, then finishes what is under way, within the deadline.
pub(crate) async fn serve(
    listener: TcpListener,
    router: Router,
    http: &Http,
    stop: impl Future<Output = ()>,
) {
    let connections = GracefulShutdown::new();
    tokio::pin!(stop);
    loop {
        tokio::select! {
            () = &mut stop => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => serve_connection(stream, peer, router.clone(), http.header_timeout(), &connections),
                Err(error) => {
                    // Out of file descriptors, most likely: another attempt at once would only spin.
                    tracing::warn!(%error, "a connection was not accepted");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            },
        }
    }
    drop(listener);
    tracing::info!("draining");
    if tokio::time::timeout(http.drain_timeout(), connections.shutdown())
        .await
        .is_err()
    {
        tracing::warn!("requests were still under way at the end of the drain");
    }
}

fn serve_connection(
    stream: TcpStream,
    peer: SocketAddr,
    router: Router,
    header_timeout: Duration,
    connections: &GracefulShutdown,
) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "TCP_NODELAY was not set");
    }
    let mut server = auto::Builder::new(TokioExecutor::new());
    server
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(header_timeout);
    // A peer that does not answer a ping is gone, or never spoke HTTP/2.
    server
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(header_timeout)
        .keep_alive_timeout(PING_TIMEOUT);
    let stream = FirstBytes::new(stream, header_timeout);
    let service = Extension(Peer(peer.ip())).layer(router);
    let connection = server
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(service))
        .into_owned();
    let watched = connections.watch(connection);
    tokio::spawn(async move {
        if let Err(error) = watched.await {
            tracing::debug!(%error, "a connection ended early");
        }
    });
}
