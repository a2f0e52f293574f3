//! How long a connection may take for what.

use tokio::net::TcpSocket;

use crate::{
    client::{Client, get},
    server::Server,
};

/// Longer than any test takes.
const NEVER: &str = "600000";

#[tokio::test]
async fn an_idle_connection_is_closed_and_one_that_is_slow_with_a_head_later_than_that() {
    let settings = [
        ("IDLE_TIMEOUT_MS", "300"),
        ("HEADER_TIMEOUT_MS", NEVER),
        ("FIRST_BYTE_TIMEOUT_MS", NEVER),
    ];
    let server = Server::start(&settings);
    let mut slow = Client::that_sent(&server, "GET /livez HTTP/1.1\r\n").await;
    let mut idle = Client::that_sent(&server, get("/livez")).await;
    assert_eq!(idle.answer().await.unwrap().status, 200);
    assert_eq!(idle.closed().await, "");
    slow.send("Host: door\r\n\r\n").await;
    assert_eq!(slow.answer().await.unwrap().status, 200);
}

#[tokio::test]
async fn a_head_must_be_complete_in_time_also_on_a_connection_that_was_idle() {
    let settings = [("HEADER_TIMEOUT_MS", "300"), ("IDLE_TIMEOUT_MS", NEVER)];
    let server = Server::start(&settings);
    let mut idle = Client::that_sent(&server, get("/livez")).await;
    assert_eq!(idle.answer().await.unwrap().status, 200);
    let mut slow = Client::that_sent(&server, get("/livez") + "GET /li").await;
    assert_eq!(slow.answer().await.unwrap().status, 200);
    idle.send("GET /li").await;
    assert_eq!(idle.closed().await, "");
}

#[tokio::test]
async fn a_body_that_stalls_is_408_and_one_that_trickles_is_too_when_the_request_is_over() {
    let settings = [("BODY_TIMEOUT_MS", "300"), ("REQUEST_TIMEOUT_MS", NEVER)];
    let server = Server::start(&settings);
    server.create_run().await;
    let mut stalled = Client::that_sent(&server, server.report_head(10) + "{").await;
    let answer = stalled.answer().await.unwrap();
    assert_eq!(answer.status, 408);
    assert!(answer.body.contains("bodyTooSlow"), "{}", answer.body);
    assert!(answer.head.contains("connection: close"), "{}", answer.head);
    assert_eq!(stalled.closed().await, "");

    let settings = [("BODY_TIMEOUT_MS", NEVER), ("REQUEST_TIMEOUT_MS", "500")];
    let server = Server::start(&settings);
    server.create_run().await;
    let mut trickling = Client::that_sent(&server, server.report_head(10) + "{").await;
    trickling.send(" ").await;
    let answer = trickling.answer().await.unwrap();
    assert_eq!(
        (answer.status, answer.body.contains("bodyTooSlow")),
        (408, true)
    );
    // Neither was a failure of the server, and neither was done.
    assert!(!server.log().contains("ERROR"), "{}", server.log());
}

#[tokio::test]
async fn a_client_that_never_reads_its_answers_loses_its_connection() {
    /// Far more than both sockets hold.
    const ANSWERS: usize = 400;
    let settings = [
        ("WRITE_TIMEOUT_MS", "500"),
        ("IDLE_TIMEOUT_MS", NEVER),
        ("MAX_CONNECTIONS", "1"),
    ];
    let server = Server::start(&settings);
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let stream = socket.connect(server.address).await.unwrap();
    let mut deaf = Client { stream };
    deaf.send(get("/openapi.json").repeat(ANSWERS)).await;
    deaf.byte().await.unwrap();
    // There is one seat, and it is not given up for another while an answer is being read.
    assert_eq!(server.ask(&get("/livez")).await.status, 200);
    let read = deaf.closed().await;
    assert!(read.matches("HTTP/1.1 200").count() < ANSWERS);
}
