//! Two servers behind one address.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use rustix::process::Signal;
use serde_json::json;
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
};

use crate::{
    chromium::Chromium,
    live::IS_LIVE,
    site::{Site, run_path, sign_in},
    wait::PATIENCE,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_page_shows_the_reports_of_both_servers_and_outlives_one_of_them() {
    let Some(browser) = Chromium::start().await else { return };
    let [mut one, other] = Site::pair().await;
    let balancer = Balancer::start([&one, &other]).await;
    sign_in(&one.server, &balancer.url, &browser).await;
    let run = one.demo.running;
    browser.open(&format!("{}{}", balancer.url, run_path(run))).await;
    browser.wait_for(IS_LIVE).await;
    for (site, read) in [(&one, 1_111_111), (&other, 2_222_222)] {
        site.report(run, &json!({"statistics": {"records": {"read": read}}})).await;
        browser.wait_for(&shown(read)).await;
    }
    let connections = balancer.connections.each_ref().map(|count| count.load(Ordering::SeqCst));
    assert!(connections.iter().all(|count| *count > 0), "{connections:?}");

    one.server.signal(Signal::TERM);
    assert_eq!(one.server.wait().code(), Some(0));
    other.report(run, &json!({"statistics": {"records": {"read": 3_333_333}}})).await;
    browser.wait_at_most(2 * PATIENCE, &shown(3_333_333)).await;
    browser.wait_for(IS_LIVE).await;
    other.server.assert_no_panic();
}

/// Whether the page shows this number.
fn shown(number: u32) -> String {
    let text = number.to_string();
    let grouped = format!("{},{},{}", &text[..1], &text[1..4], &text[4..]);
    format!("document.querySelector('main').textContent.includes('{grouped}')")
}

/// Gives connections to two servers in turn; to the other one while one does not accept any.
struct Balancer {
    url: String,
    connections: Arc<[AtomicUsize; 2]>,
}

impl Balancer {
    async fn start(sites: [&Site; 2]) -> Self {
        let address = |site: &Site| -> SocketAddr {
            let url = site.url("");
            url.trim_start_matches("http://").trim_end_matches('/').parse().unwrap()
        };
        let servers = sites.map(address);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let connections = Arc::<[AtomicUsize; 2]>::default();
        let counted = Arc::clone(&connections);
        tokio::spawn(async move {
            let mut turn = 0;
            while let Ok((client, _)) = listener.accept().await {
                turn += 1;
                tokio::spawn(forward(client, servers, turn, Arc::clone(&counted)));
            }
        });
        Self { url, connections }
    }
}

async fn forward(
    mut client: TcpStream,
    servers: [SocketAddr; 2],
    turn: usize,
    connections: Arc<[AtomicUsize; 2]>,
) {
    for server in [turn % 2, (turn + 1) % 2] {
        if let Ok(mut connection) = TcpStream::connect(servers[server]).await {
            connections[server].fetch_add(1, Ordering::SeqCst);
            // Either side may end the connection at any time.
            let _ended = copy_bidirectional(&mut client, &mut connection).await;
            return;
        }
    }
}
