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
