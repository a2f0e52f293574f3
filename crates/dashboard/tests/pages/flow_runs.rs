//! The list of runs on the page of a flow.

use axum::http::StatusCode;
use flowruns_domain::run::{NewRun, Outcome, RunStatus};
use flowruns_http::auth::Permission;
use flowruns_testing::fixtures::{self, object, time};

use crate::{flow::address, harness::Site};

#[tokio::test]
async fn the_address_of_runs_without_a_run_leads_to_the_list_of_the_flow() {
    let site = Site::new();
    let flow = site.flow("Rosters").await;
    for (sent, location) in [
        ("/runs".to_owned(), format!("{}#flow-runs", address(flow))),
        ("/runs?status=failed".to_owned(), format!("{}?status=failed#flow-runs", address(flow))),
        ("/runs.json?status=failed".to_owned(), format!("{}.json?status=failed", address(flow))),
    ] {
        let shown = site.get(&format!("{}{sent}", address(flow))).await;
        assert_eq!(shown.status, StatusCode::SEE_OTHER, "{sent}");
        assert_eq!(shown.header("location"), location);
    }
    assert!(site.get(&address(flow)).await.ok().contains("id=\"flow-runs\""));
    assert_eq!(site.get("/ui/flows/x/runs").await.status, StatusCode::NOT_FOUND);
    let unknown = site.get(&format!("{}/runs?size=1", address(flow))).await;
    assert_eq!(unknown.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn integers_that_no_double_holds_are_shown_as_they_were_reported() {
    let site = Site::new();
    let flow = site.flow("Rosters").await;
    for (number, sequence) in
        [(1, "9007199254740993"), (2, "9007199254740995"), (3, "18446744073709551615")]
    {
        let new = NewRun {
            start: Some(time(&format!("2026-11-2{number}T02:00:00Z"))),
            end: Some(time(&format!("2026-11-2{number}T02:30:00Z"))),
            status: RunStatus::Ended(Outcome::Completed),
            statistics: object(&format!(r#"{{"sequence":{sequence}}}"#)),
            ..fixtures::new_run()
        };
        site.run_of(flow, number, new).await;
    }
    let page = site.get(&address(flow)).await.ok();
    assert!(
        page.contains("last <b>18,446,744,073,709,551,615</b> · median 9,007,199,254,740,995"),
        "{page}"
    );
    assert!(page.contains(">9,007,199,254,740,993</td>"), "{page}");
    let json = site.get(&format!("{}.json", address(flow))).await.ok();
    assert!(json.contains("[18446744073709551615,9007199254740995,9007199254740993]"), "{json}");
}

#[tokio::test]
async fn people_who_may_write_choose_runs_in_progress_of_the_flow() {
    let site = Site::new();
    let flow = site.flow("Rosters").await;
    let end = Some((Outcome::Completed, "2026-11-26T08:30:00Z"));
    let ended = site.run(flow, 1, ("2026-11-26T08:00:00Z", end)).await;
    let writer = site.visitor(Permission::WriteRuns);
    let page = site.get_as(&writer, &address(flow)).await.ok();
    assert!(!page.contains("checkbox"), "nothing can be ended: {page}");
    let running = site.run(flow, 2, ("2026-11-27T08:00:00Z", None)).await;
    let page = site.get_as(&writer, &address(flow)).await.ok();
    let chosen = format!(
        "<input type=\"checkbox\" name=\"run\" value=\"{}.{}.1\" form=\"end-form\" aria-label=\"Choose the run Nightly rosters\">",
        flow.flow, running.run
    );
    assert!(page.contains(&chosen), "{page}");
    assert!(!page.contains(&format!("{}.{}.1", flow.flow, ended.run)), "{page}");
    assert!(page.contains("id=\"end-form\" method=\"post\" action=\"/ui/end\">"), "{page}");
    let reader = site.get_as(&site.visitor(Permission::ReadRuns), &address(flow)).await.ok();
    assert!(!reader.contains("checkbox") && !reader.contains("/ui/end"), "{reader}");
}
