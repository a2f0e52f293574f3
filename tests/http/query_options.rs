//! Query options: their names and words in any case, page sizes, ids across flows.

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::app::{App, TestResponse};

pub(crate) const ALL_RUNS: &str = "/industryData/runs";
pub(crate) const FLOWS: &str = "/industryData/incomingFlows";

/// Letters, digits and hyphens are not encoded, so that a thousand ids fit into a URL.
pub(crate) fn encoded(text: &str) -> String {
    let encode = |byte: u8| match byte.is_ascii_alphanumeric() || byte == b'-' {
        true => char::from(byte).to_string(),
        false => format!("%{byte:02X}"),
    };
    text.bytes().map(encode).collect()
}

pub(crate) fn rows(response: &TestResponse) -> &Vec<Value> {
    assert_eq!(response.status, StatusCode::OK, "{}", response.body);
    response.json["value"].as_array().unwrap()
}

fn next(response: &TestResponse) -> Option<String> {
    let link = response.json["@odata.nextLink"].as_str()?;
    Some(link.strip_prefix("http://localhost").unwrap().to_owned())
}

/// A flow with `runs` runs, one a minute, every third of which has failed; the URL of their list.
pub(crate) async fn fixture(app: &App, runs: u32) -> String {
    let flow = app.flow().await;
    for number in 0..runs {
        let start = format!("2026-03-01T08:{number:02}:00Z");
        let mut body = json!({"displayName": format!("run {number}"), "startDateTime": start});
        if number % 3 == 0 {
            body["status"] = json!("failed");
            body["endDateTime"] = json!("2026-03-01T10:00:00Z");
        }
        app.run_of(&flow, body).await;
    }
    format!("/industryData/incomingFlows/{flow}/runs")
}

#[tokio::test]
async fn names_and_keywords_are_case_insensitive_and_next_links_keep_the_options() {
    let app = App::start().await;
    let list = fixture(&app, 7).await;
    let filter = encoded("STATUS Eq 'failed' AND StartDateTime Ge 2026-03-01T08:00:00z");
    let query = format!(
        "$FILTER={filter}&ORDERBY=DisplayName%20DESC,ID%20Asc&$Select=DISPLAYNAME,Id&$Count=True&$Top=1&$FORMAT=JSON&$EXPAND=PROCESS"
    );
    for root in ["", "/beta", "/Beta"] {
        let mut url = Some(format!("{root}{list}/?{query}"));
        let mut names = Vec::new();
        while let Some(page) = url {
            let response = app.get(&page).await;
            for row in rows(&response) {
                names.push(row["displayName"].as_str().unwrap().to_owned());
                assert!(row["process"]["id"].is_string());
                assert_eq!(row.get("status"), None);
            }
            assert_eq!(response.json["@odata.count"], json!(3));
            url = next(&response);
            assert!(url.iter().all(|url| url.starts_with(&format!("{root}{list}/?"))));
        }
        assert_eq!(names, ["run 6", "run 3", "run 0"]);
    }
}

#[tokio::test]
async fn an_option_that_is_unknown_or_repeated_is_rejected() {
    let app = App::start().await;
    let list = fixture(&app, 1).await;
    for query in ["$search=a", "search=a", "foo=1", "$foo", "=1", "$skipToken2=x", "%24unknown=1"] {
        let response = app.get(&format!("{list}?{query}")).await;
        let rejected = (response.status, response.code());
        assert_eq!(rejected, (StatusCode::BAD_REQUEST, "unsupportedQueryOption"), "{query}");
    }
    for query in [
        "$top=1&$top=1",
        "$top=1&top=2",
        "$TOP=1&Top=1",
        "%24top=1&$top=1",
        "$count=true&COUNT=false",
    ] {
        let response = app.get(&format!("{list}?{query}")).await;
        let rejected = (response.status, response.code());
        assert_eq!(rejected, (StatusCode::BAD_REQUEST, "invalidQueryOption"), "{query}");
        let message = response.json["error"]["message"].as_str().unwrap();
        assert!(message.contains("repeated"), "{message}");
    }
    for query in [
        "$filter=%FF",
        "%FF=1",
        "$top=-1",
        "$top=1001",
        "$top=",
        "$top=1.0",
        "$skip=1001",
        "$format=atom",
    ] {
        let response = app.get(&format!("{list}?{query}")).await;
        let rejected = (response.status, response.code());
        assert_eq!(rejected, (StatusCode::BAD_REQUEST, "invalidQueryOption"), "{query}");
    }
    assert_eq!(rows(&app.get(&format!("{list}?&$top=0&")).await).len(), 0);
}

