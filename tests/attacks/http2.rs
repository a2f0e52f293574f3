//! Hostile clients of HTTP/2.

use std::{net::SocketAddr, time::Duration};

use axum::{body::Bytes, http::request::Builder};
use futures_util::future::join_all;
use h2::{
    SendStream,
    client::{ResponseFuture, SendRequest},
};
use tokio::{net::TcpStream, task::JoinHandle, time::timeout};

use crate::slow_client::TICK;

/// How long to wait until a stream may be opened.
const READY: Duration = Duration::from_secs(10);

/// A connection and its open streams.
pub(crate) struct Client {
    client: SendRequest<Bytes>,
    streams: Vec<(ResponseFuture, SendStream<Bytes>)>,
    connection: JoinHandle<()>,
}

impl Client {
    /// None when the server does not accept the connection. A window of 0 bytes lets the server send only heads.
    pub(crate) async fn connect(address: SocketAddr, window: Option<u32>) -> Option<Self> {
        let stream = TcpStream::connect(address).await.ok()?;
        let mut builder = h2::client::Builder::new();
        if let Some(window) = window {
            builder.initial_window_size(window);
        }
        let (client, connection) = timeout(READY, builder.handshake(stream)).await.ok()?.ok()?;
        let connection = tokio::spawn(async move {
            // How it ends does not matter.
            let _end = connection.await;
        });
        Some(Self { client, streams: Vec::new(), connection })
    }

    /// Opens a stream that sends the beginning of a body, as far as the server's windows allow it. False when the server
    /// has closed the connection.
    pub(crate) async fn open(&mut self, head: Builder, beginning: Vec<u8>) -> bool {
        let Ok(Ok(mut client)) = timeout(READY, self.client.clone().ready()).await else {
            return false;
        };
        let request = head.body(()).unwrap();
        let Ok((response, mut body)) = client.send_request(request, false) else {
            return false;
        };
        let is_sent = body.send_data(beginning.into(), false).is_ok();
        self.streams.push((response, body));
        is_sent
    }

    /// Sends a byte on every stream each [`TICK`], until the server has answered or reset all of them.
    pub(crate) async fn send_slowly(self) {
        let streams = self.streams.into_iter().map(|(response, mut body)| async move {
            let drip = async {
                loop {
                    tokio::time::sleep(TICK).await;
                    if body.send_data(Bytes::from_static(b" "), false).is_err() {
                        return;
                    }
                }
            };
            tokio::select! {
                () = drip => {}
                _answer_or_reset = response => {}
            }
        });
        join_all(streams).await;
        drop(self.client);
        self.connection.abort();
    }

    /// Ends all requests, waits for the heads of their responses and reads none of their bodies, until the server has
    /// reset all streams or closed the connection.
    pub(crate) async fn read_nothing(self) {
        let streams = self.streams.into_iter().map(|(response, mut body)| async move {
            let _reset = body.send_data(Bytes::new(), true);
            let Ok(response) = response.await else {
                return;
            };
            // With a window of 0 bytes this is an error, when the server resets the stream.
            let mut body = response.into_body();
            while let Some(Ok(_)) = body.data().await {}
        });
        join_all(streams).await;
        drop(self.client);
        self.connection.abort();
    }
}
