//! Messages that tell a caller what to do next.

use axum::{
    body::Body,
    http::{Method, StatusCode},
};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::app::{AUDIENCE, App, ISSUER, TestResponse, read};

const FLOWS: &str = "/industryData/incomingFlows";
const ABSENT: &str = "0197f3a0-5c1e-7c3a-9d53-2f3a1b6c7d8e";

fn message(response: &TestResponse) -> &str {
    response.json["error"]["message"].as_str().unwrap()
}

fn target(response: &TestResponse) -> &str {
    response.json["error"]["target"].as_str().unwrap()
}

#[track_caller]
fn assert_says(response: &TestResponse, status: u16, words: &str) {
    assert_eq!(response.status, status, "{}", response.body);
    assert!(message(response).contains(words), "{}", message(response));
}

#[tokio::test]
async fn a_406_names_the_media_type_of_the_response() {
    let app = App::start().await;
    let flow = format!("{FLOWS}/{}", app.flow().await);
    for (url, media_type) in [
        (format!("{flow}/runs/$count"), "text/plain"),
        (format!("{FLOWS}/$count"), "text/plain"),
        ("/industryData/runs/$count".to_owned(), "text/plain"),
        (format!("{flow}/runs"), "application/json"),
        (flow, "application/json"),
    ] {
        let accept = [("accept", "image/png")];
        let response = app.send_bare(Method::GET, &url, &accept, "").await;
        assert_says(&response, 406, &format!("send Accept: {media_type},"));
        let accept = [("accept", media_type)];
        let response = app.send_bare(Method::GET, &url, &accept, "").await;
        assert_eq!(response.status, StatusCode::OK, "{url}");
    }
}

#[tokio::test]
async fn an_end_before_the_start_names_the_property_to_change() {
    let app = App::start().await;
    let ended =
        json!({"displayName": "R", "status": "failed", "endDateTime": "2026-01-02T00:00:00Z"});
    let list = format!("{FLOWS}/{}/runs", app.flow().await);
    let response = app.post(&list, ended.clone()).await;
    assert_says(&response, 400, "send startDateTime too");
    assert_eq!(target(&response), "endDateTime");

    let mut with_start = ended;
    with_start["startDateTime"] = json!("2026-01-01T00:00:00Z");
    let run = app.run(with_start).await;
    let start = json!({"startDateTime": "2026-01-03T00:00:00Z"});
    let response = app.patch(&run.url, start).await;
    assert_says(&response, 400, "send a start that is not later");
    assert_eq!(target(&response), "startDateTime");
    let end = json!({"endDateTime": "2025-01-03T00:00:00Z"});
    let response = app.patch(&run.url, end).await;
    assert_says(&response, 400, "send an end that is not earlier");
    assert_eq!(target(&response), "endDateTime");
}

#[tokio::test]
async fn a_recurrence_that_ends_before_it_begins_names_the_property_to_change() {
    let app = App::start().await;
    let past = json!({"displayName": "F", "recurrenceExpirationDateTime": "2026-01-02T00:00:00Z"});
    let response = app.post(FLOWS, past.clone()).await;
    assert_says(&response, 400, "send recurrenceEffectiveDateTime too");
    assert_eq!(target(&response), "recurrenceExpirationDateTime");

    let mut whole = past;
    whole["recurrenceEffectiveDateTime"] = json!("2026-01-01T00:00:00Z");
    let created = app.post(FLOWS, whole).await;
    let url = format!("{FLOWS}/{}", created.json["id"].as_str().unwrap());
    let effective = json!({"recurrenceEffectiveDateTime": "2026-01-03T00:00:00Z"});
    let response = app.patch(&url, effective).await;
    assert_says(&response, 400, "send an earlier beginning");
    assert_eq!(target(&response), "recurrenceEffectiveDateTime");
    let expiration = json!({"recurrenceExpirationDateTime": "2025-01-03T00:00:00Z"});
    let response = app.patch(&url, expiration).await;
    assert_says(&response, 400, "send a later expiration");
    assert_eq!(target(&response), "recurrenceExpirationDateTime");
}

#[tokio::test]
async fn a_null_is_rejected_with_an_alternative() {
    let app = App::start().await;
    let run = app.run(json!({"displayName": "R"})).await;
    let flow = format!("{FLOWS}/{}", run.flow);
    let runs = run.list_url();
    let (value, default) = ("null; send a value", "null; leave it out for its default");
    for (url, property, words) in [
        (runs.as_str(), "displayName", value),
        (&runs, "status", default),
        (&runs, "startDateTime", default),
        (&runs, "statistics", default),
        (FLOWS, "displayName", value),
        (FLOWS, "readinessStatus", default),
        (FLOWS, "recurrenceEffectiveDateTime", default),
    ] {
        let mut body = json!({"displayName": "R"});
        body[property] = json!(null);
        let response = app.post(url, body).await;
        assert_says(&response, 400, &format!("{property} cannot be {words}"));
    }
    for url in [&run.url, &flow] {
        let response = app.patch(url, json!({"displayName": null})).await;
        assert_says(&response, 400, "null; leave it out to keep its value");
    }
}

