//! What the log contains about a request.

use std::time::Duration;

use flowruns_testing::harness::data_folder;
use serde_json::{Value, json};

use crate::{FLOWRUNS, server::start_with};

/// Requests whose log lines are longer than the pipe of the log.
const MANY: usize = 1000;
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

#[tokio::test]
async fn every_request_has_its_route_its_ids_and_its_trace_in_the_log() {
    let folder = data_folder();
    let settings = [("FLOWRUNS_LOG__FORMAT", "json"), ("RUST_LOG", "flowruns_http=debug")];
    let mut server = start_with(&folder, &settings);
    let http = reqwest::Client::new();
    let flow = "00000000-0000-0000-0000-000000000001";
    let run = format!("/industryData/incomingFlows/{flow}/runs/{flow}");
    let cases = [
        ("GET", "/livez", "/livez", 200),
        ("GET", "/readyz", "/readyz", 200),
        ("POST", "/livez", "/livez", 405),
        ("GET", "/beta/$metadata", "/$metadata", 200),
        ("GET", "/$metadata?$format=wrong", "/$metadata", 400),
        ("GET", "/beta/", "/", 200),
        ("GET", "/docs/nothing.js", "/docs", 404),
        ("GET", "/nothing", "unknown", 404),
        ("PUT", &run, "/industryData/incomingFlows/{flow}/runs/{run}", 405),
        ("GET", &run, "/industryData/incomingFlows/{flow}/runs/{run}", 404),
    ];
    let mut sent = Vec::new();
    for (number, (method, path, route, status)) in cases.into_iter().enumerate() {
        let client_request_id = format!("call-{number}");
        let request = http
            .request(method.parse().unwrap(), server.url(path))
            .bearer_auth(server.token())
            .header("client-request-id", &client_request_id)
            .header("traceparent", format!("00-{TRACE}-00f067aa0ba902b7-00"));
        let response = request.send().await.unwrap();
        let request_id = response.headers()["request-id"].to_str().unwrap().to_owned();
        assert_eq!(response.status(), status, "{path}");
        sent.push(json!({"method": method, "route": route, "status": status,
            "client_request_id": client_request_id, "request_id": request_id}));
    }
    server.stop();
    let log = server.log();
    let lines: Vec<Value> =
        log.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let of_a_request = |line: &&Value| line["fields"]["request_id"].is_string();
    let requests: Vec<_> = lines.iter().filter(of_a_request).collect();
    assert_eq!(requests.len(), sent.len(), "{log}");
    for (line, sent) in requests.into_iter().zip(&sent) {
        for (name, value) in sent.as_object().unwrap() {
            assert_eq!(&line["fields"][name], value, "{line}");
        }
        assert!(line["fields"]["micros"].is_u64(), "{line}");
        assert_eq!(line["span"]["trace_id"], TRACE, "{line}");
    }
}

#[tokio::test]
async fn a_log_that_is_not_read_delays_no_request() {
    let folder = data_folder();
    let server = FLOWRUNS.server().data_folder(folder.path());
    let server = server.env("RUST_LOG", "flowruns_http=debug").unread_log().start();
    let (http, url) = (reqwest::Client::new(), server.url("/livez"));
    for _ in 0..MANY {
        let request = http.get(&url).timeout(Duration::from_secs(30));
        assert_eq!(request.send().await.unwrap().status(), 200);
    }
}
