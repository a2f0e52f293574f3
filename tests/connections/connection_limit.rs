//! The connection limit, and which connection is closed for a new one.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use tokio::net::TcpSocket;

use crate::{
    client::{Client, get},
    server::Server,
};

/// The connection limit of most tests.
const CONNECTIONS: usize = 4;

async fn silent_clients(server: &Server, count: usize) -> Vec<Client> {
    let mut clients = Vec::new();
    for _ in 0..count {
        clients.push(Client::connect(server.address).await);
    }
    clients
}

/// A client whose connection stays open after a response.
async fn idle_client(server: &Server) -> Client {
    let mut client = Client::that_sent(server, get("/livez")).await;
    assert_eq!(client.response().await.unwrap().status, 200);
    client
}

#[tokio::test]
async fn the_oldest_silent_connection_is_closed_for_a_new_one_and_the_others_stay() {
    let server = Server::start(&[("MAX_CONNECTIONS", "4")]);
    let mut clients = silent_clients(&server, CONNECTIONS).await;
    assert_eq!(server.send(&get("/livez")).await.status, 200);
    assert_eq!(clients[0].closed().await, "");
    for client in &mut clients[1..] {
        client.send(get("/livez")).await;
        assert_eq!(client.response().await.unwrap().status, 200);
    }
}

#[tokio::test]
async fn among_used_connections_the_one_that_idled_longest_is_closed_for_a_new_one() {
    let server = Server::start(&[("MAX_CONNECTIONS", "4")]);
    let mut clients = Vec::new();
    for _ in 0..CONNECTIONS {
        clients.push(idle_client(&server).await);
    }
    // The first is used again, so that the second has idled longest.
    clients[0].send(get("/livez")).await;
    clients[0].response().await.unwrap();
    assert_eq!(server.send(&get("/livez")).await.status, 200);
    assert_eq!(clients.remove(1).closed().await, "");
    for client in &mut clients {
        client.send(get("/livez")).await;
        assert_eq!(client.response().await.unwrap().status, 200);
    }
}

#[tokio::test]
async fn if_all_connections_are_busy_a_new_one_waits_for_the_first_that_becomes_idle() {
    let server = Server::start(&[("MAX_CONNECTIONS", "4")]);
    server.create_run().await;
    let mut busy = Vec::new();
    for _ in 0..CONNECTIONS {
        let head = server.report_head_expecting_continue(2);
        let mut client = Client::that_sent(&server, head + "{").await;
        assert_eq!(client.response().await.unwrap().status, 100);
        busy.push(client);
    }
    let mut waiting = Client::that_sent(&server, get("/livez")).await;
    busy[2].send("}").await;
    assert_eq!(busy[2].response().await.unwrap().status, 200);
    assert_eq!(waiting.response().await.unwrap().status, 200);
    assert_eq!(busy[2].closed().await, "");
    for index in [0, 1, 3] {
        busy[index].send("}").await;
        assert_eq!(busy[index].response().await.unwrap().status, 200);
    }
}

#[tokio::test]
async fn an_address_cannot_have_more_connections_than_its_limit() {
    let server = Server::start(&[("MAX_CONNECTIONS_PER_PEER", "2")]);
    let _first = idle_client(&server).await;
    let _second = idle_client(&server).await;
    assert_eq!(Client::connect(server.address).await.closed().await, "");
    let socket = TcpSocket::new_v4().unwrap();
    let other = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 3));
    socket.bind(SocketAddr::new(other, 0)).unwrap();
    let stream = socket.connect(server.address).await.unwrap();
    let mut elsewhere = Client { stream };
    elsewhere.send(get("/livez")).await;
    assert_eq!(elsewhere.response().await.unwrap().status, 200);
}

#[tokio::test]
async fn reports_are_accepted_when_file_descriptors_run_out() {
    const SILENT: usize = 60;
    let server = Server::start(&[]);
    server.create_run().await;
    server.leave_descriptors(4);
    let mut silent = silent_clients(&server, SILENT).await;
    for _ in 0..3 {
        assert_eq!(server.send(&server.report("{}")).await.status, 200);
    }
    assert!(server.log().contains("connections are not accepted"));
    for client in &mut silent[..SILENT / 2] {
        assert_eq!(client.closed().await, "");
    }
}

