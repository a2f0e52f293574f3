//! Clients that close their sending side after a request, and clients that have disconnected.

use std::{fs, path::PathBuf, process::Command};

use futures_util::future::join_all;
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::{io::AsyncWriteExt as _, time::timeout};

use flowruns_testing::harness::data_folder;

use crate::{
    client::{Client, TEST_TIMEOUT, get},
    frames::{Connection, DATA, END_HEADERS, END_STREAM, Frame, HEADERS, STATUS_200, head},
    server::Server,
};

const CLIENTS: usize = 100;

#[tokio::test]
async fn every_client_that_closes_its_sending_side_gets_its_response() {
    let server = Server::start(&[]);
    server.create_run().await;
    let requests = [
        get("/livez"),
        server.report("{}"),
        server.report("").replacen("PATCH", "GET", 1),
        server.report_head(0).replace("Content-Length: 0\r\n", "Transfer-Encoding: chunked\r\n")
            + "2\r\n{}\r\n0\r\n\r\n",
    ];
    let sending = (0..CLIENTS).map(|client| {
        let (server, request) = (&server, &requests[client % requests.len()]);
        async move {
            let mut client = Client::that_sent(server, request).await;
            client.stream.shutdown().await.unwrap();
            let response = client.response().await.map(|response| response.status);
            (response, client.closed().await)
        }
    });
    for outcome in join_all(sending).await {
        assert_eq!(outcome, (Some(200), String::new()));
    }
}

#[tokio::test]
async fn closing_the_sending_side_within_a_request_is_reported_as_an_error() {
    let server = Server::start(&[]);
    server.create_run().await;
    let mut client = Client::that_sent(&server, server.report_head(10) + "{").await;
    client.stream.shutdown().await.unwrap();
    let response = client.response().await.unwrap();
    assert_eq!(response.status, 400);
    assert!(response.body.contains("incompleteBody"), "{}", response.body);
    let mut client = Client::that_sent(&server, get("/livez") + "GET /li").await;
    client.stream.shutdown().await.unwrap();
    assert_eq!(client.response().await.unwrap().status, 200);
    assert!(!client.closed().await.contains("200"));
}

#[tokio::test]
async fn a_client_of_http_2_that_closes_its_sending_side_gets_its_responses() {
    let server = Server::start(&[]);
    server.create_run().await;
    let mut connection = Connection::open(&server).await;
    let report = Frame::new(HEADERS, END_HEADERS, 1, server.report_block());
    let body = Frame::new(DATA, END_STREAM, 1, *b"{}");
    let block = head("GET", "/livez", &[]);
    let livez = Frame::new(HEADERS, END_HEADERS | END_STREAM, 3, block);
    let all = [report, body, livez].map(|frame| frame.to_bytes()).concat();
    connection.send(all).await;
    connection.finish().await;
    let frames = connection.closed().await;
    let outcome = |stream: u32| {
        let head = frames.iter().find(|frame| frame.kind == HEADERS && frame.stream == stream);
        let end = frames.iter().rfind(|frame| frame.kind == DATA && frame.stream == stream);
        (head.unwrap().payload[0], end.unwrap().flags & END_STREAM)
    };
    assert_eq!(outcome(1), (STATUS_200, END_STREAM));
    assert_eq!(outcome(3), (STATUS_200, END_STREAM));
}

/// Stops the processes of a server's database until this is dropped.
struct StoppedDatabase(Vec<Pid>);

impl StoppedDatabase {
    fn new(server: &Server) -> Self {
        let children =
            Command::new("pgrep").args(["-P", &server.id().to_string()]).output().unwrap();
        let children = String::from_utf8(children.stdout).unwrap();
        let groups: Vec<_> =
            children.lines().map(|child| Pid::from_raw(child.parse().unwrap()).unwrap()).collect();
        assert!(!groups.is_empty(), "the server has no database");
        // Each backend is a process group.
        let mut all = Vec::new();
        for postmaster in groups {
            let tasks = format!("/proc/{0}/task/{0}/children", postmaster.as_raw_nonzero());
            let backends = fs::read_to_string(tasks).unwrap();
            let backends = backends
                .split_whitespace()
                .map(|backend| Pid::from_raw(backend.parse().unwrap()).unwrap());
            all.extend(backends);
            all.push(postmaster);
        }
        for backend in &all {
            let _gone = kill_process_group(*backend, Signal::STOP);
        }
        Self(all)
    }
}

impl Drop for StoppedDatabase {
    fn drop(&mut self) {
        for backend in &self.0 {
            let _gone = kill_process_group(*backend, Signal::CONT);
        }
    }
}

#[tokio::test]
async fn reads_of_clients_that_have_gone_are_abandoned() {
    // No other timeout ends a read.
    let never = PathBuf::from("600000");
    let database = [
        ("FLOWRUNS_DATABASE__STATEMENT_TIMEOUT_MS", never.clone()),
        ("FLOWRUNS_DATABASE__ACQUIRE_TIMEOUT_MS", never),
    ];
    let http = [("REQUEST_TIMEOUT_MS", "600000")];
    let server = Server::start_in(data_folder(), &http, &database);
    server.create_run().await;
    let read = server.report("").replacen("PATCH", "GET", 1);
    assert_eq!(server.send(&read).await.status, 200);
    let stopped = StoppedDatabase::new(&server);

    let reset = Client::that_sent(&server, &read).await;
    // The response shows that the server has accepted the earlier connection.
    assert_eq!(server.send(&get("/livez")).await.status, 200);
    let port = reset.stream.local_addr().unwrap().port();
    let socket = server.socket_of(port).unwrap();
    assert!(server.has_open(&socket));
    reset.stream.set_zero_linger().unwrap();
    drop(reset);
    let closing = async {
        while server.has_open(&socket) {
            tokio::task::yield_now().await;
        }
    };
    timeout(TEST_TIMEOUT, closing).await.unwrap();

    // The server cannot know whether this client has disconnected.
    let mut half_closed = Client::that_sent(&server, &read).await;
    half_closed.stream.shutdown().await.unwrap();
    let response = half_closed.response().await.unwrap();
    assert_eq!((response.status, response.body.as_str()), (503, ""));
    assert!(response.head.contains("retry-after: "), "{}", response.head);
    drop(stopped);
    assert_eq!(server.send(&read).await.status, 200);
}
