//! Requests that are small enough to be read, and whose parts are too many.

use std::{fmt::Write as _, sync::Arc};

use flowruns_testing::harness::{exchange, request, request_head};
use serde_json::{Value, json};

use crate::{attackers::Attackers, exclusive, fixture::Fixture, server::Setting};

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;
/// The most items of one batch.
const MAX_ITEMS: usize = 20;
/// Faults that `details` names, and one that counts the rest.
const MAX_DETAILS: usize = 101;
/// The longest response to a body with many faults.
const FEW_BYTES: usize = 128 * KIB;
/// The statuses of a response to an input that is too large, or to too many at the same time.
const REJECTIONS: [u16; 7] = [400, 408, 413, 422, 429, 431, 503];

/// `limits.bytes` where a whole batch of the largest size is sent.
fn limit_for_batches() -> [Setting; 1] {
    [("FLOWRUNS_LIMITS__BYTES", (64 * MIB).to_string())]
}

/// Connections that send the same whole request again and again, and read the response.
fn repeated(
    fixture: &Fixture,
    count: usize,
    request: Vec<u8>,
    expected: &'static [u16],
) -> Attackers {
    let (address, request) = (fixture.server.process.address(), Arc::new(request));
    Attackers::start(count, move |session| {
        let request = Arc::clone(&request);
        async move {
            session.is_established();
            // The server may close the connection before it has read everything; then a reset can overtake the response.
            let Ok(exchange) = exchange(address, &request, false).await else {
                return;
            };
            let status = exchange.status();
            let is_expected = expected.contains(&status) || REJECTIONS.contains(&status);
            assert!(is_expected || status == 0, "{}", exchange.text);
        }
    })
}

/// How many large bodies one batch has; a debug build takes long for each.
fn large_items() -> usize {
    (4 * crate::scale()).min(MAX_ITEMS)
}

fn batch(items: &[Value]) -> String {
    json!({"requests": items}).to_string()
}

/// A PATCH of the run as an item of a batch.
fn item(fixture: &Fixture, id: usize, body: &Value) -> Value {
    json!({"id": id.to_string(), "method": "PATCH", "url": fixture.run, "body": body})
}

