//! The forms that a URL may have: names in any case, keys as segments and in parentheses, one `/` at the end, chains of
//! flows, and runs by their id only.

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::app::{App, TestResponse};

const FLOWS: &str = "/industryData/incomingFlows";
const UUID: &str = "0197f3a0-5c1e-7c3a-9d53-2f3a1b6c7d8e";

fn message(response: &TestResponse) -> &str {
    response.json["error"]["message"].as_str().unwrap()
}

#[tokio::test]
async fn every_form_of_a_url_finds_the_same_run() {
    let app = App::start().await;
    let run = app.run(json!({"displayName": "a"})).await;
    let expected = app.get(&run.url).await.json;
    let (flow, id) = (&run.flow, &run.id);
    let (upper_flow, upper_id) = (flow.to_uppercase(), id.to_uppercase());
    for url in [
        format!("{FLOWS}/{flow}/runs/{id}/"),
        format!("/INDUSTRYDATA/incomingflows/{upper_flow}/RUNS/{upper_id}"),
        format!("{FLOWS}('{flow}')/Runs('{upper_id}')"),
        format!("{FLOWS}(ID='{flow}')/runs(id=%27{id}%27)/"),
        format!("/industrydata/%69ncomingFlows%28'{flow}'%29/runs/{id}"),
        format!("{FLOWS}/{flow}/runs/{id}/process/runs/{id}"),
        format!("{FLOWS}/{flow}/runs/{id}/Process/runs('{id}')/process/runs/{id}/"),
    ] {
        let response = app.get(&url).await;
        assert_eq!(response.status, StatusCode::OK, "{url}: {}", response.body);
        assert_eq!(response.json, expected, "{url}");
        let beta = app.get(&format!("/BETA{url}")).await;
        assert_eq!(beta.json["id"], json!(id), "{url}");
        let context = beta.json["@odata.context"].as_str().unwrap();
        assert!(context.starts_with("http://localhost/beta/$metadata#"), "{context}");
    }
}

#[tokio::test]
async fn an_unreadable_id_is_rejected_with_the_expected_form() {
    let app = App::start().await;
    let flow = app.flow().await;
    let list = format!("{FLOWS}/{flow}/runs");
    for (url, part) in [
        (format!("{list}({UUID})"), "single quotes"),
        (format!("{list}(id={UUID})"), "single quotes"),
        (format!("{list}(%22{UUID}%22)"), "single quotes"),
        (format!("{list}(name='{UUID}')"), "single quotes"),
        (format!("{list}()"), "single quotes"),
        (format!("{FLOWS}({flow})"), "single quotes"),
        (format!("/industryData/runs({UUID})"), "single quotes"),
        (format!("{list}/'{UUID}'"), "no quotes"),
        (format!("{list}/{}", UUID.replace('-', "")), "hyphenated"),
        (format!("{list}/00000000-0000-0000-0000-000000000000"), "nil"),
        (format!("{list}/a%2Fb"), "hyphenated"),
        (format!("{list}('a%2Fb')"), "hyphenated"),
        (format!("{list}/%FF"), "UTF-8"),
        (format!("{list}/{UUID}/process/runs/x/process"), "hyphenated"),
        (format!("{list}/x/process/runs/{UUID}/process/runs"), "hyphenated"),
        ("/industryData/runs/x".to_owned(), "hyphenated"),
    ] {
        let response = app.get(&url).await;
        assert_eq!(
            (response.status, response.code()),
            (StatusCode::BAD_REQUEST, "invalidId"),
            "{url}: {}",
            response.body
        );
        assert!(message(&response).contains(part), "{url}: {}", response.body);
    }
}

#[tokio::test]
async fn an_unknown_url_is_404_before_any_other_check() {
    let app = App::start().await;
    let run = app.run(json!({"displayName": "a"})).await;
    let list = run.list_url();
    for path in [
        format!("{FLOWS}/$metadata2"),
        format!("{FLOWS}/$foo"),
        format!("{list}/$foo"),
        format!("{list}/%24foo"),
        format!("{list}/$count/process"),
        format!("{}/$foo", run.url),
        format!("{}/process/$foo", run.url),
        format!("{}/process/runs/$foo", run.url),
        format!("{list}//"),
        "/industryData/runs/$foo".to_owned(),
        format!("/industryData/runs/{}/process", run.id),
        "/industryData/others".to_owned(),
        "/industryData/%FF".to_owned(),
        "/$unknown".to_owned(),
    ] {
        for method in [Method::GET, Method::PATCH] {
            let headers = [("authorization", "Bearer none")];
            let response = app.send_bare(method, &path, &headers, "").await;
            assert_eq!(
                (response.status, response.code()),
                (StatusCode::NOT_FOUND, "routeNotFound"),
                "{path}: {}",
                response.body
            );
            assert!(message(&response).contains(&path), "{}", response.body);
        }
    }
}

