//! The minimum rate at which responses must be read.

use tokio::{net::TcpSocket, time::timeout};

use crate::{
    client::{Client, TEST_TIMEOUT, get},
    frames::{
        Connection, DATA, END_HEADERS, END_STREAM, Frame, HEADERS, PING, PREFACE, SETTINGS, head,
    },
    server::Server,
};

/// Longer than any test takes.
const NEVER: &str = "600000";
/// No other timeout closes anything here.
const RATE_SETTINGS: [(&str, &str); 5] = [
    ("MIN_BYTES_PER_SECOND", "2000"),
    ("RATE_WINDOW_MS", "300"),
    ("WRITE_TIMEOUT_MS", NEVER),
    ("IDLE_TIMEOUT_MS", NEVER),
    ("REQUEST_TIMEOUT_MS", NEVER),
];
/// Far more responses than the buffers of both sockets hold.
const RESPONSES: usize = 400;
/// The identifier of a setting of HTTP/2.
const INITIAL_WINDOW_SIZE: [u8; 2] = [0, 4];

async fn client_with_a_small_buffer(server: &Server) -> Client {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    Client { stream: socket.connect(server.address).await.unwrap() }
}

/// Waits until the server has closed all connections.
async fn until_closed(server: &Server) {
    let closing = async {
        while server.connections() > 0 {
            tokio::task::yield_now().await;
        }
    };
    timeout(TEST_TIMEOUT, closing).await.unwrap();
}

#[tokio::test]
async fn a_client_that_reads_single_bytes_is_disconnected() {
    let server = Server::start(&RATE_SETTINGS);
    let mut slow = client_with_a_small_buffer(&server).await;
    slow.send(get("/openapi.json").repeat(RESPONSES)).await;
    let reading = async {
        while server.connections() > 0 {
            slow.byte().await;
        }
    };
    timeout(TEST_TIMEOUT, reading).await.unwrap();
}

#[tokio::test]
async fn a_client_that_reads_all_the_time_receives_everything() {
    let mut settings = RATE_SETTINGS;
    // As long as this task may have to wait for a processor.
    settings[1] = ("RATE_WINDOW_MS", "10000");
    let server = Server::start(&settings);
    let mut client = client_with_a_small_buffer(&server).await;
    client.send(get("/openapi.json").repeat(RESPONSES / 10)).await;
    for _ in 0..RESPONSES / 10 {
        assert_eq!(client.response().await.unwrap().status, 200);
    }
}

/// Opens a connection of HTTP/2 whose streams have a window of `bytes`.
async fn connection_with_window(server: &Server, bytes: u32) -> Connection {
    let mut connection = Connection::silent(server).await;
    let window = [&INITIAL_WINDOW_SIZE[..], &bytes.to_be_bytes()].concat();
    let settings = Frame::new(SETTINGS, 0, 0, window).to_bytes();
    connection.send([PREFACE, &settings].concat()).await;
    connection
}

#[tokio::test]
async fn a_client_of_http_2_that_opens_no_window_is_disconnected_whatever_else_it_sends() {
    let server = Server::start(&RATE_SETTINGS);
    for window in [0, 1000] {
        let mut connection = connection_with_window(&server, window).await;
        let block = head("GET", "/openapi.json", &[]);
        let request = Frame::new(HEADERS, END_HEADERS | END_STREAM, 1, block);
        connection.send(request.to_bytes()).await;
        connection.next(HEADERS).await;
        let ping = Frame::new(PING, 0, 0, [0; 8]).to_bytes();
        let mut received = 0;
        // Responses to its pings do not count as progress of the response.
        while let Some(frame) = connection.frame().await {
            if frame.kind == DATA {
                received += frame.payload.len();
            }
            connection.send(&ping).await;
        }
        assert_eq!(received, window as usize);
    }
    until_closed(&server).await;
}
