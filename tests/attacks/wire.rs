//! Hostile clients of HTTP/1: they send slowly, read slowly, or do not read.

use std::{net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::{TcpSocket, TcpStream, tcp::OwnedReadHalf},
    time::timeout,
};

use crate::{server::PATIENCE, swarm::Session};

/// Between two bytes of a slow client.
pub(crate) const TICK: Duration = Duration::from_millis(300);
/// Of a client that does not read: the smallest that Linux gives, so that the server's side fills up.
const SMALL_BUFFER: u32 = 2048;

/// The head of a request of HTTP/1; the headers end in CR LF.
pub(crate) fn head(method: &str, path: &str, token: &str, headers: &str) -> String {
    format!(
        "{method} {path} HTTP/1.1\r\nHost: attack\r\nAuthorization: Bearer {token}\r\n\
         Content-Type: application/json\r\n{headers}\r\n"
    )
}

/// A whole request on a connection that is closed after it.
pub(crate) fn request(method: &str, path: &str, token: &str, body: &str) -> Vec<u8> {
    let headers = format!("Connection: close\r\nContent-Length: {}\r\n", body.len());
    format!("{}{body}", head(method, path, token, &headers)).into_bytes()
}

/// Sends this, then a byte now and then, and reads what is answered, until the server closes the connection.
pub(crate) async fn send_slowly(address: SocketAddr, beginning: &[u8], session: &Session) {
    let Ok(mut stream) = TcpStream::connect(address).await else {
        return;
    };
    let (reading, mut writing) = stream.split();
    let write = async {
        if writing.write_all(beginning).await.is_ok() {
            session.is_established();
            drip(&mut writing).await;
        }
    };
    tokio::select! {
        () = write => {}
        () = until_closed(reading) => {}
    }
}

async fn until_closed(mut reading: tokio::net::tcp::ReadHalf<'_>) {
    let mut buffer = vec![0; 4096];
    while reading.read(&mut buffer).await.is_ok_and(|read| read > 0) {}
}

/// Sends a byte now and then until the connection is closed. The pace is the point, and nothing is waited for.
pub(crate) async fn drip(writing: &mut (impl AsyncWrite + Unpin)) {
    loop {
        tokio::time::sleep(TICK).await;
        if writing.write_all(b" ").await.is_err() {
            return;
        }
    }
}

/// Sends this, and reads so many bytes now and then, until the server closes the connection. Where the client reads
/// nothing, it notices that by what it sends: line breaks, as there may be before a request.
pub(crate) async fn read_slowly(
    address: SocketAddr,
    requests: &[u8],
    bytes_per_tick: usize,
    session: &Session,
) {
    let Ok(stream) = connect_with_small_buffer(address).await else {
        return;
    };
    let (mut reading, mut writing) = stream.into_split();
    // The server stops to read requests while their responses are not read.
    let sent = timeout(TICK * 10, writing.write_all(requests)).await;
    if matches!(sent, Ok(Err(_))) {
        return;
    }
    session.is_established();
    loop {
        tokio::time::sleep(TICK).await;
        if !is_read(&mut reading, bytes_per_tick).await
            || writing
                .try_write(b"\r\n")
                .is_err_and(|e| e.kind() != std::io::ErrorKind::WouldBlock)
        {
            return;
        }
    }
}

/// False when the connection has ended.
async fn is_read(reading: &mut OwnedReadHalf, bytes: usize) -> bool {
    let mut buffer = vec![0; bytes];
    if bytes == 0 {
        return true;
    }
    match timeout(TICK, reading.read(&mut buffer)).await {
        Ok(read) => read.is_ok_and(|read| read > 0),
        // Nothing has come yet.
        Err(_) => true,
    }
}

async fn connect_with_small_buffer(address: SocketAddr) -> std::io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.set_recv_buffer_size(SMALL_BUFFER)?;
    socket.connect(address).await
}

/// Sends a whole request and reads its response at full speed; its status, or 0 when the connection is closed without
/// one. The server may answer before it has read everything.
pub(crate) async fn exchange(address: SocketAddr, request: &[u8]) -> (u16, Vec<u8>) {
    let mut response = Vec::new();
    let Ok(mut stream) = TcpStream::connect(address).await else {
        return (0, response);
    };
    let (mut reading, mut writing) = stream.split();
    let write = async {
        // A refusal may come first.
        let _refused = writing.write_all(request).await;
    };
    let read = async {
        // What came before a reset is the response.
        let _reset = reading.read_to_end(&mut response).await;
    };
    let _hangs = timeout(PATIENCE, async { tokio::join!(write, read) }).await;
    let status = response.get(9..12).map(String::from_utf8_lossy);
    let status = status.and_then(|status| status.parse().ok());
    (status.unwrap_or_default(), response)
}
