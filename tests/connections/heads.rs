//! Heads of HTTP/1 that are too large, or that a proxy in front may read differently than this server.

use crate::{
    client::{Client, get},
    server::Server,
};

/// A request hidden in another one. If the server responds to it, the smuggling has succeeded.
const SMUGGLED: &str = "GET /livez HTTP/1.1\r\nHost: smuggled\r\n\r\n";

/// Sends a request followed by the smuggled one. Returns the statuses of all responses until the connection is closed.
async fn statuses(server: &Server, request: &str) -> Vec<u16> {
    let mut client = Client::that_sent(server, format!("{request}{SMUGGLED}")).await;
    let received = client.closed().await;
    let lines = received.match_indices("HTTP/1.1 ");
    let status = |(at, line): (usize, &str)| received[at + line.len()..][..3].parse().unwrap();
    lines.map(status).collect()
}

/// A report with these headers instead of its Content-Length, and this body.
fn report(server: &Server, headers: &str, body: &str) -> String {
    let head = server.report_head(0);
    format!("{}{body}", head.replace("Content-Length: 0\r\n", headers))
}

#[tokio::test]
async fn ambiguous_heads_are_400_and_nothing_after_them_is_read() {
    let server = Server::start(&[]);
    server.create_run().await;
    let chunked = "Transfer-Encoding: chunked\r\n";
    let long_extension = format!("2;{}\r\n{{}}\r\n0\r\n\r\n", "x".repeat(32 * 1024));
    let many_extensions =
        format!("{}0\r\n\r\n", format!("1;{}\r\n \r\n", "x".repeat(1024)).repeat(32));
    let bodies = [
        ("a chunk's extension too long", long_extension.as_str()),
        ("chunks' extensions too long", many_extensions.as_str()),
        ("a negative chunk", "-2\r\n{}\r\n0\r\n\r\n"),
        ("a chunk of more than 64 bits", "10000000000000002\r\n{}\r\n0\r\n\r\n"),
        ("a chunk with 0x", "0x2\r\n{}\r\n0\r\n\r\n"),
        ("a chunk that ends in a bare LF", "2\n{}\r\n0\r\n\r\n"),
        ("a chunk longer than its length", "1\r\n{}\r\n0\r\n\r\n"),
        ("a bare LF in trailers", "2\r\n{}\r\n0\r\nX: a\n\r\n"),
        ("trailers that end in bare LFs", "2\r\n{}\r\n0\r\nX: a\n\n"),
        ("a bare LF for the end", "2\r\n{}\r\n0\r\n\n"),
        ("a folded trailer", "2\r\n{}\r\n0\r\nX: a\r\n b\r\n\r\n"),
        ("a bare CR in a trailer", "2\r\n{}\r\n0\r\nX: a\rb\r\n\r\n"),
        ("a trailer without a colon", "2\r\n{}\r\n0\r\nX\r\n\r\n"),
        ("NUL in an extension", "2;a\0\r\n{}\r\n0\r\n\r\n"),
        ("a bare CR in an extension", "2;a\rb\r\n{}\r\n0\r\n\r\n"),
        ("a bare LF in the last extension", "2\r\n{}\r\n0;a\n\r\n"),
    ];
    let bodies = bodies.map(|(name, body)| (name, report(&server, chunked, body)));
    let lengths = [
        ("length and encoding", "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"),
        ("encoding and length", "Transfer-Encoding: chunked\r\nContent-Length: 2\r\n", "0\r\n\r\n"),
        ("two lengths", "Content-Length: 2\r\nContent-Length: 3\r\n", "{}"),
        ("two lengths in one", "Content-Length: 2, 3\r\n", "{}"),
        ("a signed length", "Content-Length: +2\r\n", "{}"),
        ("a negative length", "Content-Length: -2\r\n", "{}"),
        ("a length of more than 64 bits", "Content-Length: 18446744073709551618\r\n", "{}"),
        (
            "chunked twice",
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
            "2\r\n{}\r\n0\r\n\r\n",
        ),
        ("obs-fold", "X-Folded: a\r\n b\r\nContent-Length: 2\r\n", "{}"),
        ("a space before the colon", "Content-Length : 2\r\n", "{}"),
        ("a bare LF", "X-Bare: a\nContent-Length: 2\r\n", "{}"),
        ("a bare CR", "X-Bare: a\rContent-Length: 2\r\n", "{}"),
        ("NUL in a header", "X-Nul: a\0b\r\nContent-Length: 2\r\n", "{}"),
        ("a second host", "Host: other\r\nContent-Length: 2\r\n", "{}"),
    ];
    let lengths = lengths.map(|(name, headers, body)| (name, report(&server, headers, body)));
    let targets = [
        ("HTTP/0.9", "GET /livez\r\n".to_owned()),
        (
            "an absolute target of another host",
            "GET http://other/livez HTTP/1.1\r\nHost: flowruns\r\n\r\n".to_owned(),
        ),
        ("no host", "GET /livez HTTP/1.1\r\n\r\n".to_owned()),
        ("a bare LF at the end", "GET /livez HTTP/1.1\r\nHost: flowruns\r\n\n".to_owned()),
        ("an encoding in HTTP/1.0", format!("GET /livez HTTP/1.0\r\n{chunked}\r\n0\r\n\r\n")),
    ];
    let before = server.send(&get_run(&server)).await;
    for (name, request) in bodies.into_iter().chain(lengths).chain(targets) {
        assert_eq!(statuses(&server, &request).await, [400], "{name}");
    }
    // The tag in the body would show a report that was carried out.
    assert_eq!(server.send(&get_run(&server)).await.body, before.body);
}

