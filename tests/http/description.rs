//! The API describes itself, without a token: a document, and a page that needs no network.

use axum::http::{Method, StatusCode};
use serde_json::Value;

use crate::app::{App, TestResponse};

const FLOW: &str = "0197f3a0-5c1e-7c3a-9d53-2f3a1b6c7d8e";
const METHODS: [&str; 6] = ["get", "put", "post", "delete", "patch", "options"];

/// Sends no token.
async fn get(app: &App, url: &str) -> TestResponse {
    app.send_bare(Method::GET, url, &[("authorization", "")], "").await
}

#[tokio::test]
async fn the_served_document_equals_the_printed_one() {
    let app = App::start().await;
    let response = get(&app, "/openapi.json").await;
    assert_eq!(response.status, StatusCode::OK);
    assert_eq!(response.header("content-type"), "application/json");
    assert_eq!(response.body, flowruns_api::openapi_json().unwrap());
}

#[tokio::test]
async fn every_operation_of_the_document_is_served_and_no_other_of_its_paths() {
    let app = App::start().await;
    let document = get(&app, "/openapi.json").await.json;
    let paths = document["paths"].as_object().unwrap();
    assert!(!paths.is_empty());
    for (path, item) in paths {
        let url = path.replace("{flowId}", FLOW).replace("{runId}", FLOW).replace("{runId2}", FLOW);
        let at_root_only = item["servers"].is_array();
        let beta = format!("/beta{url}");
        for url in [url.as_str(), beta.as_str()] {
            if at_root_only && url.starts_with("/beta") {
                assert_eq!(get(&app, url).await.code(), "routeNotFound", "{url}");
                continue;
            }
            for method in METHODS {
                let sent = method.to_uppercase().parse().unwrap();
                let response = app.send_bare(sent, url, &[], "").await;
                let is_served = response.status != StatusCode::METHOD_NOT_ALLOWED
                    && response.code() != "routeNotFound";
                let is_described = item[method].is_object();
                assert_eq!(is_served, is_described, "{method} {url}");
            }
        }
    }
}

#[tokio::test]
async fn a_response_has_the_properties_that_the_document_requires() {
    let app = App::start().await;
    let document = get(&app, "/openapi.json").await.json;
    let run = app.run(serde_json::json!({"displayName": "R"})).await;
    let flow = format!("/industryData/incomingFlows/{}", run.flow);
    let list = run.list_url();
    for (schema, url) in [
        ("incomingFlow", flow.as_str()),
        ("run", run.url.as_str()),
        ("runCollection", list.as_str()),
        ("incomingFlowCollection", "/industryData/incomingFlows"),
        ("runEventCollection", &format!("{}/history", run.url)),
        ("error", "/industryData/incomingFlows/none"),
    ] {
        fits(&document, schema, &app.get(url).await.json, url);
    }
}

/// Whether a value has the properties that its schema requires, and only properties of the schema.
fn fits(document: &Value, name: &str, value: &Value, at: &str) {
    let schema = &document["components"]["schemas"][name];
    let known = schema["properties"].as_object().unwrap();
    let required = schema["required"].as_array().into_iter().flatten();
    for property in required {
        let property = property.as_str().unwrap();
        assert!(value.get(property).is_some(), "{at} has no {property}");
    }
    for (property, value) in value.as_object().unwrap() {
        let schema = known.get(property);
        let schema = schema.unwrap_or_else(|| panic!("{at}/{property} is not described"));
        let inner = |schema: &Value| {
            let reference = schema["$ref"].as_str()?;
            reference.rsplit('/').next().map(str::to_owned)
        };
        if let (Some(item), Some(values)) = (inner(&schema["items"]), value.as_array()) {
            for value in values {
                fits(document, &item, value, &format!("{at}/{property}"));
            }
        }
        if let (Some(inner), true) = (inner(schema), value.is_object()) {
            let is_open = document["components"]["schemas"][&inner]["properties"].is_null();
            if !is_open {
                fits(document, &inner, value, &format!("{at}/{property}"));
            }
        }
    }
}

#[tokio::test]
async fn the_page_loads_nothing_from_other_hosts() {
    let app = App::start().await;
    let page = get(&app, "/docs").await;
    assert_eq!(page.status, StatusCode::OK);
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    assert!(page.body.contains("<base href=\"docs/\">"));
    let folder = get(&app, "/docs/").await;
    assert!(folder.body.contains("<base href=\"./\">"));
    let mut files = Vec::new();
    for attribute in ["src=\"", "href=\""] {
        let values = page.body.split(attribute).skip(1);
        files.extend(values.filter_map(|rest| rest.split('"').next()));
    }
    files.retain(|file| *file != "docs/");
    assert!(files.len() >= 3, "{files:?}");
    for file in files {
        assert!(!file.contains("//"), "{file} is elsewhere");
        let url = format!("/docs/{}", file.trim_start_matches("./"));
        assert_eq!(get(&app, &url).await.status, StatusCode::OK, "{url}");
    }
    let start = get(&app, "/docs/swagger-initializer.js").await;
    assert!(start.body.contains("\"/openapi.json\""), "{}", start.body);
    for none in ["/docs/none.js", "/docs/%C0%AF"] {
        assert_eq!(get(&app, none).await.code(), "routeNotFound", "{none}");
    }
}

