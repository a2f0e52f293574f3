//! Hostile clients of HTTP/1 that send slowly, read slowly, or do not read.

use std::{net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::{TcpSocket, TcpStream, tcp::OwnedReadHalf},
    time::timeout,
};

use crate::attackers::AttackConnection;

/// The pause between two bytes of a slow client.
pub(crate) const TICK: Duration = Duration::from_millis(300);
/// The receive buffer of a client that does not read: the smallest that Linux gives, so that the buffers of the server fill up.
const SMALL_BUFFER: u32 = 2048;

/// Sends `beginning`, then one byte each [`TICK`], and reads the response, until the server closes the connection.
pub(crate) async fn send_slowly(address: SocketAddr, beginning: &[u8], session: &AttackConnection) {
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

/// Sends one byte each [`TICK`] until the connection is closed. The slow pace is the attack; it waits for nothing.
pub(crate) async fn drip(writing: &mut (impl AsyncWrite + Unpin)) {
    loop {
        tokio::time::sleep(TICK).await;
        if writing.write_all(b" ").await.is_err() {
            return;
        }
    }
}

/// Sends `requests`, and reads `bytes_per_tick` bytes each [`TICK`], until the server closes the connection. A client that reads
/// nothing notices the close by sending line breaks, which HTTP allows before a request.
pub(crate) async fn read_slowly(
    address: SocketAddr,
    requests: &[u8],
    bytes_per_tick: usize,
    session: &AttackConnection,
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
            || writing.try_write(b"\r\n").is_err_and(|e| e.kind() != std::io::ErrorKind::WouldBlock)
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
