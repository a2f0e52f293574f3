//! Single entities: projection, the singleton, and HEAD.

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::app::{App, TestResponse, TestRun};

async fn found(app: &App, url: &str) -> TestResponse {
    let response = app.get(url).await;
    assert_eq!(response.status, StatusCode::OK, "{url}: {}", response.body);
    response
}

fn members(value: &Value) -> Vec<&str> {
    let members = value.as_object().unwrap().keys();
    members.map(String::as_str).collect()
}

async fn a_run(app: &App) -> TestRun {
    let body = json!({"displayName": "R", "statistics": {"rows": 18_446_744_073_709_551_615_u64, "share": 0.1}});
    app.run(body).await
}

#[tokio::test]
async fn a_run_shows_what_is_selected() {
    let app = App::start().await;
    let run = a_run(&app).await;
    let whole = found(&app, &run.url).await;
    let alias = format!("{}/process/runs/{}", run.url, run.id);
    for url in [&run.url, &alias] {
        let some = found(&app, &format!("{url}?$select=status,statistics")).await;
        let expected = ["@odata.context", "@odata.etag", "@odata.type", "statistics", "status"];
        assert_eq!(members(&some.json), expected);
        assert_eq!(some.json["statistics"], whole.json["statistics"]);
        assert_eq!(some.header("etag"), whole.header("etag"));
        let context = format!(
            "http://localhost/$metadata#industryData/incomingFlows('{}')/runs(status,statistics)/$entity",
            run.flow
        );
        assert_eq!(some.json["@odata.context"], json!(context));
    }
}

#[tokio::test]
async fn a_run_shows_its_process_when_it_is_expanded() {
    let app = App::start().await;
    let run = a_run(&app).await;
    let whole = found(&app, &run.url).await;
    let flow = found(&app, &format!("/industryData/incomingFlows/{}", run.flow)).await;
    let alias = format!("{}/process/runs/{}", run.url, run.id);
    for url in [&run.url, &alias] {
        let expanded = found(&app, &format!("{url}?expand=process&%24select=id")).await.json;
        let expected = ["@odata.context", "@odata.etag", "@odata.type", "id", "process"];
        assert_eq!(members(&expanded), expected);
        for name in members(&expanded["process"]) {
            assert_eq!(expanded["process"][name], flow.json[name], "{name}");
        }
        let mut all = found(&app, &format!("{url}?$select=*&$expand=process")).await.json;
        assert_eq!(all["process"]["id"], json!(run.flow));
        let all = all.as_object_mut().unwrap();
        all.retain(|name, _| name != "process" && name != "@odata.context");
        for (name, value) in all {
            assert_eq!(*value, whole.json[name.as_str()], "{name}");
        }
    }
}

#[tokio::test]
async fn a_flow_and_a_process_show_what_is_selected() {
    let app = App::start().await;
    let run = a_run(&app).await;
    let flow = format!("/industryData/incomingFlows/{}", run.flow);
    for url in [flow.clone(), format!("{}/process", run.url)] {
        let whole = found(&app, &url).await;
        let some = found(&app, &format!("{url}?$select=displayName")).await;
        let expected = ["@odata.context", "@odata.etag", "@odata.type", "displayName"];
        assert_eq!(members(&some.json), expected);
        assert_eq!(some.header("etag"), whole.header("etag"));
        let context = "http://localhost/$metadata#industryData/incomingFlows(displayName)/$entity";
        assert_eq!(some.json["@odata.context"], json!(context));
    }
}

#[tokio::test]
async fn other_options_of_an_entity_and_any_of_a_write_are_rejected() {
    let app = App::start().await;
    let run = a_run(&app).await;
    let flow = format!("/industryData/incomingFlows/{}", run.flow);
    let process = format!("{}/process", run.url);
    for (url, code) in [
        (format!("{}?$filter=id eq null", run.url), "unsupportedQueryOption"),
        (format!("{}?$top=1", run.url), "unsupportedQueryOption"),
        (format!("{}?$select=none", run.url), "invalidQueryOption"),
        (format!("{}?$select=", run.url), "invalidQueryOption"),
        (format!("{}?$expand=history", run.url), "invalidQueryOption"),
        (format!("{flow}?$expand=process"), "unsupportedQueryOption"),
        (format!("{process}?$expand=runs"), "unsupportedQueryOption"),
        (format!("{flow}?$select=status"), "invalidQueryOption"),
    ] {
        let response = app.get(&url.replace(' ', "%20")).await;
        let rejected = (response.status, response.code());
        assert_eq!(rejected, (StatusCode::BAD_REQUEST, code), "{url}");
    }
    let new = json!({"displayName": "R"});
    for response in [
        app.patch(&format!("{}?$select=id", run.url), json!({})).await,
        app.patch(&format!("{flow}?$select=id"), json!({})).await,
        app.post(&format!("{}?$select=id", run.list_url()), new.clone()).await,
        app.post("/industryData/incomingFlows?$select=id", new).await,
        app.delete(&format!("{}?$select=id", run.url)).await,
    ] {
        let rejected = (response.status, response.code());
        assert_eq!(rejected, (StatusCode::BAD_REQUEST, "unsupportedQueryOption"));
    }
}

