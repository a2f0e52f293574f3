//! Batches of requests.

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::app::{AUDIENCE, App, ISSUER, TestResponse};

const FLOWS: &str = "/industryData/incomingFlows";

pub(crate) const BATCH: &str = "/$batch";

pub(crate) async fn send(app: &App, requests: Value) -> TestResponse {
    app.post(BATCH, json!({"requests": requests})).await
}

/// The responses of a batch that was accepted.
pub(crate) async fn batch_responses(app: &App, requests: Value) -> Vec<Value> {
    responses_of(&send(app, requests).await)
}

pub(crate) fn responses_of(batch: &TestResponse) -> Vec<Value> {
    assert_eq!(batch.status, StatusCode::OK, "{}", batch.body);
    batch.json["responses"].as_array().unwrap().clone()
}

pub(crate) fn statuses(responses: &[Value]) -> Vec<(&str, u64)> {
    let status = |response: &Value| response["status"].as_u64().unwrap();
    let pairs =
        responses.iter().map(|response| (response["id"].as_str().unwrap(), status(response)));
    pairs.collect()
}

pub(crate) fn code(response: &Value) -> &str {
    response["body"]["error"]["innerError"]["code"].as_str().unwrap_or_default()
}

#[tokio::test]
async fn an_item_names_the_version_in_any_spelling() {
    let app = App::start().await;
    let get = |(id, url): (usize, &&str)| json!({"id": id, "method": "GET", "url": url});
    for batch in ["/beta/$batch", "/BETA/$Batch", "/$batch"] {
        let urls = [
            "/BETA/industryData/incomingFlows",
            "BETA/industryData/incomingFlows",
            "/Beta/industryData/incomingFlows",
            "/%62eta/industryData/incomingFlows",
            "/beta",
            "/beta?$format=json",
        ];
        let requests: Vec<Value> = urls.iter().enumerate().map(get).collect();
        let response = app.post(batch, json!({"requests": requests})).await;
        for (url, response) in urls.iter().zip(responses_of(&response)) {
            assert_eq!(response["status"], 200, "{batch} {url}: {response}");
        }
        let nested = ["/$BATCH", "/$batch/", "/%24Batch", "/BETA/%24batch/"];
        let requests: Vec<Value> = nested.iter().enumerate().map(get).collect();
        let response = app.post(batch, json!({"requests": requests})).await;
        for (url, response) in nested.iter().zip(responses_of(&response)) {
            assert_eq!(code(&response), "nestedBatch", "{batch} {url}: {response}");
        }
    }
}

#[tokio::test]
async fn each_request_has_the_response_that_it_has_outside_a_batch() {
    let app = App::start().await;
    let run = app.run(json!({"displayName": "R"})).await;
    let patched = r#"{"statistics":{"big":18446744073709551615,"text":"\u00e9"}}"#;
    let requests = format!(
        r#"{{"requests":[
            {{"id":"1","method":"patch","url":"{url}","body":{patched}}},
            {{"id":"2","method":"GET","url":"{url}","dependsOn":["1"],"headers":{{"client-request-id":"mine"}}}},
            {{"id":"3","method":"PATCH","url":"{url}","headers":{{"Prefer":"return=minimal"}},"body":{{}},"depends_on":["1"]}},
            {{"id":"4","method":"GET","url":"/livez"}},
            {{"id":"5","method":"POST","url":"{FLOWS}","headers":{{"Content-Type":"text/plain"}},"body":{{}}}}
        ]}}"#,
        url = run.url
    );
    let response =
        app.send(Method::POST, "/$batch", &[("client-request-id", "all")], &requests).await;
    assert_eq!(response.status, StatusCode::OK, "{}", response.body);
    let responses = response.json["responses"].as_array().unwrap();
    assert_eq!(statuses(responses), [("1", 200), ("2", 200), ("3", 204), ("4", 200), ("5", 415)]);
    let single = app.get(&run.url).await;
    for index in [0, 1] {
        assert_eq!(responses[index]["body"], single.json);
        assert_eq!(responses[index]["headers"]["ETag"], single.header("etag"));
        assert_eq!(responses[index]["headers"]["Content-Type"], single.header("content-type"));
    }
    assert_eq!(single.json["statistics"]["big"], json!(u64::MAX));
    assert!(responses[2].get("body").is_none());
    assert_eq!(responses[2]["headers"]["Preference-Applied"], "return=minimal");
    assert_eq!(responses[3]["body"], "ok\n");
    let mut request_ids: Vec<_> =
        responses.iter().map(|response| response["headers"]["request-id"].as_str()).collect();
    request_ids.push(Some(response.header("request-id")));
    request_ids.sort_unstable();
    request_ids.dedup();
    assert_eq!(request_ids.len(), 6);
    assert_eq!(responses[0]["headers"]["client-request-id"], "all");
    assert_eq!(responses[1]["headers"]["client-request-id"], "mine");
}

