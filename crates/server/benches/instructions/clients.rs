//! Clients that send one request each, then wait for all responses: the same number of requests is in flight each time.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
};

use anyhow::{Context as _, ensure};
use flowruns_testing::harness::{DEADLINE, ResponseHead};

use super::support::{kind::Kind, request::Requests};

pub(crate) struct Clients(Vec<TcpStream>);

impl Clients {
    pub(crate) fn connect(count: usize, address: SocketAddr) -> anyhow::Result<Self> {
        let open = |_| {
            let stream = TcpStream::connect(address)?;
            stream.set_nodelay(true)?;
            stream.set_read_timeout(Some(DEADLINE))?;
            Ok(stream)
        };
        (0..count).map(open).collect::<anyhow::Result<_>>().map(Self)
    }

    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }

    /// Sends `rounds` requests on each connection.
    pub(crate) fn send(
        &mut self,
        kind: Kind,
        rounds: usize,
        requests: &mut Requests,
    ) -> anyhow::Result<()> {
        let (mut output, mut input) = (Vec::new(), Vec::new());
        for _ in 0..rounds {
            let mut expected = 0;
            for stream in &mut self.0 {
                expected = requests.write(kind, &mut output)?;
                stream.write_all(&output)?;
            }
            for stream in &mut self.0 {
                let status = read_response(stream, &mut input)?;
                let text = || String::from_utf8_lossy(&input).into_owned();
                ensure!(status == expected, "{status}: {}", text());
            }
        }
        Ok(())
    }
}

/// Reads one response, and returns its status.
fn read_response(stream: &mut TcpStream, input: &mut Vec<u8>) -> anyhow::Result<u16> {
    let mut piece = [0; 16 * 1024];
    input.clear();
    loop {
        let count = stream.read(&mut piece)?;
        ensure!(count > 0, "the service closed a connection");
        input.extend_from_slice(&piece[..count]);
        let Some(head) = ResponseHead::parse(input) else { continue };
        let body_bytes = head.body_bytes.context("a response without Content-Length")?;
        if input.len() >= head.head_bytes + body_bytes {
            return Ok(head.status);
        }
    }
}
