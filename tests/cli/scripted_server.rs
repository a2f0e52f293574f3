//! A server that answers with given responses, and records the requests.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    sync::mpsc::{Receiver, channel},
    thread,
    time::Instant,
};

use flowruns_testing::harness::DEADLINE;

/// A request: when its head had arrived, and the head in lower case.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) at: Instant,
    pub(crate) head: String,
}

/// Answers one request after the other, each on a connection of its own. The last response is repeated.
#[derive(Debug)]
pub(crate) struct ScriptedServer {
    pub(crate) url: String,
    requests: Receiver<Seen>,
}

/// A response with headers (without the length) and a body.
pub(crate) fn response(status: u16, headers: &[&str], body: &str) -> String {
    let headers: String = headers.iter().map(|header| format!("{header}\r\n")).collect();
    let length = body.len();
    format!(
        "HTTP/1.1 {status} X\r\nOData-Version: 4.0\r\nContent-Type: application/json\r\n{headers}\
         Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    )
}

impl ScriptedServer {
    pub(crate) fn start(responses: Vec<String>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (seen, requests) = channel();
        // The thread ends with the process of the tests.
        thread::spawn(move || {
            let mut responses = responses.into_iter().peekable();
            let mut last = String::new();
            for connection in listener.incoming() {
                let mut connection = connection.unwrap();
                let head = read_request(&connection);
                if seen.send(Seen { at: Instant::now(), head }).is_err() {
                    return;
                }
                last = responses.next().unwrap_or(last);
                // A client that has gone reads nothing.
                let _written = connection.write_all(last.as_bytes());
            }
        });
        Self { url, requests }
    }

    /// The next request.
    pub(crate) fn request(&self) -> Seen {
        self.requests.recv_timeout(DEADLINE).unwrap()
    }
}

/// The head; the body is read and dropped.
fn read_request(connection: &TcpStream) -> String {
    let mut reader = BufReader::new(connection);
    let mut head = String::new();
    while reader.read_line(&mut head).unwrap_or(0) > 2 {}
    let head = head.to_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let length: u64 = length.map_or(0, |length| length.trim().parse().unwrap());
    let mut body = Vec::new();
    let _body = reader.take(length).read_to_end(&mut body);
    head
}
