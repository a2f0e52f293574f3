//! Lists are filtered, ordered, counted and projected.

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::app::{App, TestResponse};

/// The characters that these tests do not encode in a URL.
fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

async fn found(app: &App, url: &str) -> TestResponse {
    let response = app.get(url).await;
    assert_eq!(response.status, StatusCode::OK, "{url}: {}", response.body);
    response
}

fn names(page: &Value) -> Vec<&str> {
    let rows = page["value"].as_array().unwrap().iter();
    rows.map(|row| row["displayName"].as_str().unwrap()).collect()
}

/// The names of all pages.
async fn names_of_all_pages(app: &App, url: &str) -> Vec<String> {
    let mut all = Vec::new();
    let mut next_url = Some(url.to_owned());
    while let Some(url) = next_url {
        let page = found(app, &url).await.json;
        all.extend(names(&page).into_iter().map(str::to_owned));
        next_url = next(&page);
    }
    all
}

fn next(page: &Value) -> Option<String> {
    let link = page["@odata.nextLink"].as_str()?;
    Some(link.strip_prefix("http://localhost").unwrap().to_owned())
}

/// A flow with a run of each kind; the URL of its list.
async fn fixture(app: &App) -> String {
    let flow = app.flow().await;
    let at = |minute: u32| format!("2026-03-01T08:{minute:02}:00Z");
    for (name, minute, end) in [
        ("O'Hara & sons", 1, None),
        ("nightly", 2, Some(("failed", 9))),
        ("nightly 2", 3, Some(("completed", 7))),
        ("weekly", 4, Some(("completedWithErrors", 8))),
        ("Weekly", 4, None),
    ] {
        let mut body = json!({"displayName": name, "startDateTime": at(minute), "statistics": {"rows": minute}});
        if let Some((status, minute)) = end {
            body["status"] = json!(status);
            body["endDateTime"] = json!(at(minute));
        }
        app.run_of(&flow, body).await;
    }
    format!("/industryData/incomingFlows/{flow}/runs")
}

#[tokio::test]
async fn a_filter_finds_the_matching_runs() {
    let app = App::start().await;
    let list = fixture(&app).await;
    for (filter, expected) in [
        ("status eq 'failed'", vec!["nightly"]),
        (
            "status in ('failed','completed') and startDateTime ge 2026-03-01T08:03:00Z",
            vec!["nightly 2"],
        ),
        ("displayName eq 'O''Hara & sons'", vec!["O'Hara & sons"]),
        ("startswith(displayName,'nightly')", vec!["nightly 2", "nightly"]),
        ("contains(displayName,'eek') and endDateTime eq null", vec!["Weekly"]),
        ("endDateTime lt 2026-03-01T08:08:00.5Z", vec!["weekly", "nightly 2"]),
        (
            "not (endDateTime lt 2026-03-01T08:08:00.5Z) and not (status eq 'failed')",
            vec!["Weekly", "O'Hara & sons"],
        ),
        (
            "endDateTime ne 2026-03-01T08:09:00Z and endswith(displayName,'y')",
            vec!["weekly", "Weekly"],
        ),
    ] {
        for option in ["$filter", "filter", "%24filter"] {
            let url = format!("{list}?{option}={}", encoded(filter));
            let mut rows = names_of_all_pages(&app, &url).await;
            let mut expected = expected.clone();
            // Two started at once: ids break the tie.
            rows.sort();
            expected.sort_unstable();
            assert_eq!(rows, expected, "{filter}");
        }
        let count = found(&app, &format!("{list}/$count?$filter={}", encoded(filter))).await;
        assert_eq!(count.body, expected.len().to_string(), "{filter}");
        assert!(count.header("content-type").starts_with("text/plain"));
    }
    let plus = found(&app, &format!("{list}?$filter=status+eq+'failed'")).await;
    assert_eq!(names(&plus.json), ["nightly"]);
}

