//! The body of a batch: its members, their limits and their errors.

use std::{
    fmt::Write as _,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use axum::http::{Method, StatusCode};
use flowruns_domain::{
    clock::{Ids, TimeOrderedIds},
    timestamp::Timestamp,
};
use serde_json::{Value, json};

use crate::{
    app::{App, TestResponse},
    batch::{BATCH, batch_responses, code, responses_of, send, statuses},
};

const FLOWS: &str = "/industryData/incomingFlows";

async fn send_text(app: &App, body: &str) -> TestResponse {
    app.send(Method::POST, BATCH, &[], body).await
}

fn rejection(response: &TestResponse) -> (u16, String, String) {
    let target = response.json["error"]["target"].as_str().unwrap_or_default();
    let code = response.code().to_owned();
    (response.status.as_u16(), code, target.to_owned())
}

fn rejected(code: &str, target: &str) -> (u16, String, String) {
    (400, code.to_owned(), target.to_owned())
}

#[tokio::test]
async fn names_of_members_are_compared_without_case_and_ids_may_be_numbers() {
    let app = App::start().await;
    let body = format!(
        r#"{{"Requests":[
            {{"Id":1,"Method":"POST","Url":"{FLOWS}","Headers":{{"Prefer":"return=minimal"}},"Body":{{"displayName":"F"}}}},
            {{"ID":"2","METHOD":"GET","URL":"{FLOWS}","DependsOn":[1]}},
            {{"id":-3,"method":"GET","url":"{FLOWS}","DEPENDS_ON":["1",2]}},
            {{"id":"four","method":"GET","url":"{FLOWS}","dependsOn":"1","headers":null,"body":null}},
            {{"id":"5","method":"GET","url":"{FLOWS}","dependsOn":null,"comment":{{"a":[1]}},"atomicityGroup":null}}
        ],"more":[1,{{}}]}}"#
    );
    let responses = responses_of(&send_text(&app, &body).await);
    assert_eq!(
        statuses(&responses),
        [("1", 204), ("2", 200), ("-3", 200), ("four", 200), ("5", 200)]
    );
}

#[tokio::test]
async fn a_batch_with_a_byte_order_mark_is_read() {
    let app = App::start().await;
    let response = send_text(&app, "\u{feff} {\"requests\":[]}").await;
    assert_eq!(responses_of(&response), Vec::<Value>::new());
}

