//! Clients of the service: a closed loop on one thread, as cheap as pgbench, so that it uses no more CPU.

use std::{
    io::{ErrorKind, Read as _, Write as _},
    net::SocketAddr,
    time::{Duration, Instant},
};

use anyhow::{bail, ensure};
use flowruns_testing::harness::{DEADLINE, ResponseHead};
use mio::{Events, Interest, Poll, Token, net::TcpStream};

use super::{
    interrupt,
    kind::Kind,
    process::{Cpu, Processes},
    request::Requests,
    slice::{Slice, Timing},
};

const INPUT_BYTES: usize = 64 * 1024;
/// How often the clock is read when nothing happens.
const TICK: Duration = Duration::from_millis(10);

/// Runs `clients` clients: each sends a request, waits for its response, and sends the next. Returns after the last response.
pub(crate) fn run(
    kind: Kind,
    clients: usize,
    address: SocketAddr,
    requests: &mut Requests,
    timing: Timing,
    processes: Processes,
) -> anyhow::Result<Slice> {
    let mut poll = Poll::new()?;
    let mut events = Events::with_capacity(1024);
    let mut connections = connect(clients, address, &poll)?;
    let mut window = Window::new(timing, processes);
    for connection in &mut connections {
        connection.send(kind, requests)?;
    }
    let mut in_flight = clients;
    while in_flight > 0 {
        poll.poll(&mut events, Some(TICK))?;
        window.read_clock()?;
        for event in &events {
            let connection = &mut connections[event.token().0];
            let Some(status) = connection.advance()? else {
                continue;
            };
            window.note(connection, status);
            if window.is_over() {
                in_flight -= 1;
            } else {
                connection.send(kind, requests)?;
            }
        }
    }
    Ok(window.into_slice())
}

fn connect(clients: usize, address: SocketAddr, poll: &Poll) -> anyhow::Result<Vec<Connection>> {
    let open = |index| {
        let mut connection = Connection::open(address)?;
        let interest = Interest::READABLE | Interest::WRITABLE;
        let registry = poll.registry();
        registry.register(&mut connection.stream, Token(index), interest)?;
        Ok(connection)
    };
    (0..clients).map(open).collect()
}

/// One client.
struct Connection {
    stream: TcpStream,
    output: Vec<u8>,
    sent: usize,
    input: Box<[u8]>,
    filled: usize,
    head: Option<ResponseHead>,
    sent_at: Instant,
    expected: u16,
}

impl Connection {
    fn open(address: SocketAddr) -> anyhow::Result<Self> {
        let stream = std::net::TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        Ok(Self {
            stream: TcpStream::from_std(stream),
            output: Vec::with_capacity(4096),
            sent: 0,
            input: vec![0; INPUT_BYTES].into_boxed_slice(),
            filled: 0,
            head: None,
            sent_at: Instant::now(),
            expected: 0,
        })
    }

    fn send(&mut self, kind: Kind, requests: &mut Requests) -> anyhow::Result<()> {
        self.expected = requests.write(kind, &mut self.output)?;
        (self.sent, self.filled, self.head) = (0, 0, None);
        self.sent_at = Instant::now();
        self.flush()
    }

    fn flush(&mut self) -> anyhow::Result<()> {
        while self.sent < self.output.len() {
            match self.stream.write(&self.output[self.sent..]) {
                Ok(count) => self.sent += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// The response.
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.input[..self.filled]).into_owned()
    }

    /// Sends and reads without blocking; the status once the response is complete.
    fn advance(&mut self) -> anyhow::Result<Option<u16>> {
        self.flush()?;
        loop {
            ensure!(self.filled < INPUT_BYTES, "a response longer than {INPUT_BYTES} bytes");
            match self.stream.read(&mut self.input[self.filled..]) {
                Ok(0) => bail!("the service closed a connection"),
                Ok(count) => self.filled += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(None),
                Err(error) => return Err(error.into()),
            }
            if self.head.is_none() {
                self.head = ResponseHead::parse(&self.input[..self.filled]);
            }
            // Nothing follows a response before the next request, so the loop need not read until it would block.
            let Some(head) = self.head else { continue };
            let Some(body_bytes) = head.body_bytes else {
                bail!("a response without Content-Length: {}", self.text());
            };
            if self.filled >= head.head_bytes + body_bytes {
                return Ok(Some(head.status));
            }
        }
    }
}

/// The measured time, and the results.
struct Window {
    timing: Timing,
    processes: Processes,
    begun: Instant,
    opened: Option<(Instant, Cpu)>,
    closed: bool,
    slice: Slice,
}

impl Window {
    fn new(timing: Timing, processes: Processes) -> Self {
        let begun = Instant::now();
        Self { timing, processes, begun, opened: None, closed: false, slice: Slice::default() }
    }

    fn read_clock(&mut self) -> anyhow::Result<()> {
        interrupt::check()?;
        let now = Instant::now();
        match self.opened {
            None if now - self.begun >= self.timing.warm_up => {
                self.opened = Some((Instant::now(), self.processes.cpu()?));
            }
            Some((opened, cpu)) if !self.closed && now - opened >= self.timing.measured => {
                self.slice.length = opened.elapsed();
                self.slice.cpu = self.processes.cpu()?.since(cpu);
                self.closed = true;
            }
            Some((opened, _)) => {
                ensure!(now - opened < self.timing.measured + DEADLINE, "a response never came");
            }
            None => {}
        }
        Ok(())
    }

    fn note(&mut self, connection: &Connection, status: u16) {
        if status != connection.expected {
            if self.slice.failed == 0 {
                eprintln!("status {status}: {}", connection.text());
            }
            self.slice.failed += 1;
            return;
        }
        self.slice.acknowledged += 1;
        if self.opened.is_some() && !self.closed {
            let micros =
                u32::try_from(connection.sent_at.elapsed().as_micros()).unwrap_or(u32::MAX);
            self.slice.latencies.push(micros);
        }
    }

    const fn is_over(&self) -> bool {
        self.closed
    }

    fn into_slice(mut self) -> Slice {
        self.slice.latencies.sort_unstable();
        self.slice
    }
}
