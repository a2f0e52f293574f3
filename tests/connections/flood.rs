//! Thousands of inactive connections while other clients send reports.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use futures_util::future::join_all;
use rustix::process::{Resource, Rlimit, Signal, getrlimit, setrlimit};
use tokio::sync::watch;

use crate::{
    client::{Client, get},
    server::Server,
};

const FLOOD: usize = 2_000;
/// How often a connection of the flood is opened again at most.
const RETURNS: usize = 100;
const REPORTS: usize = 50;
/// Silent clients that connect at the same time: fewer than the backlog of the listener.
const CONCURRENT_CONNECTS: usize = 100;
/// Open files that are tolerated: closing connections of the reports, and connections of the database.
const TOLERANCE: usize = 100;

/// Both ends need a file descriptor for each connection; the server inherits the limit.
pub(crate) fn raise_limit() {
    let maximum = getrlimit(Resource::Nofile).maximum;
    let enough = maximum.is_none_or(|maximum| maximum > 2 * FLOOD as u64);
    assert!(enough, "{maximum:?} open files are too few for this test");
    let limit = Rlimit { current: maximum, maximum };
    setrlimit(Resource::Nofile, limit).unwrap();
}

/// Holds connections open that have sent `beginning`, opens each again when it is closed, and meanwhile sends reports. Returns what
/// the server sent on the last connection of each client.
async fn reports_in_a_flood(server: &Arc<Server>, beginning: String) -> Vec<String> {
    server.create_run().await;
    let open_files = server.open_files();
    let (open, is_over) = (watch::Sender::new(0), Arc::new(AtomicBool::new(false)));
    let beginning = Arc::new(beginning);
    let flood: Vec<_> = (0..FLOOD)
        .map(|_| {
            let (server, beginning) = (Arc::clone(server), Arc::clone(&beginning));
            let (open, is_over) = (open.clone(), Arc::clone(&is_over));
            tokio::spawn(async move {
                for turn in 0..RETURNS {
                    let mut client = Client::that_sent(&*server, beginning.as_bytes()).await;
                    if turn == 0 {
                        open.send_modify(|open| *open += 1);
                    }
                    let received = client.closed().await;
                    if is_over.load(Ordering::Relaxed) {
                        return received;
                    }
                }
                panic!("the reports took longer than the flood");
            })
        })
        .collect();
    open.subscribe().wait_for(|open| *open == FLOOD).await.unwrap();
    for report in 0..REPORTS {
        let body = format!(r#"{{"statistics":{{"reports":{report}}}}}"#);
        let response = server.send(&server.report(&body)).await;
        assert_eq!(response.status, 200, "{}", response.body);
    }
    is_over.store(true, Ordering::Relaxed);
    let received = join_all(flood).await;
    // The server has closed all of them and holds no resources of them.
    assert!(server.open_files() < open_files + TOLERANCE);
    received.into_iter().map(Result::unwrap).collect()
}

/// Silent clients, all of them accepted: a later client that gets a response shows it.
async fn silent_flood(server: &Server) -> Vec<Client> {
    let mut flood = Vec::new();
    while flood.len() < FLOOD {
        let connecting = (0..CONCURRENT_CONNECTS).map(|_| Client::connect(server.address));
        flood.extend(join_all(connecting).await);
        assert_eq!(server.send(&get("/livez")).await.status, 200);
    }
    flood
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_thousand_silent_clients_do_not_delay_reports() {
    raise_limit();
    let server = Server::start(&[("FIRST_BYTE_TIMEOUT_MS", "5000")]);
    server.create_run().await;
    let open_files = server.open_files();
    let mut flood = silent_flood(&server).await;
    for _ in 0..REPORTS {
        assert_eq!(server.send(&server.report("{}")).await.status, 200);
    }
    let received = join_all(flood.iter_mut().map(Client::closed)).await;
    assert!(received.iter().all(String::is_empty));
    assert!(server.open_files() < open_files + TOLERANCE);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn silent_clients_over_the_connection_limit_are_closed_for_reports_and_at_the_shutdown() {
    const LIMIT: usize = 500;
    raise_limit();
    // No timeout closes anything here.
    let settings = [("FIRST_BYTE_TIMEOUT_MS", "600000"), ("MAX_CONNECTIONS", "500")];
    let mut server = Server::start(&settings);
    server.create_run().await;
    let mut flood = silent_flood(&server).await;
    for _ in 0..REPORTS {
        assert_eq!(server.send(&server.report("{}")).await.status, 200);
    }
    let (left, staying) = flood.split_at_mut(FLOOD - LIMIT);
    join_all(left.iter_mut().map(Client::closed)).await;
    let connections = server.connections();
    assert!((LIMIT - TOLERANCE..=LIMIT).contains(&connections), "{connections}");
    server.signal(Signal::TERM);
    join_all(staying.iter_mut().map(Client::closed)).await;
    assert_eq!(server.wait().code(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_thousand_clients_with_half_a_head_do_not_delay_reports() {
    raise_limit();
    let server = Arc::new(Server::start(&[("HEADER_TIMEOUT_MS", "2000")]));
    let beginning = "GET / HTTP/1.1\r\nHost: flowruns\r\nX-Slow: ".to_owned();
    let received = reports_in_a_flood(&server, beginning).await;
    assert!(received.iter().all(String::is_empty));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_thousand_clients_with_half_a_body_do_not_delay_reports_and_get_408() {
    raise_limit();
    let server = Arc::new(Server::start(&[
        ("BODY_TIMEOUT_MS", "2000"),
        ("FIRST_BYTE_TIMEOUT_MS", "600000"),
        ("HEADER_TIMEOUT_MS", "600000"),
    ]));
    let beginning = server.report_head(1000) + r#"{"displayName":"#;
    let received = reports_in_a_flood(&server, beginning).await;
    for received in received {
        assert!(
            received.starts_with("HTTP/1.1 408 ") && received.contains("bodyTooSlow"),
            "{received:?}"
        );
    }
}
