//! HTTP by hand, for what no client library does.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

/// A request with a body of JSON.
pub(crate) struct Request<'a> {
    pub(crate) method: &'static str,
    pub(crate) path: String,
    pub(crate) token: &'a str,
    pub(crate) body: String,
}

impl Request<'_> {
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let Self {
            method,
            path,
            token,
            body,
        } = self;
        let length = body.len();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: faults\r\nConnection: close\r\nAuthorization: Bearer {token}\r\n\
             Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
        );
        format!("{head}{body}").into_bytes()
    }
}

/// Sends these bytes, and closes the connection after a while without reading.
pub(crate) async fn hang_up(address: &str, bytes: &[u8], after: Duration) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    // The moment is the point, and nothing is waited for.
    tokio::time::sleep(after).await;
}

/// Sends a request and waits for the status of its answer.
pub(crate) async fn answer(address: &str, request: &[u8]) -> u16 {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    status(&answer)
}

/// The same for a request that may be answered before all of it is read; then the connection ends in any way.
pub(crate) async fn early_answer(address: &str, request: &[u8]) -> u16 {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let (mut reading, mut writing) = stream.split();
    let write = async {
        let _refused = writing.write_all(request).await;
    };
    let mut answer = Vec::new();
    let read = async {
        // What came before the end is in the answer.
        let _reset = reading.read_to_end(&mut answer).await;
    };
    tokio::join!(write, read);
    status(&answer)
}

fn status(answer: &[u8]) -> u16 {
    let line = String::from_utf8_lossy(answer).into_owned();
    let status = line.split(' ').nth(1);
    status
        .unwrap_or_else(|| panic!("{line:?}"))
        .parse()
        .unwrap()
}