/// The requests of a file, each as its method and path, with the variables of the file replaced.
fn requests(file: &str) -> Vec<(String, String)> {
    let variables = file.lines().filter_map(|line| line.strip_prefix('@')?.split_once(" = "));
    let variables: Vec<_> = variables.collect();
    let lines = file.lines().filter_map(|line| line.split_once(' '));
    let requests = lines.filter(|(method, _)| METHODS.contains(&method.to_lowercase().as_str()));
    let requests = requests.map(|(method, url)| {
        let mut url = url.to_owned();
        // Later variables refer to earlier ones.
        for (name, value) in variables.iter().rev() {
            url = url.replace(&format!("{{{{{name}}}}}"), value);
        }
        let path = url.strip_prefix("http://127.0.0.1:8080").unwrap();
        let path = path.split('?').next().unwrap();
        (method.to_lowercase(), path.to_owned())
    });
    requests.collect()
}

/// Method, URL, headers and body of a request.
type WholeRequest = (Method, String, Vec<(String, String)>, String);

/// The requests of a file in their order.
fn whole_requests(file: &str) -> Vec<WholeRequest> {
    let blocks = file.split("\n###").skip(1);
    let requests = blocks.map(|block| {
        // The text after ### is a title.
        let (_, request) = block.split_once('\n').unwrap();
        let (head, body) = request.split_once("\n\n").unwrap_or((request, ""));
        let mut lines = head.lines();
        let (method, url) = lines.next().unwrap().split_once(' ').unwrap();
        let headers = lines.filter_map(|line| line.split_once(": "));
        let headers = headers.map(|(name, value)| (name.to_lowercase(), value.to_owned()));
        (method.parse().unwrap(), url.to_owned(), headers.collect(), body.trim().to_owned())
    });
    requests.collect()
}

#[tokio::test]
async fn the_file_of_requests_succeeds_from_top_to_bottom() {
    let app = App::start().await;
    let file = include_str!("../../requests.http");
    let declared = file.lines().filter_map(|line| line.strip_prefix('@'));
    let mut variables: Vec<(String, String)> = declared
        .filter_map(|line| line.split_once(" = "))
        .map(|(name, value)| (format!("{{{{{name}}}}}"), value.to_owned()))
        .collect();
    let since = ("{{$datetime iso8601 -1 d}}", "2026-03-01T10:00:00.000Z");
    let made = [("{{token}}", app.bearer_token()), since];
    for (name, value) in made {
        variables.retain(|(known, _)| known != name);
        variables.insert(0, (name.to_owned(), value.to_owned()));
    }
    // Variables that contain others are declared after them.
    let filled = |variables: &[(String, String)], text: &str| {
        let later = variables.iter().rev();
        later.fold(text.to_owned(), |text, (name, value)| text.replace(name, value))
    };
    let mut number = 0;
    for (method, url, headers, body) in whole_requests(file) {
        number += 1;
        let guid = ("{{$guid}}".to_owned(), format!("key-{number}"));
        let variables_now = [&[guid][..], &variables].concat();
        let fill = |text: &str| filled(&variables_now, text);
        let url = fill(&url).replace("http://127.0.0.1:8080", "").replace(' ', "%20");
        let headers: Vec<_> =
            headers.iter().map(|(name, value)| (name.as_str(), fill(value))).collect();
        let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let response = app.send_bare(method.clone(), &url, &headers, &fill(&body)).await;
        assert!(response.status.is_success(), "{method} {url}: {}", response.body);
        if number == 1 {
            let flow = response.json["id"].as_str().unwrap().to_owned();
            variables.retain(|(name, _)| name != "{{flowId}}");
            variables.insert(0, ("{{flowId}}".to_owned(), flow));
        }
    }
    assert!(number > 25, "{number}");
}

#[test]
fn every_operation_of_the_document_is_in_the_file_of_requests() {
    let document: Value = serde_json::from_str(&flowruns_api::openapi_json().unwrap()).unwrap();
    let requests = requests(include_str!("../../requests.http"));
    let matches = |template: &str, path: &str| {
        let (template, path) = (template.split('/'), path.split('/'));
        template.clone().count() == path.clone().count()
            && template.zip(path).all(|(part, segment)| part.starts_with('{') || part == segment)
    };
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in METHODS.iter().filter(|method| item[**method].is_object()) {
            let mut known = requests.iter();
            let is_in_file = known.any(|(sent, url)| sent == method && matches(path, url));
            assert!(is_in_file, "{method} {path}");
        }
    }
}
