//! The search box.

use axum::http::StatusCode;
use flowruns_domain::run::Outcome;
use flowruns_http::auth::Permission;
use flowruns_testing::fixtures::fresh_tenant;

use crate::harness::Site;

const ENDED: (&str, Option<(Outcome, &str)>) =
    ("2026-11-27T02:00:00Z", Some((Outcome::Completed, "2026-11-27T02:30:00Z")));

async fn location(site: &Site, sought: &str) -> String {
    let shown = site.get(&format!("/ui/go?q={sought}")).await;
    assert_eq!(shown.status, StatusCode::SEE_OTHER, "{}", shown.body);
    shown.header("location").to_owned()
}

#[tokio::test]
async fn an_id_leads_to_its_run_or_flow_in_any_case() {
    let site = Site::new();
    let flow = site.flow("Rosters").await;
    let run = site.run(flow, 1, ENDED).await;
    let expected = format!("/ui/flows/{}/runs/{}", flow.flow, run.run);
    assert_eq!(location(&site, &run.run.to_string()).await, expected);
    assert_eq!(location(&site, &run.run.to_string().to_uppercase()).await, expected);
    assert_eq!(
        location(&site, &format!("+{}+", flow.flow)).await,
        format!("/ui/flows/{}", flow.flow)
    );
}

#[tokio::test]
async fn a_name_leads_to_its_flow_and_a_beginning_to_a_list() {
    let site = Site::new();
    let flow = site.flow("Rosters & fees").await;
    site.flow("Twice").await;
    site.flow("Twice").await;
    assert_eq!(location(&site, "Rosters+%26+fees").await, format!("/ui/flows/{}", flow.flow));
    assert_eq!(location(&site, "Ros").await, "/ui?name=Ros");
    assert_eq!(location(&site, "Twice").await, "/ui?name=Twice");
    assert_eq!(location(&site, "%3Cscript%3E").await, "/ui?name=%3Cscript%3E");
    assert_eq!(location(&site, "").await, "/ui");
    assert_eq!(location(&site, "+").await, "/ui");
}

#[tokio::test]
async fn another_tenant_finds_nothing() {
    let site = Site::new();
    let flow = site.flow("Rosters").await;
    let run = site.run(flow, 1, ENDED).await;
    let other = site.visitor_of(fresh_tenant(), Permission::WriteFlows);
    for id in [flow.flow.to_string(), run.run.to_string()] {
        let shown = site.get_as(&other, &format!("/ui/go?q={id}")).await;
        assert_eq!(shown.status, StatusCode::NOT_FOUND);
    }
    let shown = site.get_as(&other, "/ui/go?q=Rosters").await;
    assert_eq!(shown.header("location"), "/ui?name=Rosters");
}