#[tokio::test]
async fn routes_of_a_run_also_exist_below_its_process() {
    let app = App::start().await;
    let first = app.run(json!({"displayName": "a"})).await;
    let second = app.run_of(&first.flow, json!({"displayName": "b"})).await;
    let other = app.run(json!({"displayName": "c"})).await;
    let alias = format!("{}/process/runs/{}", first.url, second.id);
    for (below, direct) in [
        ("", second.url.clone()),
        ("/history", format!("{}/history", second.url)),
        ("/process", format!("{}/process", second.url)),
        ("/process/runs", second.list_url()),
        ("/process/runs/$count", format!("{}/$count", second.list_url())),
    ] {
        let expected = app.get(&direct).await;
        let response = app.get(&format!("{alias}{below}")).await;
        assert_eq!(response.status, StatusCode::OK, "{below}: {}", response.body);
        assert_eq!(response.body, expected.body, "{below}");
    }
    let deep = format!("{alias}/process/runs/{}", first.id);
    let patched = app.patch(&deep, json!({"displayName": "d"})).await;
    assert_eq!(patched.status, StatusCode::OK, "{}", patched.body);
    assert_eq!(app.get(&first.url).await.json["displayName"], json!("d"));
    let list = format!("{alias}/process/runs?$top=1");
    let next = app.get(&list).await.json["@odata.nextLink"].clone();
    let next = next.as_str().unwrap().strip_prefix("http://localhost").unwrap().to_owned();
    assert!(next.starts_with(&alias), "{next}");
    assert_eq!(app.get(&next).await.json["value"].as_array().unwrap().len(), 1);
    // Each run in the path must exist.
    for url in [
        format!("{}/process/runs/{}/process", first.url, other.id),
        format!("{}/process/runs/{}/process/runs/{}", first.url, other.id, second.id),
        format!("{FLOWS}/{}/runs/{UUID}/process/runs/{}/process/runs", first.flow, second.id),
    ] {
        for method in [Method::GET, Method::PATCH, Method::DELETE] {
            let is_run = url.ends_with(&second.id);
            if method == Method::GET || is_run {
                let response = app.send(method, &url, &[], "{}").await;
                assert_eq!(response.status, StatusCode::NOT_FOUND, "{url}: {}", response.body);
            }
        }
    }
    assert_eq!(app.get(&second.url).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_run_is_found_by_its_id_alone_unless_several_flows_have_it() {
    let app = App::start().await;
    let run = app.run(json!({"displayName": "a", "statistics": {"rows": 1}})).await;
    let url = format!("/industryData/runs/{}", run.id);
    let direct = app.get(&run.url).await;
    let found = app.get(&url).await;
    let address = address_of(&run.url);
    let mut expected = direct.json.clone();
    expected["@odata.id"] = json!(address);
    assert_eq!((found.status, &found.json), (StatusCode::OK, &expected));
    assert_eq!(found.header("etag"), direct.header("etag"));
    let upper = format!("/Industrydata/Runs('{}')/", run.id.to_uppercase());
    assert_eq!(app.get(&upper).await.json, expected);
    let current = [("if-none-match", found.header("etag"))];
    let unchanged = app.send_bare(Method::GET, &url, &current, "").await;
    assert_eq!(unchanged.status, StatusCode::NOT_MODIFIED);
    let shaped = app.get(&format!("{url}?$select=ID&$expand=Process")).await.json;
    assert_eq!(shaped["process"]["id"], json!(run.flow));
    assert_eq!(shaped.get("statistics"), None);

    let absent = app.get(&format!("/industryData/runs/{UUID}")).await;
    assert_eq!(absent.status, StatusCode::NOT_FOUND);
    let other_tenant = app.as_tenant("b5c7d0e4-0f1f-4b62-8c57-8f3d8f6d2a10");
    assert_eq!(other_tenant.get(&url).await.status, StatusCode::NOT_FOUND);
    for method in [Method::PATCH, Method::POST, Method::DELETE, Method::PUT] {
        let response = app.send(method, &url, &[], "{}").await;
        assert_eq!(response.status, StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(response.header("allow"), "GET,HEAD");
    }

    let other = app.run_of(&app.flow().await, json!({"displayName": "b", "id": run.id})).await;
    let several = app.get(&url).await;
    assert_eq!((several.status, several.code()), (StatusCode::CONFLICT, "severalRuns"));
    let details = several.json["error"]["details"].as_array().unwrap();
    let mut addresses: Vec<&Value> = details.iter().map(|detail| &detail["message"]).collect();
    addresses.sort_by_key(|address| address.as_str() != Some(&address_of(&run.url)));
    assert_eq!(addresses, [&json!(address), &json!(address_of(&other.url))]);
    app.delete(&other.url).await;
    assert_eq!(app.get(&url).await.json, expected);
}

fn address_of(path: &str) -> String {
    format!("http://localhost{path}")
}
