//! The drain after SIGTERM, from the clients' point of view.

use rustix::process::Signal;

use crate::{
    client::{Client, get},
    frames::{
        Connection, DATA, END_HEADERS, END_STREAM, Frame, GOAWAY, HEADERS, SETTINGS, STATUS_200,
    },
    server::Server,
};

const MAX_PROBES: usize = 10_000;

async fn idle_client(server: &Server) -> Client {
    let mut client = Client::that_sent(server, get("/livez")).await;
    assert_eq!(client.response().await.unwrap().status, 200);
    client
}

#[tokio::test]
async fn a_request_of_http_1_that_is_in_flight_is_answered_with_connection_close() {
    let mut server = Server::start(&[]);
    server.create_run().await;
    let head = server.report_head_expecting_continue(2);
    let mut in_flight = Client::that_sent(&server, head).await;
    assert_eq!(in_flight.response().await.unwrap().status, 100);
    let mut idle = idle_client(&server).await;
    server.signal(Signal::TERM);
    // The drain has begun: it closes idle connections at once.
    assert_eq!(idle.closed().await, "");
    in_flight.send("{}").await;
    let response = in_flight.response().await.unwrap();
    assert_eq!(response.status, 200);
    assert!(response.head.contains("connection: close"), "{}", response.head);
    assert_eq!(in_flight.closed().await, "");
    assert_eq!(server.wait().code(), Some(0));
}

#[tokio::test]
async fn a_client_of_http_2_receives_goaway_and_then_its_response() {
    let mut server = Server::start(&[]);
    server.create_run().await;
    let mut connection = Connection::open(&server).await;
    connection.next(SETTINGS).await;
    let head = Frame::new(HEADERS, END_HEADERS, 1, server.report_block());
    connection.send(head.to_bytes()).await;
    server.signal(Signal::TERM);
    assert_eq!(connection.next(GOAWAY).await.error(), 0);
    let body = Frame::new(DATA, END_STREAM, 1, *b"{}");
    connection.send(body.to_bytes()).await;
    let response = connection.next(HEADERS).await;
    assert_eq!((response.stream, response.payload[0]), (1, STATUS_200));
    connection.closed().await;
    assert_eq!(server.wait().code(), Some(0));
}

#[tokio::test]
async fn during_the_delay_readyz_is_503_and_new_connections_are_served_until_a_second_signal() {
    let mut server = Server::start(&[("DRAIN_DELAY_MS", "600000")]);
    server.create_run().await;
    assert_eq!(server.send(&get("/readyz")).await.status, 200);
    server.signal(Signal::TERM);
    let mut ready = server.send(&get("/readyz")).await;
    for _ in 0..MAX_PROBES {
        if ready.status == 503 {
            break;
        }
        ready = server.send(&get("/readyz")).await;
    }
    assert_eq!((ready.status, ready.body.as_str()), (503, "draining\n"));
    assert_eq!(server.send(&get("/livez")).await.status, 200);
    assert_eq!(server.send(&server.report("{}")).await.status, 200);
    server.signal(Signal::TERM);
    assert_eq!(server.wait().code(), Some(1));
}

#[tokio::test]
async fn a_request_that_outlasts_the_drain_ends_with_it() {
    let mut server = Server::start(&[("DRAIN_TIMEOUT_MS", "300")]);
    server.create_run().await;
    let mut in_flight = Client::that_sent(&server, server.report_head(2) + "{").await;
    let mut idle = idle_client(&server).await;
    server.signal(Signal::TERM);
    assert_eq!(idle.closed().await, "");
    assert_eq!(in_flight.closed().await, "");
    assert_eq!(server.wait().code(), Some(0));
    assert!(server.log().contains("still in flight"), "{}", server.log());
}
