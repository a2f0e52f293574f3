//! Ten times as many clients as there is room for. What is too much is refused, and memory stays within what the settings
//! say.

use std::sync::Arc;

use futures_util::future::join_all;

use crate::{
    database::execute,
    raw::{Request, early_answer},
    scale,
    service::Setting,
    site::Site,
};

const KIB: u64 = 1024;
/// Requests that may be under way.
const ROOM: u64 = 64;
const CLIENTS: u64 = 10 * ROOM;
/// Of each client, each on a connection of its own.
const REQUESTS: u64 = 4;
/// What their bodies and answers may hold, in KiB.
const ROOM_KIB: u64 = 16 * KIB;
/// What may wait to be written, in KiB.
const QUEUE_KIB: u64 = 4 * KIB;
/// What the service takes for each connection.
const CONNECTION_KIB: u64 = 16;
/// And where bodies are long: the buffer that bytes are read into, which is as long as a head may be, and as much again of
/// a body that is on its way from there.
const BUFFERS_KIB: u64 = 2 * 64;
/// What the allocator keeps beyond what is in use, in percent.
const KEPT_BY_ALLOCATOR: u64 = 50;

fn settings() -> [Setting; 4] {
    [
        ("FLOWRUNS_LIMITS__REQUESTS", ROOM.to_string()),
        ("FLOWRUNS_LIMITS__BYTES", (ROOM_KIB * KIB).to_string()),
        (
            "FLOWRUNS_DATABASE__WRITER_QUEUE_BYTES",
            (QUEUE_KIB * KIB).to_string(),
        ),
        ("FLOWRUNS_HTTP__REQUEST_TIMEOUT_MS", "1000".to_owned()),
    ]
}

/// The most that the peak may grow, in KiB, when this much of it is counted.
const fn most_growth(counted: u64) -> u64 {
    counted + counted * KEPT_BY_ALLOCATOR / 100
}

/// What is sent: its name, about how many bytes, and the most that the peak may grow.
const FLOODS: [(&str, usize, u64); 2] = [
    ("short bodies", 400, most_growth(CLIENTS * CONNECTION_KIB)),
    (
        "bodies of 1 MiB",
        1024 * 1023,
        most_growth(ROOM_KIB + QUEUE_KIB + CLIENTS * (CONNECTION_KIB + BUFFERS_KIB)),
    ),
];

/// A report with a body of about so many bytes, most of which nobody keeps.
fn report(site: &Site, run: &str, length: usize) -> Vec<u8> {
    let note = "x".repeat(length);
    let request = Request {
        method: "PATCH",
        path: run.to_owned(),
        token: &site.token,
        body: format!(r#"{{"@note":"{note}","statistics":{{"rows":1}}}}"#),
    };
    request.to_bytes()
}

/// Every client sends its requests one after the other; how many of them were taken.
async fn flood(site: &Site, request: Vec<u8>) -> usize {
    let request = Arc::new(request);
    let clients = (0..CLIENTS).map(|_| {
        let (request, address) = (Arc::clone(&request), site.services[0].address().to_owned());
        tokio::spawn(async move {
            let mut taken = 0;
            for _ in 0..REQUESTS * scale() {
                match early_answer(&address, &request).await {
                    200 => taken += 1,
                    // Refused, or so slow among the others that its time was over: nothing was done.
                    status => assert!([503, 408].contains(&status), "{status}"),
                }
            }
            taken
        })
    });
    join_all(clients)
        .await
        .into_iter()
        .map(Result::unwrap)
        .sum()
}

#[expect(clippy::print_stdout, reason = "it prints what it measured")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_times_as_many_clients_as_there_is_room_for_are_served_or_refused_within_bounded_memory()
 {
    let site = Site::start(1, &settings()).await;
    let run = site.run(&site.flow().await).await;
    let before = site.services[0].peak_memory();
    println!("peak before: {before} KiB");
    for (bodies, length, most) in FLOODS {
        println!("{bodies}: it may grow by {most} KiB");
        let request = report(&site, &run, length);
        let taken = flood(&site, request.clone()).await;
        assert!(taken > 0);
        let growth = site.services[0].peak_memory() - before;
        println!(
            "{bodies}, {taken} of {} taken: {growth} KiB",
            CLIENTS * REQUESTS * scale()
        );
        assert!(growth < most, "{bodies}: {growth} KiB");

        let mut holder = site.database.admin().await;
        execute(
            &mut holder,
            "BEGIN; LOCK TABLE runs IN ACCESS EXCLUSIVE MODE",
        )
        .await;
        assert_eq!(flood(&site, request).await, 0);
        let growth = site.services[0].peak_memory() - before;
        println!("{bodies}, the database held up: {growth} KiB");
        assert!(growth < most, "{bodies}: {growth} KiB");
        execute(&mut holder, "ROLLBACK").await;
        site.assert_quiet().await;
    }
    site.assert_recovered().await;
}