#[tokio::test]
async fn a_request_waits_for_those_it_depends_on_and_is_424_when_one_failed() {
    let app = App::start().await;
    let run = app.run(json!({"displayName": "R"})).await;
    let url = run.url.as_str();
    let responses = batch_responses(
        &app,
        json!([
            {"id": "end", "method": "PATCH", "url": url, "body": {"status": "completed"}},
            {"id": "again", "method": "PATCH", "url": url, "body": {"status": "failed"}, "dependsOn": ["END"]},
            {"id": "later", "method": "PATCH", "url": url, "body": {"displayName": "no"}, "dependsOn": ["end", "again"]},
            {"id": "last", "method": "DELETE", "url": url, "dependsOn": ["later"]},
            {"id": "other", "method": "GET", "url": url, "dependsOn": ["end"]},
        ]),
    )
    .await;
    assert_eq!(
        statuses(&responses),
        [("end", 200), ("again", 409), ("later", 424), ("last", 424), ("other", 200)]
    );
    assert_eq!(responses[2]["body"]["error"]["code"], "failedDependency");
    assert_eq!(code(&responses[3]), "dependencyFailed");
    assert_eq!(app.get(url).await.json, responses[4]["body"]);
}

#[tokio::test]
async fn urls_are_relative_to_the_root_of_the_batch_or_absolute_on_this_server() {
    let app = App::start().await;
    let flow = app.flow().await;
    let flow_url = format!("{FLOWS}/{flow}");
    let requests = json!({"requests": [
        {"id": "a", "method": "GET", "url": flow_url},
        {"id": "b", "method": "GET", "url": format!("industryData/incomingFlows('{flow}')")},
        {"id": "c", "method": "GET", "url": format!("http://flows.example{flow_url}")},
        {"id": "d", "method": "GET", "url": format!("http://other.example{flow_url}")},
        {"id": "e", "method": "POST", "url": "/$batch", "body": {"requests": []}},
        {"id": "f", "method": "GET", "url": "/nothing"},
        {"id": "g", "method": "GET", "url": "/$metadata"},
    ]});
    let headers = [("host", "flows.example")];
    let response = app.send(Method::POST, "/beta/$batch", &headers, &requests.to_string()).await;
    let responses = response.json["responses"].as_array().unwrap().clone();
    let expected =
        [("a", 200), ("b", 200), ("c", 200), ("d", 400), ("e", 400), ("f", 404), ("g", 200)];
    assert_eq!(statuses(&responses), expected);
    assert_eq!((code(&responses[3]), code(&responses[4])), ("invalidUrl", "nestedBatch"));
    let contexts =
        [0, 1, 2].map(|index| responses[index]["body"]["@odata.context"].as_str().unwrap());
    let beta = "http://flows.example/beta/$metadata#industryData/incomingFlows/$entity";
    let root = "http://flows.example/$metadata#industryData/incomingFlows/$entity";
    assert_eq!(contexts, [beta, beta, root]);
}