#[tokio::test]
async fn if_none_match_of_a_run_does_not_match_its_expanded_process() {
    let app = App::start().await;
    let run = a_run(&app).await;
    let tag = found(&app, &run.url).await.header("etag").to_owned();
    let known = [("if-none-match", tag.as_str())];
    let selected = format!("{}?$select=id", run.url);
    let same = app.send_bare(Method::GET, &selected, &known, "").await;
    assert_eq!(same.status, StatusCode::NOT_MODIFIED);
    let flow = format!("/industryData/incomingFlows/{}", run.flow);
    app.patch(&flow, json!({"displayName": "Renamed"})).await;
    let url = format!("{}?$expand=process", run.url);
    let response = app.send_bare(Method::GET, &url, &known, "").await;
    assert_eq!(response.json["process"]["displayName"], "Renamed");
}

#[tokio::test]
async fn the_singleton_links_to_its_collections() {
    let app = App::start().await;
    a_run(&app).await;
    for root in ["", "/beta"] {
        let hub = found(&app, &format!("{root}/industryData")).await.json;
        let at = format!("http://localhost{root}");
        assert_eq!(hub["@odata.context"], json!(format!("{at}/$metadata#industryData")));
        for collection in ["incomingFlows", "runs"] {
            let link = hub[format!("{collection}@odata.navigationLink")].as_str().unwrap();
            let path = link.strip_prefix("http://localhost").unwrap();
            assert_eq!(path, format!("{root}/industryData/{collection}"));
            let rows = found(&app, path).await.json;
            assert_eq!(rows["value"].as_array().unwrap().len(), 1);
        }
    }
    let without_token = [("authorization", "")];
    let rejected = app.send_bare(Method::GET, "/industryData", &without_token, "");
    assert_eq!(rejected.await.status, StatusCode::UNAUTHORIZED);
}

/// The responses on one connection, parsed strictly: a body after HEAD would be read as a response.
async fn responses(app: &App, requests: &[(&str, &str, &str)]) -> Vec<String> {
    let server = app.serve().await;
    let address = server.strip_prefix("http://").unwrap();
    let mut connection = TcpStream::connect(address).await.unwrap();
    for (index, (method, url, header)) in requests.iter().enumerate() {
        let closes = if index + 1 == requests.len() { "connection: close\r\n" } else { "" };
        let token = app.bearer_token();
        let head = format!(
            "{method} {url} HTTP/1.1\r\nhost: flows\r\nauthorization: Bearer {token}\r\n{header}{closes}\r\n"
        );
        connection.write_all(head.as_bytes()).await.unwrap();
    }
    let mut text = String::new();
    connection.read_to_string(&mut text).await.unwrap();
    let responses = text.split("HTTP/1.1 ").skip(1);
    responses.map(str::to_owned).collect()
}

fn header<'a>(response: &'a str, name: &str) -> Option<&'a str> {
    let (head, _) = response.split_once("\r\n\r\n").unwrap();
    let mut lines = head.lines().filter_map(|line| line.split_once(": "));
    lines.find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

#[tokio::test]
async fn head_responds_like_get_without_the_body() {
    let app = App::start().await;
    let run = a_run(&app).await;
    let list = run.list_url();
    let count = format!("{list}/$count");
    let absent = format!("{list}/0197f3a0-5c1e-7c3a-9d53-2f3a1b6c7d8e");
    for url in
        [run.url.as_str(), &list, &count, &absent, "/industryData", "/$metadata", "/livez", "/none"]
    {
        let [head, get] = &responses(&app, &[("HEAD", url, ""), ("GET", url, "")]).await[..] else {
            panic!("{url}: two responses");
        };
        assert_eq!(head.lines().next(), get.lines().next(), "{url}");
        for name in ["content-type", "etag", "odata-version", "content-length"] {
            assert_eq!(header(head, name), header(get, name), "{url}: {name}");
        }
        let (_, body) = get.split_once("\r\n\r\n").unwrap();
        assert_eq!(header(get, "content-length"), Some(body.len().to_string().as_str()), "{url}");
        assert!(head.ends_with("\r\n\r\n"), "{url}: {head}");
    }
}

#[tokio::test]
async fn a_304_has_no_content_length() {
    let app = App::start().await;
    let run = a_run(&app).await;
    let tag = found(&app, &run.url).await.header("etag").to_owned();
    let known = format!("if-none-match: {tag}\r\n");
    for method in ["HEAD", "GET"] {
        let requests = [(method, run.url.as_str(), known.as_str()), ("GET", "/livez", "")];
        let [same, _] = &responses(&app, &requests).await[..] else {
            panic!("two responses");
        };
        assert!(same.starts_with("304 ") && same.ends_with("\r\n\r\n"), "{same}");
        assert_eq!(header(same, "etag"), Some(tag.as_str()));
        assert_eq!(header(same, "content-length"), None, "{same}");
    }
}