/// A batch whose second item names the first one `count` times in `dependsOn`.
fn batch_with_dependencies(fixture: &Fixture, count: usize) -> String {
    let first = json!({"id": "1", "method": "GET", "url": fixture.run});
    let names = "\"1\",".repeat(count);
    let names = names.trim_end_matches(',');
    format!(
        r#"{{"requests":[{first},{{"id":"2","method":"GET","url":"{}","dependsOn":[{names}]}}]}}"#,
        fixture.run
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn millions_of_dependencies_are_rejected_within_bounded_memory() {
    let _exclusive = exclusive().await;
    let fixture = Fixture::start(&[]).await;
    let count = (MIB / 2 * crate::scale()).min(5 * MIB);
    let body = batch_with_dependencies(&fixture, count);
    let (status, error) = fixture.send("POST", "/$batch", &body).await;
    assert!(REJECTIONS.contains(&status), "{status} {error}");
    let attack = |fixture: &Fixture| {
        let request = request("POST", "/$batch", &fixture.reader, &body);
        repeated(fixture, 6, request, &[])
    };
    let measured = fixture.under("six batches of 500,000 dependsOn", attack).await;
    measured.assert_harmless();
}

/// A patch with `count` unknown members.
fn unknown_members(count: usize) -> String {
    let mut body = String::from("{");
    for index in 0..count {
        write!(body, "\"u{index}\":0,").unwrap();
    }
    body.pop();
    body + "}"
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_ninety_thousand_unknown_members_a_hundred_are_named() {
    let _exclusive = exclusive().await;
    let fixture = Fixture::start(&limit_for_batches()).await;
    let body = unknown_members(90_000);
    let (status, error) = fixture.send("PATCH", &fixture.run, &body).await;
    assert_eq!(status, 400);
    let details = error["error"]["details"].as_array().unwrap();
    assert!(details.len() <= MAX_DETAILS, "{} details", details.len());
    let length = error.to_string().len();
    assert!(length < FEW_BYTES, "{length} bytes");
    let attack = |fixture: &Fixture| {
        let request = request("PATCH", &fixture.run, &fixture.writer, &body);
        repeated(fixture, 8 * crate::scale(), request, &[])
    };
    let measured = fixture.under("90,000 unknown members", attack).await;
    measured.assert_harmless();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_of_bodies_with_unknown_members_has_a_small_response() {
    let _exclusive = exclusive().await;
    let fixture = Fixture::start(&limit_for_batches()).await;
    let unknown: Value = serde_json::from_str(&unknown_members(90_000)).unwrap();
    let items: Vec<_> = (0..large_items()).map(|id| item(&fixture, id, &unknown)).collect();
    let body = batch(&items);
    let (status, response) = fixture.send("POST", "/$batch", &body).await;
    assert_eq!(status, 200, "{response}");
    let length = response.to_string().len();
    assert!(length < MAX_ITEMS * FEW_BYTES, "{length} bytes");
    let attack = |fixture: &Fixture| {
        let request = request("POST", "/$batch", &fixture.writer, &body);
        repeated(fixture, 2 * crate::scale(), request, &[200])
    };
    let measured = fixture.under("batches of 90,000 unknown members", attack).await;
    measured.assert_harmless();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_item_with_too_many_headers_is_rejected_alone() {
    const HEADERS: usize = 24_576;
    let _exclusive = exclusive().await;
    let fixture = Fixture::start(&[]).await;
    let headers: serde_json::Map<_, _> =
        (0..HEADERS).map(|index| (format!("x-{index}"), "1".into())).collect();
    let mut flooded = item(&fixture, 2, &json!({}));
    flooded["headers"] = headers.into();
    let mut oversized = item(&fixture, 3, &json!({}));
    oversized["headers"] = json!({"x-large": "x".repeat(80 * KIB)});
    let mut far = item(&fixture, 4, &json!({}));
    far["url"] = format!("{}?{}", fixture.run, "x".repeat(20 * KIB)).into();
    let items = [
        item(&fixture, 1, &json!({"statistics": {"rows": 1}})),
        flooded,
        oversized,
        far,
        item(&fixture, 5, &json!({"statistics": {"files": 2}})),
    ];
    let (status, response) = fixture.send("POST", "/$batch", &batch(&items)).await;
    assert_eq!(status, 200, "{response}");
    let status = |id: &str| {
        let responses = response["responses"].as_array().unwrap().iter();
        let mut own = responses.filter(|response| response["id"] == *id);
        own.next().unwrap()["status"].as_u64().unwrap()
    };
    assert_eq!((status("1"), status("5")), (200, 200), "{response}");
    for id in ["2", "3", "4"] {
        assert!((400..500).contains(&status(id)), "{response}");
    }
    let (_, run) = fixture.send("GET", &fixture.run, "").await;
    assert_eq!(
        run["statistics"],
        json!({"rows": 1, "files": 2, "@odata.type": run["statistics"]["@odata.type"]})
    );
    fixture.server.process.assert_no_panic();
}

/// Statistics of about a MiB that consist of this, again and again, in an array.
fn repeated_value(value: &str) -> String {
    let values = format!("{value},").repeat(MIB * 98 / 100 / (value.len() + 1));
    let values = values.trim_end_matches(',');
    format!(r#"{{"statistics":{{"a":[{values}]}}}}"#)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bodies_of_many_small_objects_are_parsed_within_bounded_memory() {
    let _exclusive = exclusive().await;
    let fixture = Fixture::start(&limit_for_batches()).await;
    let body = repeated_value(r#"{"":0}"#);
    let (status, error) = fixture.send("PATCH", &fixture.run, &body).await;
    assert!(REJECTIONS.contains(&status), "{status} {error}");
    let attack = |fixture: &Fixture| {
        let request = request("PATCH", &fixture.run, &fixture.writer, &body);
        repeated(fixture, 8 * crate::scale(), request, &[])
    };
    let measured = fixture.under("1 MiB of small objects", attack).await;
    measured.assert_harmless();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deeply_nested_bodies_are_rejected_within_bounded_memory() {
    let _exclusive = exclusive().await;
    let fixture = Fixture::start(&limit_for_batches()).await;
    let half = MIB * 49 / 100;
    let nested = format!("{}{}", "[".repeat(half), "]".repeat(half));
    let body = format!(r#"{{"statistics":{{"a":{nested}}}}}"#);
    let (status, error) = fixture.send("PATCH", &fixture.run, &body).await;
    assert!(REJECTIONS.contains(&status), "{status} {error}");
    let attack = |fixture: &Fixture| {
        let request = request("PATCH", &fixture.run, &fixture.writer, &body);
        repeated(fixture, 16 * crate::scale(), request, &[])
    };
    let measured = fixture.under("500,000 levels", attack).await;
    measured.assert_harmless();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_of_bodies_of_small_objects_is_parsed_within_bounded_memory() {
    let _exclusive = exclusive().await;
    let fixture = Fixture::start(&limit_for_batches()).await;
    let body = repeated_value(r#"{"":0}"#);
    let items = (0..large_items()).map(|id| {
        let url = &fixture.run;
        format!(r#"{{"id":"{id}","method":"PATCH","url":"{url}","body":{body}}}"#)
    });
    let items = items.collect::<Vec<_>>().join(",");
    let body = format!(r#"{{"requests":[{items}]}}"#);
    let attack = |fixture: &Fixture| {
        let request = request("POST", "/$batch", &fixture.writer, &body);
        repeated(fixture, 2 * crate::scale(), request, &[200])
    };
    let measured = fixture.under("batches of 1 MiB of small objects", attack).await;
    measured.assert_harmless();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bodies_in_chunks_of_one_byte_are_read_within_bounded_memory() {
    const CHUNKS: usize = 32 * KIB;
    let _exclusive = exclusive().await;
    let fixture = Fixture::start(&[]).await;
    let attack = |fixture: &Fixture| {
        let headers = "Connection: close\r\nTransfer-Encoding: chunked\r\n";
        let mut request = request_head("PATCH", &fixture.run, &fixture.writer, headers);
        // White space before an object belongs to the JSON.
        request.push_str(&"1\r\n \r\n".repeat(CHUNKS * crate::scale()));
        request.push_str("2\r\n{}\r\n0\r\n\r\n");
        repeated(fixture, 4, request.into_bytes(), &[200])
    };
    let measured = fixture.under("chunks of one byte", attack).await;
    measured.assert_harmless();
}
