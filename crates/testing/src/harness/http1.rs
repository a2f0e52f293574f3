//! HTTP/1 on a TCP connection, for what no client library sends.

use std::{io, net::SocketAddr, str};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

use super::DEADLINE;

/// The head of a request with a JSON body; each line of `headers` ends in CR LF.
pub fn request_head(method: &str, path: &str, token: &str, headers: &str) -> String {
    format!(
        "{method} {path} HTTP/1.1\r\nHost: test\r\nAuthorization: Bearer {token}\r\n\
         Content-Type: application/json\r\n{headers}\r\n"
    )
}

/// A complete request that asks the server to close the connection.
pub fn request(method: &str, path: &str, token: &str, body: &str) -> Vec<u8> {
    let headers = format!("Connection: close\r\nContent-Length: {}\r\n", body.len());
    let head = request_head(method, path, token, &headers);
    (head + body).into_bytes()
}

/// The length of a response, and its status.
#[derive(Clone, Copy, Debug)]
pub struct ResponseHead {
    /// The status code.
    pub status: u16,
    /// The head with its empty line, in bytes.
    pub head_bytes: usize,
    /// `Content-Length`, in bytes; None without that header.
    pub body_bytes: Option<usize>,
}

impl ResponseHead {
    /// Parses the head at the beginning of these bytes. None while it is not complete, or when it is not a head.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
        let mut lines = str::from_utf8(&bytes[..end]).ok()?.split("\r\n");
        let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
        let body_bytes = lines.find_map(|line| {
            let (name, value) = line.split_once(':')?;
            let is_length = name.eq_ignore_ascii_case("content-length");
            is_length.then(|| value.trim().parse().ok())?
        });
        Some(Self { status, head_bytes: end + 4, body_bytes })
    }
}

/// A connection.
#[derive(Debug)]
pub struct Http1Connection {
    /// The TCP connection.
    pub stream: TcpStream,
}

/// A response.
#[derive(Debug, Eq, PartialEq)]
pub struct Http1Response {
    /// The status code.
    pub status: u16,
    /// Status line and headers, in lower case.
    pub head: String,
    /// The body.
    pub body: String,
}

impl Http1Connection {
    /// Connects to a server.
    pub async fn connect(address: SocketAddr) -> Self {
        let stream = timeout(DEADLINE, TcpStream::connect(address)).await;
        Self { stream: stream.unwrap().unwrap() }
    }

    /// Connects, and sends these bytes.
    pub async fn that_sent(server: impl Into<SocketAddr>, bytes: impl AsRef<[u8]>) -> Self {
        let mut connection = Self::connect(server.into()).await;
        connection.send(bytes).await;
        connection
    }

    /// Sends bytes; the server may close the connection before it has read all of them.
    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        let sent = timeout(DEADLINE, self.stream.write_all(bytes.as_ref())).await;
        let _closed_early = sent.unwrap();
    }

    /// Reads the next response, and nothing of what follows. None when the connection is closed instead.
    pub async fn response(&mut self) -> Option<Http1Response> {
        let mut bytes = Vec::new();
        while !bytes.ends_with(b"\r\n\r\n") {
            bytes.push(self.byte().await?);
        }
        let head = ResponseHead::parse(&bytes).unwrap();
        let mut body = vec![0; head.body_bytes.unwrap_or_default()];
        let read = timeout(DEADLINE, self.stream.read_exact(&mut body)).await;
        read.unwrap().unwrap();
        Some(Http1Response {
            status: head.status,
            head: String::from_utf8(bytes).unwrap().to_ascii_lowercase(),
            body: String::from_utf8(body).unwrap(),
        })
    }

    /// Reads a byte. None when the connection is closed or reset.
    pub async fn byte(&mut self) -> Option<u8> {
        let mut byte = [0];
        let read = timeout(DEADLINE, self.stream.read(&mut byte)).await;
        (read.unwrap().unwrap_or(0) == 1).then_some(byte[0])
    }

    /// Waits until the server closes or resets the connection; what it sent before.
    pub async fn closed(&mut self) -> String {
        let mut received = Vec::new();
        let read = timeout(DEADLINE, self.stream.read_to_end(&mut received)).await;
        let _reset_or_end = read.unwrap();
        String::from_utf8_lossy(&received).into_owned()
    }
}

/// What a server sent on a connection until the connection ended.
#[derive(Debug)]
pub struct Exchange {
    /// All responses.
    pub text: String,
    /// The status codes of the responses, without interim ones (1xx).
    pub statuses: Vec<u16>,
    /// The connection was reset instead of closed.
    pub is_reset: bool,
}

impl Exchange {
    /// The status of the first response; 0 when there is none.
    pub fn status(&self) -> u16 {
        self.statuses.first().copied().unwrap_or_default()
    }
}

/// Sends bytes on a new connection, with the end of the sending side after them if `closes_write`, and reads until the server
/// ends the connection. The server may respond before it has read everything.
///
/// # Errors
///
/// The server does not accept the connection, or keeps it open for [`DEADLINE`] (`TimedOut`).
pub async fn exchange(
    address: SocketAddr,
    bytes: &[u8],
    closes_write: bool,
) -> io::Result<Exchange> {
    let mut stream = TcpStream::connect(address).await?;
    let (mut reader, mut writer) = stream.split();
    let write = async {
        // The server may have closed its receiving side.
        let written = writer.write_all(bytes).await;
        if closes_write && written.is_ok() {
            let _closed = writer.shutdown().await;
        }
    };
    let mut received = Vec::new();
    let read = reader.read_to_end(&mut received);
    let ((), read) = timeout(DEADLINE, async { tokio::join!(write, read) }).await?;
    let text = String::from_utf8_lossy(&received).into_owned();
    let starts = text.split("HTTP/1.1 ").skip(1);
    let statuses = starts.filter_map(|response| response.get(..3)?.parse().ok());
    Ok(Exchange {
        statuses: statuses.filter(|status| *status >= 200).collect(),
        is_reset: read.is_err(),
        text,
    })
}
