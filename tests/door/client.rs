//! HTTP/1 by hand.

use std::{net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

use crate::server::Server;

/// Far longer than any time-out of these tests: one that hangs fails instead.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A connection.
pub(crate) struct Client {
    pub(crate) stream: TcpStream,
}

/// What came back.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// In lower case.
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Client {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        let stream = timeout(PATIENCE, TcpStream::connect(address)).await;
        Self {
            stream: stream.unwrap().unwrap(),
        }
    }

    /// A connection that has sent this.
    pub(crate) async fn that_sent(server: &Server, bytes: impl AsRef<[u8]>) -> Self {
        let mut client = Self::connect(server.address).await;
        client.send(bytes).await;
        client
    }

    /// The server may close the connection before it has read everything.
    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        let sent = timeout(PATIENCE, self.stream.write_all(bytes.as_ref())).await;
        let _closed_early = sent.unwrap();
    }

    /// The next answer, and nothing of what follows; None when the connection is closed instead.
    pub(crate) async fn answer(&mut self) -> Option<Answer> {
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
        let read = timeout(PATIENCE, self.stream.read_exact(&mut body)).await;
        read.unwrap().unwrap();
        Some(Answer {
            status: head.split(' ').nth(1).unwrap().parse().unwrap(),
            head,
            body: String::from_utf8(body).unwrap(),
        })
    }

    /// None when the connection is closed.
    pub(crate) async fn byte(&mut self) -> Option<u8> {
        let mut byte = [0];
        let read = timeout(PATIENCE, self.stream.read(&mut byte))
            .await
            .unwrap();
        // A reset is a close too.
        (read.unwrap_or(0) == 1).then_some(byte[0])
    }

    /// Waits until the server closes the connection; what it said before.
    pub(crate) async fn closed(&mut self) -> String {
        let mut said = Vec::new();
        let read = timeout(PATIENCE, self.stream.read_to_end(&mut said)).await;
        let _reset_or_end = read.unwrap();
        String::from_utf8_lossy(&said).into_owned()
    }
}

/// A request without a body, on a connection that stays.
pub(crate) fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: door\r\n\r\n")
}

impl Server {
    /// The head of a report with a body of so many bytes.
    pub(crate) fn report_head(&self, length: usize) -> String {
        let Self {
            runs, run, token, ..
        } = self;
        format!(
            "PATCH {runs}/{run} HTTP/1.1\r\nHost: door\r\nAuthorization: Bearer {token}\r\n\
             Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
        )
    }

    /// A whole report.
    pub(crate) fn report(&self, body: &str) -> String {
        format!("{}{body}", self.report_head(body.len()))
    }

    /// Creates the run.
    pub(crate) async fn create_run(&self) {
        let body = format!(r#"{{"id":"{}","displayName":"Door"}}"#, self.run);
        let head = self.report_head(body.len());
        let head = head.replace(
            &format!("PATCH {}/{}", self.runs, self.run),
            &format!("POST {}", self.runs),
        );
        assert_eq!(self.ask(&format!("{head}{body}")).await.status, 201);
    }

    /// The answer to a request on a connection of its own.
    pub(crate) async fn ask(&self, request: &str) -> Answer {
        let mut client = Client::that_sent(self, request).await;
        let answer = client.answer().await;
        answer.unwrap_or_else(|| panic!("no answer to {request}"))
    }
}