#[tokio::test]
async fn an_ambiguous_head_that_arrives_in_two_parts_is_400() {
    let server = Server::start(&[]);
    let mut client = Client::that_sent(&server, get("/livez")).await;
    client.response().await.unwrap();
    client.send("GET /livez HTTP/1.1\r\nHost: flowruns\r\nContent-Length: 0\r\nTransf").await;
    // The response shows that the server has read the first part.
    let mut other = Client::that_sent(&server, get("/livez")).await;
    other.response().await.unwrap();
    client.send("er-Encoding: chunked\r\n\r\n0\r\n\r\n").await;
    assert_eq!(client.response().await.unwrap().status, 400);
    assert_eq!(client.closed().await, "");
}

#[tokio::test]
async fn heads_over_their_limits_are_rejected_and_the_connection_is_closed() {
    let settings = [("MAX_HEADERS", "20"), ("MAX_HEADER_BYTES", "8192"), ("MAX_URI_BYTES", "1000")];
    let server = Server::start(&settings);
    let with = |target: &str, headers: &str| {
        format!("GET {target} HTTP/1.1\r\nHost: flowruns\r\n{headers}\r\n")
    };
    let long = format!("/livez?{}", "x".repeat(1000 - "/livez?".len()));
    let fine = [
        with("/livez", &"X-Some: x\r\n".repeat(19)),
        with("/livez", &format!("X-Large: {}\r\n", "x".repeat(8000))),
        with(&long, ""),
    ];
    for request in fine {
        assert_eq!(server.send(&request).await.status, 200);
    }
    let rejected = [
        (431, with("/livez", &"X-Some: x\r\n".repeat(20))),
        (431, with("/livez", &"X-Some: x\r\n".repeat(200))),
        (431, with("/livez", &format!("X-Large: {}\r\n", "x".repeat(9000)))),
        (431, format!("GET /{}", "x".repeat(9000))),
        (414, with(&format!("{long}x"), "")),
    ];
    for (status, request) in rejected {
        assert_eq!(statuses(&server, &request).await, [status], "{request}");
    }
    let many = Server::start(&[("MAX_HEADERS", "200")]);
    let response = many.send(&with("/livez", &"X-Some: x\r\n".repeat(199))).await;
    assert_eq!(response.status, 200);
}

fn get_run(server: &Server) -> String {
    server.report("").replacen("PATCH", "GET", 1)
}