#[tokio::test]
async fn a_batch_with_invalid_dependencies_is_rejected_as_a_whole() {
    let app = App::start().await;
    let item =
        |id: &str| json!({"id": id, "method": "POST", "url": FLOWS, "body": {"displayName": "F"}});
    let with = |name: &str, value: Value| {
        let mut item = item("b");
        item[name] = value;
        item
    };
    let many: Vec<Value> = (0..21).map(|number| item(&number.to_string())).collect();
    for (requests, code, target) in [
        (json!(many), "tooManyRequests", "requests"),
        (json!([item("a"), item("A")]), "invalidRequestId", "requests/1/id"),
        (json!([item("")]), "invalidRequestId", "requests/0/id"),
        (
            json!([with("dependsOn", json!(["a"])), item("a")]),
            "invalidDependency",
            "requests/0/dependsOn",
        ),
        (json!([with("depends_on", json!(["b"]))]), "invalidDependency", "requests/0/dependsOn"),
        (
            json!([with("atomicityGroup", json!("g"))]),
            "atomicityGroupNotSupported",
            "requests/0/atomicityGroup",
        ),
        (json!({}), "malformedBatch", ""),
    ] {
        let response = send(&app, requests).await;
        let sent_target = response.json["error"]["target"].as_str().unwrap_or_default();
        assert_eq!(
            (response.status, response.code(), sent_target),
            (StatusCode::BAD_REQUEST, code, target),
            "{}",
            response.body
        );
    }
    let flows = app.get(FLOWS).await;
    assert_eq!(flows.json["value"], json!([]));
    assert_eq!(batch_responses(&app, json!(many[..20])).await.len(), 20);
}

#[tokio::test]
async fn an_invalid_request_fails_without_affecting_the_others() {
    let app = App::start().await;
    let responses = batch_responses(
        &app,
        json!([
            {"id": "1", "method": "G T", "url": FLOWS},
            {"id": "2", "method": "GET", "url": FLOWS, "headers": {"a b": "c"}},
            {"id": "3", "method": "PUT", "url": FLOWS},
            {"id": "4", "method": "POST", "url": FLOWS, "body": "text"},
            {"id": "5", "method": "GET", "url": FLOWS, "headers": {"Content-Length": "99", "Host": "evil"}},
        ]),
    )
    .await;
    assert_eq!(statuses(&responses), [("1", 400), ("2", 400), ("3", 405), ("4", 400), ("5", 200)]);
    assert_eq!(code(&responses[0]), "invalidMethod");
    assert_eq!(code(&responses[1]), "invalidHeader");
    assert_eq!(responses[2]["headers"]["Allow"], "GET,HEAD,POST");
    let context = responses[4]["body"]["@odata.context"].as_str().unwrap();
    assert!(!context.contains("evil"), "{context}");
}

#[tokio::test]
async fn a_request_has_the_token_of_its_batch_or_its_own() {
    let app = App::start().await;
    let token = |role: &str, tenant: &str| {
        let claims = json!({"iss": ISSUER, "aud": AUDIENCE, "tid": tenant, "sub": "t", "exp": 4_102_444_800_u64, "roles": [role]});
        format!("Bearer {}", app.token(&claims))
    };
    let read = token("IndustryData-Run.Read.All", &app.tenant);
    let other_tenant = token("IndustryData-Run.Read.All", "7d0f0f3e-2f4c-4f0e-8a55-0d9a3f6c1b11");
    let flow = format!("{FLOWS}/{}", app.flow().await);
    let requests = json!({"requests": [
        {"id": "1", "method": "GET", "url": flow},
        {"id": "2", "method": "DELETE", "url": flow},
        {"id": "3", "method": "GET", "url": flow, "headers": {"authorization": other_tenant}},
        {"id": "4", "method": "GET", "url": flow, "headers": {"Authorization": "Bearer x"}},
    ]})
    .to_string();
    let response = app.send(Method::POST, "/$batch", &[("authorization", &read)], &requests).await;
    assert_eq!(
        statuses(response.json["responses"].as_array().unwrap()),
        [("1", 200), ("2", 403), ("3", 404), ("4", 401)]
    );
    let response = app.send(Method::POST, "/$batch", &[("authorization", "")], &requests).await;
    assert_eq!(response.status, StatusCode::UNAUTHORIZED);
}
