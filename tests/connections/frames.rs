//! Frames of HTTP/2 (RFC 9113), for what no client library sends.

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

use crate::{client::TEST_TIMEOUT, server::Server};

pub(crate) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

pub(crate) const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
pub(crate) const RST_STREAM: u8 = 3;
pub(crate) const SETTINGS: u8 = 4;
pub(crate) const PING: u8 = 6;
pub(crate) const GOAWAY: u8 = 7;
pub(crate) const CONTINUATION: u8 = 9;

/// Flags.
pub(crate) const ACK: u8 = 1;
pub(crate) const END_STREAM: u8 = 1;
pub(crate) const END_HEADERS: u8 = 4;

/// Error codes.
pub(crate) const REFUSED_STREAM: u32 = 7;
pub(crate) const CANCEL: u32 = 8;
pub(crate) const ENHANCE_YOUR_CALM: u32 = 11;

/// The first byte of a head with status 200 (HPACK).
pub(crate) const STATUS_200: u8 = 0x88;

#[derive(Debug)]
pub(crate) struct Frame {
    pub(crate) kind: u8,
    pub(crate) flags: u8,
    pub(crate) stream: u32,
    pub(crate) payload: Vec<u8>,
}

impl Frame {
    pub(crate) fn new(kind: u8, flags: u8, stream: u32, payload: impl Into<Vec<u8>>) -> Self {
        Self { kind, flags, stream, payload: payload.into() }
    }

    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let length = u32::try_from(self.payload.len()).unwrap().to_be_bytes();
        let mut bytes = length[1..].to_vec();
        bytes.extend([self.kind, self.flags]);
        bytes.extend(self.stream.to_be_bytes());
        bytes.extend(&self.payload);
        bytes
    }

    /// The error code of RST_STREAM or GOAWAY.
    pub(crate) fn error(&self) -> u32 {
        let at = if self.kind == GOAWAY { 4 } else { 0 };
        u32::from_be_bytes(self.payload[at..at + 4].try_into().unwrap())
    }
}

/// A connection of HTTP/2.
pub(crate) struct Connection {
    stream: TcpStream,
}

impl Connection {
    /// Connects without sending anything.
    pub(crate) async fn silent(server: &Server) -> Self {
        let stream = TcpStream::connect(server.address).await.unwrap();
        Self { stream }
    }

    pub(crate) async fn open(server: &Server) -> Self {
        let mut connection = Self::silent(server).await;
        let settings = Frame::new(SETTINGS, 0, 0, []).to_bytes();
        connection.send([PREFACE, &settings].concat()).await;
        connection
    }

    /// The server may close the connection before it has read everything.
    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        let sent = timeout(TEST_TIMEOUT, self.stream.write_all(bytes.as_ref())).await;
        let _closed_early = sent.unwrap();
    }

    /// Closes the sending side.
    pub(crate) async fn finish(&mut self) {
        self.stream.shutdown().await.unwrap();
    }

    /// Reads the next frame; `None` at the end.
    pub(crate) async fn frame(&mut self) -> Option<Frame> {
        timeout(TEST_TIMEOUT, async {
            let mut head = [0; 9];
            self.stream.read_exact(&mut head).await.ok()?;
            let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
            let mut payload = vec![0; length as usize];
            self.stream.read_exact(&mut payload).await.ok()?;
            let stream = u32::from_be_bytes(head[5..].try_into().unwrap());
            Some(Frame::new(head[3], head[4], stream, payload))
        })
        .await
        .unwrap()
    }

    /// Reads the next frame of a kind, and responds to pings before it.
    pub(crate) async fn next(&mut self, kind: u8) -> Frame {
        loop {
            let frame = self.frame().await;
            let frame = frame.unwrap_or_else(|| panic!("closed without a frame of kind {kind}"));
            if frame.kind == kind && (frame.flags & ACK == 0 || kind == HEADERS) {
                return frame;
            }
            if frame.kind == PING && frame.flags & ACK == 0 {
                let pong = Frame::new(PING, ACK, 0, frame.payload);
                self.send(pong.to_bytes()).await;
            }
        }
    }

    /// Reads all frames until the server closes the connection.
    pub(crate) async fn closed(&mut self) -> Vec<Frame> {
        let mut frames = Vec::new();
        while let Some(frame) = self.frame().await {
            if frame.kind == PING && frame.flags & ACK == 0 {
                let pong = Frame::new(PING, ACK, 0, frame.payload.clone());
                self.send(pong.to_bytes()).await;
            }
            frames.push(frame);
        }
        frames
    }
}

/// A head without compression (RFC 7541): pseudo-headers by their index in the static table, others by name.
pub(crate) fn head(method: &str, path: &str, headers: &[(&str, &str)]) -> Vec<u8> {
    const SCHEME_HTTP: u8 = 0x86;
    let mut block = vec![SCHEME_HTTP];
    for (index, value) in [(1, "flowruns"), (2, method), (4, path)] {
        block.push(index);
        string(&mut block, value);
    }
    for (name, value) in headers {
        block.push(0);
        string(&mut block, name);
        string(&mut block, value);
    }
    block
}

fn string(block: &mut Vec<u8>, text: &str) {
    const PREFIX: usize = 127;
    let mut rest = text.len();
    if rest < PREFIX {
        block.push(rest as u8);
    } else {
        block.push(PREFIX as u8);
        rest -= PREFIX;
        while rest >= 128 {
            block.push((rest % 128) as u8 | 128);
            rest /= 128;
        }
        block.push(rest as u8);
    }
    block.extend(text.as_bytes());
}

impl Server {
    /// The header block of a report whose body follows in frames.
    pub(crate) fn report_block(&self) -> Vec<u8> {
        let bearer = format!("Bearer {}", self.token);
        let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
        head("PATCH", &format!("{}/{}", self.runs, self.run), &headers)
    }
}