#[tokio::test]
async fn a_preferred_page_size_is_applied_and_echoed() {
    let app = App::start().await;
    let list = fixture(&app, 6).await;
    let asked = async |url: &str, preference: &str| {
        app.send_bare(Method::GET, url, &[("prefer", preference)], "").await
    };
    for (preference, query, size, applied) in [
        ("odata.maxpagesize=2", "", 2, "odata.maxpagesize=2"),
        ("maxpagesize=2", "?$top=5", 2, "maxpagesize=2"),
        ("respond-async, OData.MaxPageSize=3; x=y", "", 3, "odata.maxpagesize=3"),
        ("maxpagesize=5", "?$top=2", 2, ""),
        ("maxpagesize=50", "", 6, ""),
        ("maxpagesize=2", "?$top=0", 0, ""),
        ("maxpagesize=0", "", 6, ""),
        ("maxpagesize=-1", "", 6, ""),
        ("maxpagesize=many", "", 6, ""),
        ("return=minimal", "", 6, ""),
    ] {
        let response = asked(&format!("{list}{query}"), preference).await;
        let shown = (rows(&response).len(), response.header("preference-applied"));
        assert_eq!(shown, (size, applied), "{preference} {query}");
    }
    // A next link is valid with the preference and without it.
    let first = asked(&list, "odata.maxpagesize=2").await;
    let second = asked(&next(&first).unwrap(), "odata.maxpagesize=3").await;
    let third = app.get(&next(&second).unwrap()).await;
    let pages = [&first, &second, &third].map(|page| rows(page).len());
    assert_eq!((pages, next(&third)), ([2, 3, 1], None));
    let run = rows(&first)[0]["id"].as_str().unwrap().to_owned();
    app.patch(&format!("{list}/{run}"), json!({"displayName": "b"})).await;
    for url in [format!("{list}/{run}/history"), "/industryData/incomingFlows".to_owned()] {
        app.flow().await;
        let response = asked(&url, "odata.maxpagesize=1").await;
        assert_eq!(rows(&response).len(), 1, "{url}");
        assert_eq!(response.header("preference-applied"), "odata.maxpagesize=1");
        assert!(next(&response).is_some());
    }
}

#[tokio::test]
async fn a_single_entity_is_asked_for_as_json() {
    let app = App::start().await;
    let run = app.run(json!({"displayName": "R"})).await;
    for url in [
        format!("{FLOWS}/{}", run.flow),
        run.url.clone(),
        format!("{}/process", run.url),
        format!("{}/process/runs/{}", run.url, run.id),
        format!("{ALL_RUNS}/{}", run.id),
        "/industryData".to_owned(),
    ] {
        let plain = app.get(&url).await;
        assert_eq!(plain.status, StatusCode::OK, "{url}");
        for format in ["$format=json", "FORMAT=Application/JSON;odata=full"] {
            let response = app.get(&format!("{url}?{format}")).await;
            let same = (response.status, &response.body);
            assert_eq!(same, (StatusCode::OK, &plain.body), "{url} {format}");
        }
        let rejected = app.get(&format!("{url}?$format=xml")).await;
        assert_eq!(rejected.code(), "invalidQueryOption", "{url}");
    }
    let response = app.get(&format!("{}?$select=status&$format=json", run.url)).await;
    assert_eq!(response.json["status"], "running");
}

#[tokio::test]
async fn an_unknown_order_is_rejected_with_an_order_of_this_list() {
    let app = App::start().await;
    let runs = fixture(&app, 1).await;
    for (list, order) in [(FLOWS, "displayName desc,id asc"), (&runs, "startDateTime desc,id asc")]
    {
        let rejected = app.get(&format!("{list}?$orderby=foo")).await;
        let message = rejected.json["error"]["message"].as_str().unwrap();
        assert!(message.ends_with(order), "{message}");
        let ordered = format!("{list}?$orderby={}", encoded(order));
        assert_eq!(app.get(&ordered).await.status, StatusCode::OK);
    }
}

