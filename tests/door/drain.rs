//! The drain after SIGTERM, as the clients see it.

use rustix::process::Signal;

use crate::{
    client::{Client, get},
    frames::{
        Connection, DATA, END_HEADERS, END_STREAM, Frame, GOAWAY, HEADERS, SETTINGS, STATUS_200,
    },
    server::Server,
};

const MOST_QUESTIONS: usize = 10_000;

async fn idle_client(server: &Server) -> Client {
    let mut client = Client::that_sent(server, get("/livez")).await;
    assert_eq!(client.answer().await.unwrap().status, 200);
    client
}

#[tokio::test]
async fn a_request_of_http_1_that_is_under_way_is_answered_with_connection_close() {
    let mut server = Server::start(&[]);
    server.create_run().await;
    let head = server
        .report_head(2)
        .replace("Host: door\r\n", "Host: door\r\nExpect: 100-continue\r\n");
    let mut under_way = Client::that_sent(&server, head).await;
    assert_eq!(under_way.answer().await.unwrap().status, 100);
    let mut idle = idle_client(&server).await;
    server.signal(Signal::TERM);
    // An idle connection is closed at once, and so the drain has begun.
    assert_eq!(idle.closed().await, "");
    under_way.send("{}").await;
    let answer = under_way.answer().await.unwrap();
    assert_eq!(answer.status, 200);
    assert!(answer.head.contains("connection: close"), "{}", answer.head);
    assert_eq!(under_way.closed().await, "");
    assert_eq!(server.wait().code(), Some(0));
}

#[tokio::test]
async fn a_client_of_http_2_is_told_to_go_away_and_gets_its_answer_first() {
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
    let answer = connection.next(HEADERS).await;
    assert_eq!((answer.stream, answer.payload[0]), (1, STATUS_200));
    connection.closed().await;
    assert_eq!(server.wait().code(), Some(0));
}

#[tokio::test]
async fn during_the_delay_readyz_is_503_and_new_connections_are_served_until_a_second_signal() {
    let mut server = Server::start(&[("DRAIN_DELAY_MS", "600000")]);
    server.create_run().await;
    assert_eq!(server.ask(&get("/readyz")).await.status, 200);
    server.signal(Signal::TERM);
    let mut ready = server.ask(&get("/readyz")).await;
    for _ in 0..MOST_QUESTIONS {
        if ready.status == 503 {
            break;
        }
        ready = server.ask(&get("/readyz")).await;
    }
    assert_eq!((ready.status, ready.body.as_str()), (503, "draining\n"));
    assert_eq!(server.ask(&get("/livez")).await.status, 200);
    assert_eq!(server.ask(&server.report("{}")).await.status, 200);
    server.signal(Signal::TERM);
    assert_eq!(server.wait().code(), Some(1));
}

#[tokio::test]
async fn a_request_that_outlasts_the_drain_ends_with_it() {
    let mut server = Server::start(&[("DRAIN_TIMEOUT_MS", "300")]);
    server.create_run().await;
    let mut under_way = Client::that_sent(&server, server.report_head(2) + "{").await;
    let mut idle = idle_client(&server).await;
    server.signal(Signal::TERM);
    assert_eq!(idle.closed().await, "");
    assert_eq!(under_way.closed().await, "");
    assert_eq!(server.wait().code(), Some(0));
    assert!(server.log().contains("still under way"), "{}", server.log());
}
