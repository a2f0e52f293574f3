//! How many connections there may be, and who makes room.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use tokio::net::TcpSocket;

use crate::{
    client::{Client, get},
    server::Server,
};

const SEATS: usize = 4;

async fn silent_clients(server: &Server, count: usize) -> Vec<Client> {
    let mut clients = Vec::new();
    for _ in 0..count {
        clients.push(Client::connect(server.address).await);
    }
    clients
}

/// A client that stays after an answer.
async fn idle_client(server: &Server) -> Client {
    let mut client = Client::that_sent(server, get("/livez")).await;
    assert_eq!(client.answer().await.unwrap().status, 200);
    client
}

#[tokio::test]
async fn the_oldest_silent_connection_makes_room_and_the_others_stay() {
    let server = Server::start(&[("MAX_CONNECTIONS", "4")]);
    let mut clients = silent_clients(&server, SEATS).await;
    assert_eq!(server.ask(&get("/livez")).await.status, 200);
    assert_eq!(clients[0].closed().await, "");
    for client in &mut clients[1..] {
        client.send(get("/livez")).await;
        assert_eq!(client.answer().await.unwrap().status, 200);
    }
}

#[tokio::test]
async fn where_all_have_asked_before_the_one_that_idled_longest_makes_room() {
    let server = Server::start(&[("MAX_CONNECTIONS", "4")]);
    let mut clients = Vec::new();
    for _ in 0..SEATS {
        clients.push(idle_client(&server).await);
    }
    // The first is used again, so that the second has idled longest.
    clients[0].send(get("/livez")).await;
    clients[0].answer().await.unwrap();
    assert_eq!(server.ask(&get("/livez")).await.status, 200);
    assert_eq!(clients.remove(1).closed().await, "");
    for client in &mut clients {
        client.send(get("/livez")).await;
        assert_eq!(client.answer().await.unwrap().status, 200);
    }
}

#[tokio::test]
async fn where_all_are_busy_a_new_connection_waits_for_the_first_that_has_nothing_to_do() {
    let server = Server::start(&[("MAX_CONNECTIONS", "4")]);
    server.create_run().await;
    let mut busy = Vec::new();
    for _ in 0..SEATS {
        let head = server.report_head(2);
        let head = head.replace("Host: door\r\n", "Host: door\r\nExpect: 100-continue\r\n");
        let mut client = Client::that_sent(&server, head + "{").await;
        assert_eq!(client.answer().await.unwrap().status, 100);
        busy.push(client);
    }
    let mut waiting = Client::that_sent(&server, get("/livez")).await;
    busy[2].send("}").await;
    assert_eq!(busy[2].answer().await.unwrap().status, 200);
    assert_eq!(waiting.answer().await.unwrap().status, 200);
    assert_eq!(busy[2].closed().await, "");
    for index in [0, 1, 3] {
        busy[index].send("}").await;
        assert_eq!(busy[index].answer().await.unwrap().status, 200);
    }
}

#[tokio::test]
async fn an_address_has_no_more_connections_than_it_may() {
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
    assert_eq!(elsewhere.answer().await.unwrap().status, 200);
}

#[tokio::test]
async fn without_file_descriptors_reports_still_go_through() {
    const SILENT: usize = 60;
    let server = Server::start(&[]);
    server.create_run().await;
    server.leave_descriptors(4);
    let mut silent = silent_clients(&server, SILENT).await;
    for _ in 0..3 {
        assert_eq!(server.ask(&server.report("{}")).await.status, 200);
    }
    assert!(server.log().contains("connections are not accepted"));
    for client in &mut silent[..SILENT / 2] {
        assert_eq!(client.closed().await, "");
    }
}

/// Longer than any test takes: no time-out closes anything.
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
        assert_eq!(server.ask(&server.report("{}")).await.status, 200);
    }
    for attacker in &mut attackers[..ATTACKERS - LIMIT] {
        assert_eq!(attacker.closed().await, "");
    }
}

#[tokio::test]
async fn clients_that_do_not_read_are_closed_for_new_ones_unless_they_have_shown_a_token() {
    const ANSWERS: usize = 400;
    let settings = [("MAX_CONNECTIONS", "4"), ("MIN_BYTES_PER_SECOND", "0")];
    let server = Server::start(&[&NEVER[..], &settings].concat());
    let mut deaf = Vec::new();
    for _ in 0..SEATS {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4096).unwrap();
        let stream = socket.connect(server.address).await.unwrap();
        let mut client = Client { stream };
        client.send(get("/openapi.json").repeat(ANSWERS)).await;
        client.byte().await.unwrap();
        deaf.push(client);
    }
    for _ in 0..2 * SEATS {
        assert_eq!(server.ask(&get("/livez")).await.status, 200);
    }
}

#[tokio::test]
async fn a_connection_that_has_shown_a_token_stays_while_others_can_be_closed() {
    let server = start_without_timeouts("4");
    server.create_run().await;
    let mut authenticated = Client::that_sent(&server, server.report("{}")).await;
    assert_eq!(authenticated.answer().await.unwrap().status, 200);
    let forged = server.report("{}").replace("Bearer ", "Bearer x");
    for _ in 0..4 * SEATS {
        let mut stranger = Client::that_sent(&server, &forged).await;
        assert_eq!(stranger.answer().await.unwrap().status, 401);
        idle_client(&server).await;
    }
    authenticated.send(server.report("{}")).await;
    assert_eq!(authenticated.answer().await.unwrap().status, 200);
}

#[tokio::test]
async fn connections_that_have_shown_a_token_leave_an_eighth_to_others() {
    const LIMIT: usize = 8;
    let server = start_without_timeouts("8");
    server.create_run().await;
    let mut busy = Vec::new();
    for _ in 0..LIMIT - 1 {
        let head = server.report_head(2);
        let head = head.replace("Host: door\r\n", "Host: door\r\nExpect: 100-continue\r\n");
        let mut client = Client::that_sent(&server, head).await;
        assert_eq!(client.answer().await.unwrap().status, 100);
        busy.push(client);
    }
    for client in &mut busy {
        client.send("{}").await;
        assert_eq!(client.answer().await.unwrap().status, 200);
    }
    // All of them are idle now: the first leaves for the next that shows a token.
    let mut next = Client::that_sent(&server, server.report("{}")).await;
    let answer = next.answer().await.unwrap();
    assert_eq!(answer.status, 200);
    assert!(
        !answer.head.contains("connection: close"),
        "{}",
        answer.head
    );
    assert_eq!(busy.remove(0).closed().await, "");
    // While the others work, there is none to close.
    busy.push(next);
    for client in &mut busy {
        let head = server.report_head(2);
        let head = head.replace("Host: door\r\n", "Host: door\r\nExpect: 100-continue\r\n");
        client.send(head).await;
        assert_eq!(client.answer().await.unwrap().status, 100);
    }
    let answer = server.ask(&server.report("{}")).await;
    assert_eq!(answer.status, 200);
    assert!(answer.head.contains("connection: close"), "{}", answer.head);
}
