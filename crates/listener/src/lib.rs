//! A hardened HTTP server for an [`axum::Router`]: HTTP/1.1 and HTTP/2, plain or over TLS.
//!
//! It protects the routes from clients that are slow, silent, hostile or too many:
//!
//! - Limits on connections, in total and for each address. At the limit, the connection that has made no progress for the
//!   longest time is closed for a new one.
//! - Timeouts for the first byte, the head of a request, idle connections and blocked writes, and a minimum rate at which
//!   responses must be read. The request timeout and the reading of request bodies are the router's.
//! - A budget for the memory that all connections hold, and limits for the size of heads.
//! - Strict framing of HTTP/1: what a proxy could read differently is rejected (request smuggling).
//! - A drain at shutdown: requests in flight get their responses, idle connections are closed.
//!
//! Each request carries the extensions [`Peer`], [`OverTls`] (over TLS only) and, until a request of its connection has carried
//! a valid token, [`ConnectionAuthentication`].
//!
//! A response with the extension [`StreamingResponse`] is exempt from [`ListenOptions::exchange_timeout`]. Its client must still
//! read what is sent at the minimum rate. When the server drains, the body may end by itself within one second; then it is cut
//! off with an error, so that no client mistakes it for a complete one.
//!
//! # Example
//!
//! ```
//! use axum::{Router, routing::get};
//! use flowruns_listener::{ListenOptions, bind, serve};
//! use tokio::{
//!     io::{AsyncReadExt as _, AsyncWriteExt as _},
//!     net::TcpStream,
//!     sync::oneshot,
//! };
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let router = Router::new().route("/hello", get(|| async { "Hello" }));
//! let listener = bind("127.0.0.1:0".parse()?)?;
//! let address = listener.local_addr()?;
//! let (stop, stopped) = oneshot::channel::<()>();
//! let server = tokio::spawn(async move {
//!     let shutdown = async { drop(stopped.await) };
//!     serve(listener, router, &ListenOptions::default(), None, shutdown).await
//! });
//!
//! let mut client = TcpStream::connect(address).await?;
//! client
//!     .write_all(b"GET /hello HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
//!     .await?;
//! let mut response = String::new();
//! client.read_to_string(&mut response).await?;
//! assert!(response.starts_with("HTTP/1.1 200 OK") && response.ends_with("Hello"));
//!
//! drop(stop);
//! server.await??;
//! # Ok(())
//! # }
//! ```
//!
//! # Modules
//!
//! | module | content |
//! |---|---|
//! | `accept` | the accept loop and the drain |
//! | `limiter`, `eviction`, `capacity` | the connection limit, and which connection is closed for a new one |
//! | `memory` | the memory budget of all connections |
//! | `connection`, `requests` | one connection: TLS, HTTP, the router |
//! | `handle`, `state`, `driver`, `rate`, `timeouts` | the state of a connection and its deadlines |
//! | `close_reason` | the metric of closed connections |
//! | `response_body`, `linger` | response bodies, and request bodies that no handler reads |
//! | `socket`, `stream` | reads and writes of a connection |
//! | `framing`, `head`, `chunk` | where requests of HTTP/1 begin and end |
//! | `protocol`, `request_limits`, `host_name` | limits of HTTP/1 and HTTP/2 |
//! | `tls` | certificates |

mod accept;
mod capacity;
mod chunk;
mod close_reason;
mod connection;
mod driver;
mod eviction;
mod framing;
mod handle;
mod head;
mod host_name;
mod limiter;
mod linger;
mod markers;
mod memory;
mod options;
mod protocol;
mod rate;
mod request_limits;
mod requests;
mod response_body;
mod socket;
mod state;
mod stream;
mod timeouts;
mod tls;

pub use self::{
    accept::{bind, serve},
    markers::{ConnectionAuthentication, MinimumRate, OverTls, Peer, StreamingResponse},
    options::{InvalidOption, ListenOptions},
    tls::{TlsCertificates, TlsError, TlsIdentity},
};
