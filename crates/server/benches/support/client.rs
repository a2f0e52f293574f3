//! Clients of the service: a closed loop on one thread, as cheap as pgbench, so that it takes no more of the processors.

use std::{
    io::{ErrorKind, Read as _, Write as _},
    net::SocketAddr,
    time::{Duration, Instant},
};

use anyhow::{bail, ensure};
use mio::{Events, Interest, Poll, Token, net::TcpStream};

use super::{
    interrupt,
    kind::Kind,
    process::{Cpu, Processes},
    request::Requests,
    response::{self, Head},
    slice::{Slice, Timing},
};

const INPUT_BYTES: usize = 64 * 1024;
/// How often the clock is looked at when nothing happens.
const TICK: Duration = Duration::from_millis(10);
/// How long the last answers may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// Runs so many clients: each sends a request, waits for its answer, and sends the next. Returns when all answers came.
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
        connection.ask(kind, requests)?;
    }
    let mut under_way = clients;
    while under_way > 0 {
        poll.poll(&mut events, Some(TICK))?;
        window.look_at_the_clock()?;
        for event in &events {
            let connection = &mut connections[event.token().0];
            let Some(status) = connection.advance()? else {
                continue;
            };
            window.note(connection, status);
            if window.is_over() {
                under_way -= 1;
            } else {
                connection.ask(kind, requests)?;
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
    head: Option<Head>,
    asked: Instant,
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
            asked: Instant::now(),
            expected: 0,
        })
    }

    fn ask(&mut self, kind: Kind, requests: &mut Requests) -> anyhow::Result<()> {
        self.expected = requests.write(kind, &mut self.output)?;
        (self.sent, self.filled, self.head) = (0, 0, None);
        self.asked = Instant::now();
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

    /// The answer.
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.input[..self.filled]).into_owned()
    }

    /// Sends and reads what can be; the status once the answer is whole.
    fn advance(&mut self) -> anyhow::Result<Option<u16>> {
        self.flush()?;
        loop {
            ensure!(
                self.filled < INPUT_BYTES,
                "an answer longer than {INPUT_BYTES} bytes"
            );
            match self.stream.read(&mut self.input[self.filled..]) {
                Ok(0) => bail!("the service closed a connection"),
                Ok(count) => self.filled += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(None),
                Err(error) => return Err(error.into()),
            }
            if self.head.is_none() {
                self.head = response::parse(&self.input[..self.filled])?;
            }
            // Nothing follows an answer before the next request, so there is no need to read until it would block.
            if let Some(head) = self.head
                && self.filled >= head.length
            {
                return Ok(Some(head.status));
            }
        }
    }
}

/// When it is measured, and what was seen.
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
        Self {
            timing,
            processes,
            begun,
            opened: None,
            closed: false,
            slice: Slice::default(),
        }
    }

    fn look_at_the_clock(&mut self) -> anyhow::Result<()> {
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
                ensure!(
                    now - opened < self.timing.measured + PATIENCE,
                    "an answer never came"
                );
            }
            None => {}
        }
        Ok(())
    }

    fn note(&mut self, connection: &Connection, status: u16) {
        if status != connection.expected {
            if self.slice.failed == 0 {
                eprintln!("answered with {status}: {}", connection.text());
            }
            self.slice.failed += 1;
            return;
        }
        self.slice.acknowledged += 1;
        if self.opened.is_some() && !self.closed {
            let micros = u32::try_from(connection.asked.elapsed().as_micros()).unwrap_or(u32::MAX);
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