#[tokio::test]
async fn every_order_has_both_directions_and_null_is_least() {
    let app = App::start().await;
    let list = fixture(&app).await;
    let by_name = ["O'Hara & sons", "Weekly", "nightly", "nightly 2", "weekly"];
    let mut by_name_backward = by_name;
    by_name_backward.reverse();
    for top in [1, 2, 3, 50] {
        let order = |order: &str| format!("{list}?$orderby={}&$top={top}", encoded(order));
        assert_eq!(names_of_all_pages(&app, &order("displayName")).await, by_name);
        assert_eq!(names_of_all_pages(&app, &order("displayName desc,id")).await, by_name_backward);
        let by_end = names_of_all_pages(&app, &order("endDateTime asc")).await;
        assert_eq!(by_end[2..], ["nightly 2", "weekly", "nightly"]);
        let by_end = names_of_all_pages(&app, &order("endDateTime desc")).await;
        assert_eq!(by_end[..3], ["nightly", "weekly", "nightly 2"]);
        let by_start = names_of_all_pages(&app, &order("startDateTime")).await;
        assert_eq!(by_start[..3], ["O'Hara & sons", "nightly", "nightly 2"]);
    }
}

#[tokio::test]
async fn a_list_shows_what_is_selected_and_expanded() {
    let app = App::start().await;
    let list = fixture(&app).await;
    let url = format!("{list}?$select=id,statistics,blockingError&$top=1&$expand=process");
    let page = found(&app, &url).await.json;
    let row = page["value"][0].as_object().unwrap();
    let members: Vec<&str> = row.keys().map(String::as_str).collect();
    let expected = ["@odata.etag", "@odata.type", "blockingError", "id", "process", "statistics"];
    assert_eq!(members, expected);
    assert_eq!(row["statistics"]["rows"], json!(4));
    assert_eq!(row["process"]["displayName"], json!("Flow"));
    assert!(
        page["@odata.context"]
            .as_str()
            .unwrap()
            .ends_with("/runs(id,statistics,blockingError,process())")
    );
    let rest = found(&app, &next(&page).unwrap()).await.json;
    assert!(rest["value"][0]["statistics"].is_object());
    let usual = found(&app, &format!("{list}?$format=json")).await.json;
    assert_eq!(usual["value"][0].get("statistics"), None);
}

#[tokio::test]
async fn rows_are_skipped_once_and_counted_on_request() {
    let app = App::start().await;
    let list = fixture(&app).await;
    let url = format!("{list}?$orderby=displayName&$skip=1&$top=2&$count=true");
    let first = found(&app, &url).await.json;
    assert_eq!(names(&first), ["Weekly", "nightly"]);
    assert_eq!(first["@odata.count"], json!(5));
    let rest = found(&app, &next(&first).unwrap()).await.json;
    assert_eq!(names(&rest), ["nightly 2", "weekly"]);
    assert_eq!(next(&rest), None);
    for url in ["/industryData/incomingFlows/$count", "/beta/industryData/incomingFlows/%24count"] {
        let count = app.send_bare(Method::GET, url, &[("accept", "text/plain")], "").await;
        assert_eq!((count.status, count.body.as_str()), (StatusCode::OK, "1"));
    }
}

#[tokio::test]
async fn running_and_failed_runs_are_listed_across_flows() {
    let app = App::start().await;
    let lists = [fixture(&app).await, fixture(&app).await];
    let failed = encoded("status eq 'failed' and startDateTime ge 2026-03-01T08:00:00Z");
    let page = found(&app, &format!("/industryData/runs?$filter={failed}&$expand=process")).await;
    assert_eq!(names(&page.json), ["nightly", "nightly"]);
    for row in page.json["value"].as_array().unwrap() {
        let url = row["@odata.id"].as_str().unwrap().strip_prefix("http://localhost").unwrap();
        let run = found(&app, url).await.json;
        assert_eq!(run["id"], row["id"]);
        let flow = row["process"]["id"].as_str().unwrap();
        assert!(lists.iter().any(|list| list.contains(flow)) && url.contains(flow));
    }
    let all = names_of_all_pages(&app, "/industryData/runs?$top=3").await;
    assert_eq!(all.len(), 10);
    assert_eq!(all[8..], ["O'Hara & sons", "O'Hara & sons"]);
    let count = found(&app, "/industryData/runs/$count").await;
    assert_eq!(count.body, "10");
    for (query, hint) in [
        ("$orderby=displayName", "startDateTime"),
        ("$filter=displayName%20eq%20'nightly'", "the list of one flow"),
    ] {
        let response = app.get(&format!("/industryData/runs?{query}")).await;
        assert_eq!(
            (response.status, response.code()),
            (StatusCode::BAD_REQUEST, "queryNotOffered")
        );
        assert!(response.json["error"]["message"].as_str().unwrap().contains(hint));
    }
}