#[tokio::test]
async fn a_405_names_what_the_route_allows() {
    let app = App::start().await;
    let run = app.run(json!({"displayName": "R"})).await;
    let flow = format!("{FLOWS}/{}", run.flow);
    let through = format!("{}/process/runs/{}", run.url, run.id);
    let list = run.list_url();
    let batch = "a client that cannot send PATCH sends it with POST /$batch";
    for (method, url, words) in [
        ("patch", list.as_str(), "PATCH is not possible here; send one of GET, HEAD, POST"),
        ("patch", &run.url, "send PATCH instead of patch"),
        ("post", &list, "send POST instead of post"),
        ("post", &run.url, "POST is not possible here; send one of"),
        ("PUT", &list, "PUT is not possible here; send one of GET, HEAD, POST"),
        ("POST", &run.url, batch),
        ("POST", &through, batch),
        ("POST", &flow, batch),
    ] {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let response = app.send(method.clone(), url, &[], "{}").await;
        assert_says(&response, 405, words);
        let overriding = [("x-http-method-override", "PATCH")];
        let same = app.send(method, url, &overriding, "{}").await;
        assert_eq!(message(&same), message(&response));
    }
}

#[tokio::test]
async fn the_description_documents_batches_for_clients_without_patch() {
    let app = App::start().await;
    let document = app.get("/openapi.json").await;
    let description = document.json["info"]["description"].as_str().unwrap();
    let words = "A client that cannot send PATCH sends it with `POST /$batch`";
    assert!(description.contains(words), "{description}");
}

#[tokio::test]
async fn a_404_says_what_to_check_and_how_to_find_what_exists() {
    let app = App::start().await;
    let flow = format!("{FLOWS}/{ABSENT}");
    let run = format!("{FLOWS}/{}/runs/{ABSENT}", app.flow().await);
    for (url, words) in [
        (&flow, "list its flows with GET /industryData/incomingFlows"),
        (&run, "list the runs with GET /industryData/incomingFlows/{id}/runs"),
    ] {
        let response = app.get(url).await;
        assert_says(&response, 404, words);
        assert_says(&response, 404, "tenant of the token");
    }
}

#[tokio::test]
async fn a_401_says_what_is_wrong_with_the_token() {
    let app = App::start().await;
    let good =
        || json!({"iss": ISSUER, "aud": AUDIENCE, "tid": app.tenant, "exp": 4_102_444_800_u64});
    let with = |name: &str, value: serde_json::Value| {
        let mut claims = good();
        claims[name] = value;
        app.token(&claims)
    };
    let mut wrongly_signed = app.token(&good());
    let signature = wrongly_signed.rfind('.').unwrap() + 1;
    let replacement = if wrongly_signed[signature..].starts_with('A') { "B" } else { "A" };
    wrongly_signed.replace_range(signature..=signature, replacement);
    for (token, words) in [
        ("abc".to_owned(), "no JSON Web Token"),
        (with("exp", json!(null)), "no JSON Web Token"),
        (app.token_with_kid(&good(), None), "no JSON Web Token"),
        (app.token_with_kid(&good(), Some("x")), "not signed with a known key"),
        (wrongly_signed, "not signed with a known key"),
        (with("iss", json!("other")), "tokens of this issuer"),
        (with("aud", json!("other")), "another audience; get one for this API"),
        (with("nbf", json!(4_000_000_000_u64)), "wait until the time in its claim nbf"),
        (with("exp", json!(1)), "expired; get a new one"),
        (with("tid", json!("x")), "no claim tid"),
    ] {
        let bearer = format!("Bearer {token}");
        let headers = [("authorization", bearer.as_str())];
        let response = app.send_bare(Method::GET, FLOWS, &headers, "").await;
        assert_says(&response, 401, words);
        assert_eq!(response.code(), "invalidAuthenticationToken");
    }
    let headers = [("authorization", "")];
    let response = read(app.begin(Method::GET, FLOWS, &headers, Body::empty()).await).await;
    assert_says(&response, 401, "a token of the issuer that this server is configured for");
}

#[tokio::test]
async fn a_malformed_chunk_and_an_incomplete_body_have_different_messages() {
    let app = App::start().await;
    let run = app.run(json!({"displayName": "R"})).await;
    let server = app.serve().await;
    let address = server.strip_prefix("http://").unwrap();
    for (chunks, words) in [
        ("2\r\n{}X0\r\n\r\n", "the chunks of the body are malformed; send each"),
        ("z\r\n{}\r\n0\r\n\r\n", "the chunks of the body are malformed; send each"),
        ("9\r\n{}", "the body ended early; send it again"),
    ] {
        let mut connection = TcpStream::connect(address).await.unwrap();
        let head = format!(
            "PATCH {} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\n\
             Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n{chunks}",
            run.url,
            app.bearer_token()
        );
        connection.write_all(head.as_bytes()).await.unwrap();
        connection.shutdown().await.unwrap();
        let mut response = Vec::new();
        connection.read_to_end(&mut response).await.unwrap();
        let response = String::from_utf8_lossy(&response);
        assert!(response.starts_with("HTTP/1.1 400"), "{chunks:?}: {response}");
        assert!(response.contains(words), "{chunks:?}: {response}");
    }
}
