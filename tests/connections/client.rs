//! A client of HTTP/1 that controls every byte.

use std::{net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

use crate::server::Server;

/// Far longer than any timeout of these tests: a test that hangs fails.
pub(crate) const TEST_TIMEOUT: Duration = Duration::from_secs(60);

pub(crate) struct Client {
    pub(crate) stream: TcpStream,
}

#[derive(Debug, Eq, PartialEq)]
pub(crate) struct Response {
    pub(crate) status: u16,
    /// The status line and the headers, in lower case.
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Client {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        let stream = timeout(TEST_TIMEOUT, TcpStream::connect(address)).await;
        Self {
            stream: stream.unwrap().unwrap(),
        }
    }

    /// A connection on which these bytes were sent.
    pub(crate) async fn that_sent(server: &Server, bytes: impl AsRef<[u8]>) -> Self {
        let mut client = Self::connect(server.address).await;
        client.send(bytes).await;
        client
    }

    /// The server may close the connection before it has read everything.
    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        let sent = timeout(TEST_TIMEOUT, self.stream.write_all(bytes.as_ref())).await;
        let _closed_early = sent.unwrap();
    }

    /// Reads the next response and nothing after it; `None` when the connection is closed instead.
    pub(crate) async fn response(&mut self) -> Option<Response> {
        let mut bytes = Vec::new();
        let end = loop {
            if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
                break end + 4;
            }
            bytes.push(self.byte().await?);
        };
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
        let head = head.to_ascii_lowercase();
        let length = head.split_once("content-length: ").map_or(0, |(_, rest)| {
            rest.lines().next().unwrap().parse::<usize>().unwrap()
        });
        let mut body = vec![0; length];
        let read = timeout(TEST_TIMEOUT, self.stream.read_exact(&mut body)).await;
        read.unwrap().unwrap();
        Some(Response {
            status: head.split(' ').nth(1).unwrap().parse().unwrap(),
            head,
            body: String::from_utf8(body).unwrap(),
        })
    }

    /// Reads a byte; `None` when the connection is closed.
    pub(crate) async fn byte(&mut self) -> Option<u8> {
        let mut byte = [0];
        let read = timeout(TEST_TIMEOUT, self.stream.read(&mut byte))
            .await
            .unwrap();
        // A reset closes the connection too.
        (read.unwrap_or(0) == 1).then_some(byte[0])
    }

    /// Waits until the server closes the connection. Returns what it sent before.
    pub(crate) async fn closed(&mut self) -> String {
        let mut received = Vec::new();
        let read = timeout(TEST_TIMEOUT, self.stream.read_to_end(&mut received)).await;
        let _reset_or_end = read.unwrap();
        String::from_utf8_lossy(&received).into_owned()
    }
}

/// A request without a body that keeps the connection open.
pub(crate) fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: flowruns\r\n\r\n")
}

impl Server {
    /// The head of a report with a body of `length` bytes.
    pub(crate) fn report_head(&self, length: usize) -> String {
        let Self {
            runs, run, token, ..
        } = self;
        format!(
            "PATCH {runs}/{run} HTTP/1.1\r\nHost: flowruns\r\nAuthorization: Bearer {token}\r\n\
             Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
        )
    }

    /// A whole report.
    pub(crate) fn report(&self, body: &str) -> String {
        format!("{}{body}", self.report_head(body.len()))
    }

    /// Creates the run.
    pub(crate) async fn create_run(&self) {
        let body = format!(r#"{{"id":"{}","displayName":"Run"}}"#, self.run);
        let head = self.report_head(body.len());
        let head = head.replace(
            &format!("PATCH {}/{}", self.runs, self.run),
            &format!("POST {}", self.runs),
        );
        assert_eq!(self.send(&format!("{head}{body}")).await.status, 201);
    }

    /// Sends a request on a new connection, and reads its response.
    pub(crate) async fn send(&self, request: &str) -> Response {
        let mut client = Client::that_sent(self, request).await;
        let response = client.response().await;
        response.unwrap_or_else(|| panic!("no response to {request}"))
    }
}
