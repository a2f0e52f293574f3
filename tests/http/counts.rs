//! Counts, their limit, and the rows that they read.

use axum::http::StatusCode;
use flowruns_domain::query::CountLimit;
use serde_json::json;

use crate::{
    app::App,
    query_options::{ALL_RUNS, FLOWS, encoded, fixture, rows},
};

#[tokio::test]
async fn a_count_over_its_limit_names_a_query_that_can_be_counted() {
    let app =
        App::start_with(|options| options.limits.count_rows = CountLimit::new(4).unwrap()).await;
    let list = fixture(&app, 5).await;
    for url in [list.as_str(), ALL_RUNS] {
        let response = app.get(&format!("{url}/$count")).await;
        let rejected = (response.status, response.code());
        assert_eq!(rejected, (StatusCode::BAD_REQUEST, "countNotBounded"), "{url}");
        let message = response.json["error"]["message"].as_str().unwrap();
        assert!(
            message.contains("more than 4 rows") && message.contains("$filter=startDateTime ge"),
            "{message}"
        );
        let page = app.get(&format!("{url}?$count=true")).await;
        assert_eq!(rows(&page).len(), 5);
        assert_eq!(page.json.get("@odata.count"), None);
        assert_eq!(page.json["@flowruns.countAbove"], json!(4));
        let bounded = encoded("startDateTime ge 2026-03-01T08:01:00Z");
        let count = app.get(&format!("{url}/$count?$filter={bounded}")).await;
        assert_eq!((count.status, count.body.as_str()), (StatusCode::OK, "4"));
        let page = app.get(&format!("{url}?$count=true&$filter={bounded}")).await;
        assert_eq!(page.json["@odata.count"], json!(4));
        assert_eq!(page.json.get("@flowruns.countAbove"), None);
    }
    for _ in 0..4 {
        app.flow().await;
    }
    let flows = app.get("/industryData/incomingFlows/$count").await;
    assert_eq!(flows.code(), "countNotBounded");
}

#[tokio::test]
async fn a_count_reads_only_the_rows_of_its_name_ids_or_statuses() {
    let app =
        App::start_with(|options| options.limits.count_rows = CountLimit::new(4).unwrap()).await;
    let list = fixture(&app, 9).await;
    let mut ids = Vec::new();
    for number in 0..8 {
        let name = format!("{} {number}", ["a", "b"][number % 2]);
        let flow = app.post(FLOWS, json!({"displayName": name})).await;
        ids.push(flow.json["id"].as_str().unwrap().to_owned());
    }
    let (two, one) = (format!("'{}','{}'", ids[0], ids[7]), &ids[3]);
    for (list, filter, expected) in [
        (FLOWS, "startswith(displayName,'a')".to_owned(), 4),
        (FLOWS, "displayName eq 'b 3'".to_owned(), 1),
        (FLOWS, format!("id eq '{one}'"), 1),
        (FLOWS, format!("id in ({two})"), 2),
        (&list, "status in ('failed','completed')".to_owned(), 3),
        (ALL_RUNS, "status in ('failed','completed')".to_owned(), 3),
        (&list, "status eq 'failed' or status eq 'completed'".to_owned(), 3),
        (&list, "not (status eq 'running' or status eq 'completed')".to_owned(), 3),
    ] {
        let filter = encoded(&filter);
        let count = app.get(&format!("{list}/$count?$filter={filter}")).await;
        let response = (count.status, count.body.clone());
        assert_eq!(response, (StatusCode::OK, expected.to_string()), "{filter}");
        for order in ["", "&$orderby=displayName"] {
            if list == ALL_RUNS && !order.is_empty() {
                continue;
            }
            let url = format!("{list}?$count=true&$filter={filter}{order}");
            assert_eq!(app.get(&url).await.json["@odata.count"], json!(expected));
        }
    }
    let too_many = encoded("status in ('failed','running')");
    let count = app.get(&format!("{list}/$count?$filter={too_many}")).await;
    assert_eq!(count.code(), "countNotBounded");
}