#[tokio::test]
async fn every_request_of_one_read_is_checked() {
    let server = Server::start(&[]);
    let first = [
        get("/livez"),
        "POST /livez HTTP/1.1\r\nHost: flowruns\r\nContent-Length: 2\r\n\r\n\n\n".to_owned(),
        "POST /livez HTTP/1.1\r\nHost: flowruns\r\nTransfer-Encoding: chunked\r\n\r\n\
         1\r\n\n\r\n0\r\nX: a\r\n\r\n"
            .to_owned(),
    ];
    let bad = [
        "GET /livez HTTP/1.1\r\nHost: flowruns\n\r\n",
        "POST /livez HTTP/1.1\r\nHost: flowruns\r\nContent-Length: 5\r\n\
         Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ];
    for bad in bad {
        let pipelined = first.concat() + bad;
        assert_eq!(statuses(&server, &pipelined).await, [200, 405, 405, 400]);
    }
    let good = first.concat();
    let mut client = Client::that_sent(&server, good.repeat(3)).await;
    for status in [200, 405, 405].repeat(3) {
        assert_eq!(client.response().await.unwrap().status, status);
    }
}

#[tokio::test]
async fn a_malformed_host_is_400() {
    let server = Server::start(&[]);
    let fine = ["flowruns", "my_host:8080", "127.0.0.1:80", "[::1]:80", "a.b."];
    for host in fine {
        let request = format!("GET /livez HTTP/1.1\r\nHost: {host}\r\n\r\n");
        assert_eq!(server.send(&request).await.status, 200, "{host}");
    }
    let malformed = [
        "", ".", "a..b", ".a", "a b", "a@b", "a:b@c", "a:port", "a:65536", "a:1:2", "a/b", "a,b",
        "[::1", "::1", "a?b", "a%20b",
    ];
    for host in malformed {
        let request = format!("GET /livez HTTP/1.1\r\nHost: {host}\r\n\r\n");
        assert_eq!(statuses(&server, &request).await, [400], "{host}");
        let request = format!("GET /livez HTTP/1.0\r\nHost: {host}\r\n\r\n");
        assert_eq!(server.send(&request).await.status, 400, "{host}");
    }
    let target = "GET http://a@flowruns/livez HTTP/1.1\r\nHost: a@flowruns\r\n\r\n";
    assert_eq!(statuses(&server, target).await, [400]);
    let twice = "GET /livez HTTP/1.1\r\nHost: flowruns\r\nHost: flowruns\r\n\r\n";
    assert_eq!(statuses(&server, twice).await, [400]);
}

#[tokio::test]
async fn a_transfer_coding_other_than_chunked_is_501() {
    let server = Server::start(&[]);
    server.create_run().await;
    let before = server.send(&get_run(&server)).await;
    for codings in [
        "Transfer-Encoding: gzip\r\n",
        "Transfer-Encoding: xchunked\r\n",
        "Transfer-Encoding: identity\r\n",
        "Transfer-Encoding: gzip, chunked\r\n",
        "Transfer-Encoding: chunked, identity\r\n",
        "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n",
    ] {
        let request = report(&server, codings, "2\r\n{}\r\n0\r\n\r\n");
        assert_eq!(statuses(&server, &request).await, [501], "{codings}");
    }
    assert_eq!(server.send(&get_run(&server)).await.body, before.body);
    let request = report(&server, "Transfer-Encoding: Chunked\r\n", "2\r\n{}\r\n0\r\n\r\n");
    assert_eq!(server.send(&request).await.status, 200);
}

#[tokio::test]
async fn a_method_in_lower_case_is_405_with_a_message_that_says_to_send_it_in_upper_case() {
    let server = Server::start(&[]);
    server.create_run().await;
    for (method, upper) in [("patch", "PATCH"), ("Get", "GET"), ("delete", "DELETE")] {
        let response = server.send(&server.report("{}").replacen("PATCH", method, 1)).await;
        assert_eq!(response.status, 405);
        let words = format!("methods are in upper case; send {upper} instead of {method}");
        assert!(response.body.contains(&words), "{}", response.body);
        assert!(response.head.contains("\nallow: "), "{}", response.head);
    }
}