/// Longer than any test takes: no timeout closes anything.
const NEVER: [(&str, &str); 4] = [
    ("FIRST_BYTE_TIMEOUT_MS", "600000"),
    ("HEADER_TIMEOUT_MS", "600000"),
    ("IDLE_TIMEOUT_MS", "600000"),
    ("WRITE_TIMEOUT_MS", "600000"),
];

fn start_without_timeouts(connections: &str) -> Server {
    let limit = ("MAX_CONNECTIONS", connections);
    Server::start(&[&NEVER[..], &[limit]].concat())
}

#[tokio::test]
async fn connections_that_begin_another_request_and_stop_are_closed_for_new_ones() {
    const ATTACKERS: usize = 60;
    const LIMIT: usize = 16;
    let server = start_without_timeouts("16");
    server.create_run().await;
    let mut attackers = Vec::new();
    for _ in 0..ATTACKERS {
        let mut attacker = idle_client(&server).await;
        attacker.send("G").await;
        attackers.push(attacker);
    }
    for _ in 0..ATTACKERS {
        assert_eq!(server.send(&server.report("{}")).await.status, 200);
    }
    for attacker in &mut attackers[..ATTACKERS - LIMIT] {
        assert_eq!(attacker.closed().await, "");
    }
}

#[tokio::test]
async fn clients_without_a_token_that_do_not_read_are_closed_for_new_ones() {
    const RESPONSES: usize = 400;
    let settings = [("MAX_CONNECTIONS", "4"), ("MIN_BYTES_PER_SECOND", "0")];
    let server = Server::start(&[&NEVER[..], &settings].concat());
    let mut clients = Vec::new();
    for _ in 0..CONNECTIONS {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4096).unwrap();
        let stream = socket.connect(server.address).await.unwrap();
        let mut client = Client { stream };
        client.send(get("/openapi.json").repeat(RESPONSES)).await;
        client.byte().await.unwrap();
        clients.push(client);
    }
    for _ in 0..2 * CONNECTIONS {
        assert_eq!(server.send(&get("/livez")).await.status, 200);
    }
}

#[tokio::test]
async fn an_authenticated_connection_stays_while_others_can_be_closed() {
    let server = start_without_timeouts("4");
    server.create_run().await;
    let mut authenticated = Client::that_sent(&server, server.report("{}")).await;
    assert_eq!(authenticated.response().await.unwrap().status, 200);
    let forged = server.report("{}").replace("Bearer ", "Bearer x");
    for _ in 0..4 * CONNECTIONS {
        let mut stranger = Client::that_sent(&server, &forged).await;
        assert_eq!(stranger.response().await.unwrap().status, 401);
        idle_client(&server).await;
    }
    authenticated.send(server.report("{}")).await;
    assert_eq!(authenticated.response().await.unwrap().status, 200);
}

#[tokio::test]
async fn an_eighth_of_the_connections_is_reserved_for_unauthenticated_clients() {
    const LIMIT: usize = 8;
    let server = start_without_timeouts("8");
    server.create_run().await;
    let mut busy = Vec::new();
    for _ in 0..LIMIT - 1 {
        let head = server.report_head_expecting_continue(2);
        let mut client = Client::that_sent(&server, head).await;
        assert_eq!(client.response().await.unwrap().status, 100);
        busy.push(client);
    }
    for client in &mut busy {
        client.send("{}").await;
        assert_eq!(client.response().await.unwrap().status, 200);
    }
    // All of them are idle now: the first one is closed for the next client with a token.
    let mut next = Client::that_sent(&server, server.report("{}")).await;
    let response = next.response().await.unwrap();
    assert_eq!(response.status, 200);
    assert!(!response.head.contains("connection: close"), "{}", response.head);
    assert_eq!(busy.remove(0).closed().await, "");
    // While the others are busy, none of them can be closed.
    busy.push(next);
    for client in &mut busy {
        let head = server.report_head_expecting_continue(2);
        client.send(head).await;
        assert_eq!(client.response().await.unwrap().status, 100);
    }
    let response = server.send(&server.report("{}")).await;
    assert_eq!(response.status, 200);
    assert!(response.head.contains("connection: close"), "{}", response.head);
}