#[tokio::test]
async fn flows_are_filtered_by_name_and_readiness() {
    let app = App::start().await;
    for (name, status) in [("b", "ready"), ("a", "failed"), ("ab", "failed")] {
        let body = json!({"displayName": name, "readinessStatus": status});
        app.post("/industryData/incomingFlows", body).await;
    }
    let failed = encoded("readinessStatus eq 'failed'");
    let url = format!(
        "/industryData/incomingFlows?$filter={failed}&$orderby=displayName%20desc&$top=1&$count=true&$select=displayName"
    );
    let page = found(&app, &url).await.json;
    assert_eq!((names(&page), &page["@odata.count"]), (vec!["ab"], &json!(2)));
    assert_eq!(page["value"][0].get("id"), None);
    assert_eq!(names_of_all_pages(&app, &url).await, ["ab", "a"]);
}

#[tokio::test]
async fn a_next_link_is_valid_only_for_its_own_list() {
    let app = App::start().await;
    let list = fixture(&app).await;
    let other = fixture(&app).await;
    let url = format!("{list}?$top=1&$filter={}", encoded("status ne 'failed'"));
    let link = next(&found(&app, &url).await.json).unwrap();
    let mut all = names_of_all_pages(&app, &link).await;
    all.sort();
    assert_eq!(all.len(), 3);
    let mut changed = link.clone();
    let last = changed.pop().unwrap();
    changed.push(if last == 'A' { 'B' } else { 'A' });
    let flow = |url: &str| url.split('/').nth(3).unwrap().to_owned();
    for (what, link) in [
        ("a changed token", changed),
        ("another page size", link.replace("top=1", "top=2")),
        ("another filter", link.replace("failed", "running")),
        ("another order", format!("{link}&$orderby=id")),
        ("another flow", link.replace(&flow(&list), &flow(&other))),
        ("another list", link.replace(&format!("incomingFlows/{}/", flow(&list)), "")),
    ] {
        let response = app.get(&link).await;
        assert_eq!(response.status, StatusCode::BAD_REQUEST, "{what}: {}", response.body);
        assert_eq!(response.json["error"]["target"], json!("$skiptoken"), "{what}");
    }
    let another_server = app.beside(flowruns_domain::clock::Clock::now(&*app.clock)).await;
    assert_eq!(found(&another_server, &link).await.status, StatusCode::OK);
}

#[tokio::test]
async fn an_invalid_query_is_rejected_with_its_position() {
    let app = App::start().await;
    let list = fixture(&app).await;
    for (query, target, part) in [
        ("$filter=status%20eq%20'x'", "$filter", "character 1:"),
        ("$filter=status%20eq%20'failed'%20und", "$filter", "character 20:"),
        ("$filter=", "$filter", "character 1:"),
        ("$filter=displayName%20eq%20'a%00'", "$filter", "U+0000"),
        ("$orderby=status", "$orderby", "startDateTime"),
        ("$orderby=startDateTime,displayName", "$orderby", "second key"),
        ("$orderby=id,id%20desc", "$orderby", "second key"),
        ("$orderby=", "$orderby", "startDateTime"),
        ("$select=rows", "$select", "statistics"),
        ("$expand=runs", "$expand", "process"),
        ("$skip=1001", "$skip", "1000"),
        ("$count=yes", "$count", "true"),
        ("$format=xml", "$format", "json"),
    ] {
        let response = app.get(&format!("{list}?{query}")).await;
        assert_eq!(
            (response.status, response.code()),
            (StatusCode::BAD_REQUEST, "invalidQueryOption"),
            "{query}"
        );
        let error = &response.json["error"];
        assert_eq!(error["target"], json!(target), "{query}");
        assert!(error["message"].as_str().unwrap().contains(part), "{error}");
    }
    let response = app.get(&format!("{list}/$count?$top=1")).await;
    assert_eq!(response.code(), "unsupportedQueryOption");
}