#[tokio::test]
async fn up_to_a_thousand_ids_are_found_across_flows() {
    let app = App::start().await;
    let lists = [fixture(&app, 4).await, fixture(&app, 4).await];
    let mut all = Vec::new();
    for list in &lists {
        all.extend(rows(&app.get(list).await).clone());
    }
    let ids: Vec<&str> = all.iter().map(|row| row["id"].as_str().unwrap()).collect();
    let absent = (0..992).map(|number| format!("0197f3a0-5c1e-7c3a-9d53-{number:012x}"));
    let listed = ids.iter().map(|id| (*id).to_owned()).chain(absent);
    let quoted: Vec<String> = listed.map(|id| format!("'{id}'")).collect();
    let filter = |ids: &[String]| encoded(&format!("id in ({})", ids.join(",")));
    let mut expected = ids.clone();
    let start =
        |id: &str| all.iter().find(|row| row["id"] == id).unwrap()["startDateTime"].to_string();
    expected.sort_by_key(|id| std::cmp::Reverse((start(id), (*id).to_owned())));
    for top in [1, 3, 8] {
        let mut url = Some(format!("{ALL_RUNS}?$top={top}&$filter={}", filter(&quoted)));
        let mut found = Vec::new();
        while let Some(page) = url {
            let response = app.get(&page).await;
            found.extend(rows(&response).iter().map(|row| row["id"].as_str().unwrap().to_owned()));
            url = next(&response);
        }
        assert_eq!(found, expected, "{top}");
    }
    let count = app.get(&format!("{ALL_RUNS}/$count?$filter={}", filter(&quoted))).await;
    assert_eq!(count.body, "8", "{count:?}");
    let within = app.get(&format!("{}?$filter={}", lists[0], filter(&quoted))).await;
    assert_eq!(rows(&within).len(), 4);
    let one = format!(
        "{ALL_RUNS}?$select=*&$filter={}",
        encoded(&format!("id eq '{}'", ids[5].to_uppercase()))
    );
    let one = app.get(&one).await;
    assert_eq!(rows(&one).len(), 1);
    assert_eq!(
        (&rows(&one)[0]["id"], rows(&one)[0]["statistics"].is_object()),
        (&json!(ids[5]), true)
    );
    let more = [quoted, vec![format!("'{}'", ids[0])]].concat();
    let rejected = app.get(&format!("{ALL_RUNS}?$filter={}", filter(&more))).await;
    assert_eq!(rejected.status, StatusCode::BAD_REQUEST);
    assert!(rejected.body.contains("1000"), "{}", rejected.body);
    for filter in ["id gt '0197f3a0-5c1e-7c3a-9d53-2f3a1b6c7d8e'", "displayName eq 'run 1'"] {
        let rejected = app.get(&format!("{ALL_RUNS}?$filter={}", encoded(filter))).await;
        assert_eq!(rejected.code(), "queryNotOffered", "{filter}");
        assert!(
            rejected.body.contains("id in")
                && rejected.body.contains("/industryData/incomingFlows/{id}/runs")
        );
    }
}

#[tokio::test]
async fn a_status_that_no_run_has_matches_nothing() {
    let app = App::start().await;
    let list = fixture(&app, 4).await;
    for (filter, expected) in [
        ("status eq 'unknownFutureValue'", 0),
        ("status in ('unknownFutureValue')", 0),
        ("status in ('unknownFutureValue','failed')", 2),
        ("status ne 'unknownFutureValue'", 4),
        ("not (status eq 'unknownFutureValue')", 4),
    ] {
        for url in [list.as_str(), ALL_RUNS] {
            let filter = encoded(filter);
            let page = app.get(&format!("{url}?$filter={filter}")).await;
            assert_eq!((rows(&page).len(), next(&page)), (expected, None), "{filter}");
            let count = app.get(&format!("{url}/$count?$filter={filter}")).await;
            assert_eq!(count.body, expected.to_string());
        }
    }
}
