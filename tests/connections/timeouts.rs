//! The timeouts of a connection.

use tokio::net::TcpSocket;

use crate::{
    client::{Client, get},
    server::Server,
};

/// Longer than any test takes.
const NEVER: &str = "600000";

#[tokio::test]
async fn the_idle_timeout_does_not_apply_while_a_head_is_incomplete() {
    let settings = [
        ("IDLE_TIMEOUT_MS", "300"),
        ("HEADER_TIMEOUT_MS", NEVER),
        ("FIRST_BYTE_TIMEOUT_MS", NEVER),
    ];
    let server = Server::start(&settings);
    let mut slow = Client::that_sent(&server, "GET /livez HTTP/1.1\r\n").await;
    let mut idle = Client::that_sent(&server, get("/livez")).await;
    assert_eq!(idle.response().await.unwrap().status, 200);
    assert_eq!(idle.closed().await, "");
    slow.send("Host: flowruns\r\n\r\n").await;
    assert_eq!(slow.response().await.unwrap().status, 200);
}

#[tokio::test]
async fn a_head_must_be_complete_in_time_also_on_a_connection_that_was_idle() {
    let settings = [("HEADER_TIMEOUT_MS", "300"), ("IDLE_TIMEOUT_MS", NEVER)];
    let server = Server::start(&settings);
    let mut idle = Client::that_sent(&server, get("/livez")).await;
    assert_eq!(idle.response().await.unwrap().status, 200);
    let mut slow = Client::that_sent(&server, get("/livez") + "GET /li").await;
    assert_eq!(slow.response().await.unwrap().status, 200);
    idle.send("GET /li").await;
    assert_eq!(idle.closed().await, "");
}

#[tokio::test]
async fn a_stalled_body_is_408_and_so_is_a_slow_one_at_the_request_timeout() {
    let settings = [("BODY_TIMEOUT_MS", "300"), ("REQUEST_TIMEOUT_MS", NEVER)];
    let server = Server::start(&settings);
    server.create_run().await;
    let mut stalled = Client::that_sent(&server, server.report_head(10) + "{").await;
    let response = stalled.response().await.unwrap();
    assert_eq!(response.status, 408);
    assert!(response.body.contains("bodyTooSlow"), "{}", response.body);
    assert!(response.head.contains("connection: close"), "{}", response.head);
    assert_eq!(stalled.closed().await, "");

    let settings = [("BODY_TIMEOUT_MS", NEVER), ("REQUEST_TIMEOUT_MS", "5000")];
    let server = Server::start(&settings);
    server.create_run().await;
    let mut trickling = Client::that_sent(&server, server.report_head(10) + "{").await;
    trickling.send(" ").await;
    let response = trickling.response().await.unwrap();
    assert_eq!((response.status, response.body.contains("bodyTooSlow")), (408, true));
    // Neither was a failure of the server.
    assert!(!server.log().contains("ERROR"), "{}", server.log());
}

#[tokio::test]
async fn a_client_that_never_reads_its_responses_is_disconnected() {
    /// Far more than the buffers of both sockets hold.
    const RESPONSES: usize = 400;
    let settings =
        [("WRITE_TIMEOUT_MS", "500"), ("IDLE_TIMEOUT_MS", NEVER), ("MAX_CONNECTIONS", "1")];
    let server = Server::start(&settings);
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let stream = socket.connect(server.address).await.unwrap();
    let mut client = Client { stream };
    client.send(get("/openapi.json").repeat(RESPONSES)).await;
    client.byte().await.unwrap();
    // The only connection is closed at the write timeout, and then the new one is served.
    assert_eq!(server.send(&get("/livez")).await.status, 200);
    let read = client.closed().await;
    assert!(read.matches("HTTP/1.1 200").count() < RESPONSES);
}
