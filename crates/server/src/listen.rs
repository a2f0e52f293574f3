//! The accept loop: who gets a connection and how long it may take for what, and a drain with a deadline.
//!
//! | file | what |
//! |---|---|
//! | `room`, `eviction` | how many connections there may be, and which one is closed for another |
//! | `budget` | how many bytes all connections may hold |
//! | `connection` | one connection: TLS, HTTP, the routes |
//! | `activity`, `state`, `supervised`, `rate` | what it is doing, and its deadlines |
//! | `closed` | why connections are closed |
//! | `linger` | bodies that nobody reads |
//! | `socket`, `stream` | its bytes, which tell both |
//! | `framing`, `head`, `chunk` | where requests of HTTP/1 begin and end |
//! | `protocol`, `request`, `host` | the limits of HTTP/1 and HTTP/2 |
//! | `tls`, `validity` | certificates |

mod activity;
mod answer;
mod budget;
mod capacity;
mod chunk;
mod closed;
mod connection;
mod eviction;
mod framing;
mod head;
mod host;
mod linger;
mod patience;
mod protocol;
mod rate;
mod request;
mod room;
mod socket;
mod state;
mod stream;
mod supervised;
mod tls;
mod validity;

use std::{future::Future, io, net::SocketAddr, sync::Arc, time::Duration};

use anyhow::Context as _;
use axum::Router;
use tokio::net::{TcpListener, TcpSocket, TcpStream};

pub(crate) use self::tls::Certificates;
use self::{
    connection::Host,
    room::{Refused, Room},
};
use crate::config::Http;

/// How many connections may wait to be accepted, if the system allows as many. Beyond it the system forgets a client that
/// believes to be connected.
const BACKLOG: u32 = 4096;
/// How long nothing is accepted when there is no file descriptor left, or no memory.
const EXHAUSTED_PAUSE: Duration = Duration::from_millis(50);

/// Takes the address.
pub(crate) fn bind(http: &Http) -> anyhow::Result<TcpListener> {
    listener(http.listen).with_context(|| {
        format!("cannot listen on {}; is another server there? FLOWRUNS_HTTP__LISTEN sets another address", http.listen)
    })
}

fn listener(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4(),
        SocketAddr::V6(_) => TcpSocket::new_v6(),
    }?;
    // The address of a server that ended a moment ago is free.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Serves until `stop`, then finishes what is under way, within the deadline.
pub(crate) async fn serve(
    listener: TcpListener,
    router: Router,
    http: &Http,
    certificates: Option<Certificates>,
    stop: impl Future<Output = ()>,
) {
    closed::describe();
    let room = Room::new(capacity::connections(http), http.max_connections_per_peer);
    let host = Arc::new(Host::new(http, Arc::clone(&room), router, certificates));
    tokio::select! {
        () = stop => {}
        () = welcome(&listener, &host) => {}
    }
    drop(listener);
    tracing::info!("draining");
    if tokio::time::timeout(http.drain_timeout(), room.drain())
        .await
        .is_err()
    {
        tracing::warn!("requests were still under way at the end of the drain");
    }
}

/// Accepts connections, one after the other, and serves each in a task of its own.
async fn welcome(listener: &TcpListener, host: &Arc<Host>) {
    let mut is_exhausted = false;
    loop {
        let (stream, address) = match listener.accept().await {
            Ok(accepted) => {
                is_exhausted = false;
                accepted
            }
            // That client is gone already; the next one may be there.
            Err(error) if is_of_the_client(&error) => continue,
            Err(error) => {
                // Another attempt at once would only spin.
                if !is_exhausted {
                    tracing::warn!(%error, "connections are not accepted");
                }
                is_exhausted = true;
                host.room.shed();
                tokio::time::sleep(EXHAUSTED_PAUSE).await;
                continue;
            }
        };
        if !seat(stream, address, host).await {
            return;
        }
    }
}

/// Whether there may be more connections.
async fn seat(stream: TcpStream, address: SocketAddr, host: &Arc<Host>) -> bool {
    match host.room.seat(address.ip()).await {
        Ok(seat) => {
            let host = Arc::clone(host);
            tokio::spawn(async move { host.serve(stream, address, seat).await });
            true
        }
        Err(Refused::PeerHasEnough) => {
            tracing::debug!(peer = %address, "a connection too many from one address was closed");
            true
        }
        Err(Refused::Closed) => false,
    }
}

fn is_of_the_client(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::Interrupted
    )
}