#[tokio::test]
async fn a_batch_with_invalid_members_is_rejected_as_a_whole() {
    let app = App::start().await;
    let item = |more: &str| {
        format!(r#"{{"requests":[{{"id":"a","method":"GET","url":"{FLOWS}"{more}}}]}}"#)
    };
    for (body, code, target) in [
        (item(r#","ID":"b""#), "malformedBatch", "requests/0/id"),
        (item(r#","url":"/""#), "malformedBatch", "requests/0/url"),
        (item(r#","dependsOn":[],"depends_on":[]"#), "malformedBatch", "requests/0/dependsOn"),
        (item(r#","dependsOn":[true]"#), "invalidDependency", "requests/0/dependsOn"),
        (r#"{"requests":[{"id":true}]}"#.to_owned(), "invalidRequestId", "requests/0/id"),
        (r#"{"requests":[{"method":"GET"}]}"#.to_owned(), "invalidRequestId", "requests/0/id"),
        (
            format!(r#"{{"requests":[{{"id":"{}"}}]}}"#, "x".repeat(257)),
            "invalidRequestId",
            "requests/0/id",
        ),
        (r#"{"requests":[],"Requests":[]}"#.to_owned(), "malformedBatch", ""),
        (r#"{"requests":["a"]}"#.to_owned(), "malformedBatch", ""),
        (r#"{"requests":"a"}"#.to_owned(), "malformedBatch", ""),
        (r#"{"requests":[]} x"#.to_owned(), "malformedBatch", ""),
        ("[]".to_owned(), "malformedBatch", ""),
        (String::new(), "malformedBatch", ""),
    ] {
        let response = send_text(&app, &body).await;
        assert_eq!(rejection(&response), rejected(code, target), "{body}");
    }
}

#[tokio::test]
async fn a_batch_that_is_no_json_has_the_messages_of_a_single_request() {
    let app = App::start().await;
    let url = app.run(json!({"displayName": "R"})).await.url;
    let batch = |body: &str| {
        format!(r#"{{"requests":[{{"id":"a","method":"PATCH","url":"{url}","body":{body}}}]}}"#)
    };
    let with_name = |name: &str| batch(&format!(r#"{{"displayName":"{name}"}}"#));
    let utf16 = |text: &str, to_bytes: fn(u16) -> [u8; 2]| -> Vec<u8> {
        text.encode_utf16().flat_map(to_bytes).collect()
    };
    let with_bom = format!("\u{feff}{}", with_name("R"));
    let latin1 = with_name("\u{e9}").chars().map(|c| c as u8).collect();
    for (body, instead) in [
        (
            batch(r#"{"statistics":{"a":NaN}}"#).into_bytes(),
            "NaN and Infinity are not JSON; send null",
        ),
        (
            batch("{\"statistics\":{\"a\":\n-Infinity}}").into_bytes(),
            "NaN and Infinity are not JSON; send null",
        ),
        (latin1, "it may be Latin-1 or Windows-1252); send it as UTF-8"),
        (utf16(&with_name("R"), u16::to_le_bytes), "UTF-16"),
        (utf16(&with_name("R"), u16::to_be_bytes), "UTF-16"),
        (utf16(&with_bom, u16::to_le_bytes), "UTF-16"),
        (utf16(&with_bom, u16::to_be_bytes), "UTF-16"),
    ] {
        let response = app.send_bytes(Method::POST, BATCH, body).await;
        assert_eq!(rejection(&response), rejected("malformedBatch", ""));
        let message = response.json["error"]["message"].as_str().unwrap();
        assert!(message.contains(instead), "{instead}: {message}");
        assert!(message.contains("line "), "{message}");
    }
}

#[tokio::test]
async fn an_empty_id_and_a_repeated_one_have_messages_of_their_own() {
    let app = App::start().await;
    for (ids, instead) in [
        (["", "b"], "the id is empty"),
        (["A", "a"], "an earlier request of this batch has the id"),
    ] {
        let requests = ids.map(|id| json!({"id": id, "method": "GET", "url": FLOWS}));
        let response = send(&app, json!(requests)).await;
        assert_eq!(response.code(), "invalidRequestId");
        let message = response.json["error"]["message"].as_str().unwrap();
        assert!(message.starts_with(instead), "{message}");
    }
}

#[tokio::test]
async fn a_repeated_dependency_is_rejected_at_its_second_occurrence() {
    let app = App::start().await;
    let mut body = format!(
        r#"{{"requests":[{{"id":"a","method":"GET","url":"{FLOWS}"}},{{"id":"b","dependsOn":["A""#
    );
    body.push_str(&",\"a\"".repeat(1_000_000));
    body.push_str("]}]}");
    let response = send_text(&app, &body).await;
    let expected = rejected("invalidDependency", "requests/1/dependsOn");
    assert_eq!(rejection(&response), expected);
    // The server does not read the rest of the list.
    let unread = r#"{"requests":[{"id":"a"},{"id":"b","dependsOn":["a","a" here it is no JSON"#;
    assert_eq!(rejection(&send_text(&app, unread).await), expected);
}

#[tokio::test]
async fn requests_after_the_first_one_over_the_limit_are_not_read() {
    let app = App::start().await;
    let mut body = r#"{"requests":["#.to_owned();
    for number in 0..21 {
        write!(body, r#"{{"id":{number}}},"#).unwrap();
    }
    body.push_str("here it is no JSON");
    let response = send_text(&app, &body).await;
    assert_eq!(rejection(&response), rejected("tooManyRequests", "requests"));
}

#[tokio::test]
async fn a_request_in_a_batch_has_the_header_limits_of_a_single_request() {
    let app = App::start_with(|options| {
        options.head_limits.headers = 50;
        options.head_limits.header_bytes = 10_000;
        options.head_limits.uri_bytes = 1000;
    })
    .await;
    let flow = app.flow().await;
    let url = format!("{FLOWS}/{flow}");
    let headers = |count: usize, length: usize| {
        let pairs = (0..count).map(|n| (format!("x-{n}"), json!("v".repeat(length))));
        Value::Object(pairs.collect())
    };
    let write = |id: &str, headers: Value| {
        json!({"id": id, "method": "POST", "url": FLOWS, "headers": headers,
            "body": {"displayName": "F"}})
    };
    let get = |id: &str, url: String| json!({"id": id, "method": "GET", "url": url});
    let responses = batch_responses(
        &app,
        json!([
            write("most", headers(50, 1)),
            write("one more", headers(51, 1)),
            write("very many", headers(24_576, 1)),
            write("too long", headers(10, 1000)),
            write("one too long", json!({"x": "v".repeat(20_000)})),
            get("long URL", format!("{url}?{}", "x".repeat(1000))),
            get("very long URL", format!("{url}?{}", "x".repeat(200_000))),
            get("encoded", format!("{url}?{}", "\u{e9}".repeat(300))),
            get("in time", url.clone()),
        ]),
    )
    .await;
    assert_eq!(
        statuses(&responses),
        [
            ("most", 201),
            ("one more", 431),
            ("very many", 431),
            ("too long", 431),
            ("one too long", 431),
            ("long URL", 414),
            ("very long URL", 414),
            ("encoded", 414),
            ("in time", 200)
        ]
    );
    assert_eq!(code(&responses[1]), "headersTooLarge");
    assert_eq!(code(&responses[5]), "uriTooLong");
    let flows = app.get(FLOWS).await;
    assert_eq!(flows.json["value"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn an_unreadable_member_fails_only_its_own_request() {
    let app = App::start().await;
    let item = |id: &str, name: &str, value: Value| {
        let mut item = json!({"id": id, "method": "GET", "url": FLOWS});
        item[name] = value;
        item
    };
    let long = "x".repeat(100_000);
    let responses = batch_responses(
        &app,
        json!([
            item("a", "method", json!(7)),
            item("b", "method", json!(long)),
            item("c", "url", json!(["/"])),
            item("d", "url", Value::Null),
            item("e", "headers", json!(["a"])),
            item("f", "headers", json!("a")),
            item("g", "headers", json!({"Prefer": ["a"]})),
            item("h", "headers", json!({"Prefer": "a", "prefer": "b"})),
            item("i", "headers", json!({"x": 7, "y": true, "If-Match": null})),
            {"id": "j"},
            item("k", "headers", json!({long.clone(): "x"})),
        ]),
    )
    .await;
    let expected = ["a", "b", "c", "d", "e", "f", "g", "h"].map(|id| (id, 400));
    assert_eq!(statuses(&responses)[..8], expected);
    assert_eq!(statuses(&responses)[8..], [("i", 200), ("j", 400), ("k", 431)]);
    let codes: Vec<&str> = responses.iter().map(code).collect();
    assert_eq!(codes[..2], ["invalidMethod"; 2]);
    assert_eq!(codes[2..4], ["invalidUrl"; 2]);
    assert_eq!(codes[4..8], ["invalidHeader"; 4]);
    assert!(responses.iter().all(|response| response.to_string().len() < 2000));
}

/// Panics at one of the ids that are requested.
struct PanicsAt(usize, AtomicUsize);

impl Ids for PanicsAt {
    fn next(&self, now: Timestamp) -> uuid::Uuid {
        let number = self.1.fetch_add(1, Ordering::Relaxed);
        assert_ne!(number, self.0, "secret of the inside");
        TimeOrderedIds.next(now)
    }
}

#[tokio::test]
async fn a_panic_before_the_route_fails_one_request() {
    // The ids of the batch, of the first request and its flow, and of the second.
    let ids = PanicsAt(3, AtomicUsize::new(0));
    let app = App::start_with(|options| options.environment.ids = Arc::new(ids)).await;
    let create = |id: &str, before: Value| json!({"id": id, "method": "POST", "url": FLOWS, "body": {"displayName": "F"}, "dependsOn": before});
    let requests = json!([create("a", json!([])), create("b", json!(["a"]))]);
    let response = send(&app, requests).await;
    assert_eq!(response.status, StatusCode::OK);
    let responses = responses_of(&response);
    assert_eq!(statuses(&responses), [("a", 201), ("b", 500)]);
    assert!(!response.body.contains("secret"));
}

#[tokio::test]
async fn requests_of_the_wrong_json_type_have_their_own_error() {
    let app = App::start().await;
    let response = send_text(&app, r#"{"requests":"a"}"#).await;
    assert_eq!(rejection(&response), rejected("malformedBatch", ""));
    let message = response.json["error"]["message"].as_str().unwrap();
    assert!(!message.contains("the body is a number"), "{message}");
    assert!(message.contains("line 1 column 15"), "{message}");
}
