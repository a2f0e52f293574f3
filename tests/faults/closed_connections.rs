//! Clients that close their connections while their reads run.

use std::time::{Duration, Instant};

use sqlx::PgConnection;
use tokio::{io::AsyncWriteExt as _, net::TcpStream};

use crate::{database::execute, raw::Request, site::Site};

const CLIENTS: usize = 16;
/// Less than a statement may take, so that its own time-out does not end it.
const PATIENCE: Duration = Duration::from_secs(30);

const WAITING: &str = "
    SELECT count(*) FROM pg_stat_activity WHERE usename = 'flowruns_service' AND state = 'active'
        AND wait_event_type = 'Lock'";

fn settings() -> [(&'static str, String); 3] {
    let long = Duration::from_secs(3600).as_millis().to_string();
    [
        ("FLOWRUNS_HTTP__REQUEST_TIMEOUT_MS", "3600000".to_owned()),
        ("FLOWRUNS_DATABASE__STATEMENT_TIMEOUT_MS", long),
        ("FLOWRUNS_DATABASE__MAX_CONNECTIONS", CLIENTS.to_string()),
    ]
}

async fn wait_for_waiting(admin: &mut PgConnection, expected: usize) {
    let begun = Instant::now();
    loop {
        let waiting: i64 = sqlx::query_scalar(WAITING)
            .fetch_one(&mut *admin)
            .await
            .unwrap();
        if usize::try_from(waiting).unwrap() == expected {
            return;
        }
        assert!(
            begun.elapsed() < PATIENCE,
            "{waiting} statements, not {expected}"
        );
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn statements_of_clients_that_closed_their_connection_are_cancelled() {
    let site = Site::start(1, &settings()).await;
    let flow = site.flow().await;
    site.run(&flow).await;
    let mut admin = site.database.admin().await;
    execute(
        &mut admin,
        "BEGIN; LOCK TABLE runs IN ACCESS EXCLUSIVE MODE",
    )
    .await;
    let mut observer = site.database.admin().await;
    let request = Request {
        method: "GET",
        path: format!("{flow}/runs"),
        token: &site.token,
        body: String::new(),
    };
    let mut clients = Vec::new();
    for _ in 0..CLIENTS {
        let mut client = TcpStream::connect(site.services[0].address())
            .await
            .unwrap();
        client.write_all(&request.to_bytes()).await.unwrap();
        clients.push(client);
    }
    wait_for_waiting(&mut observer, CLIENTS).await;
    for client in clients {
        // A reset, so that nobody takes it for a client that only closed its sending side.
        client.set_zero_linger().unwrap();
    }
    wait_for_waiting(&mut observer, 0).await;
    let url = format!("{}{flow}", site.services[0].url());
    assert_eq!(site.send("GET", &url, "").await.status, 200);
    execute(&mut admin, "ROLLBACK").await;
    site.assert_recovered().await;
}
