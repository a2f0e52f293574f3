//! The search box.

use axum::http::StatusCode;
use flowruns_domain::{id::FlowKey, run::Outcome};
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
async fn upper_and_lower_case_of_a_name_do_not_matter_unless_two_flows_differ_by_them() {
    let site = Site::new();
    let rosters = site.flow("Écoles: Rosters").await;
    let (upper, lower) = (site.flow("FEES").await, site.flow("fees").await);
    let page = |flow: FlowKey| format!("/ui/flows/{}", flow.flow);
    assert_eq!(location(&site, "%C3%A9coles:+rosters").await, page(rosters));
    assert_eq!(location(&site, "FEES").await, page(upper));
    assert_eq!(location(&site, "fees").await, page(lower));
    assert_eq!(location(&site, "Fees").await, "/ui?name=Fees");
    let found = site.get("/ui?name=fE").await.ok();
    assert!(found.contains(&page(upper)) && found.contains(&page(lower)), "{found}");
    assert!(!found.contains(&page(rosters)), "{found}");
}

#[tokio::test]
async fn among_many_flows_a_name_is_found_in_any_case() {
    let site = Site::new();
    for number in 0..250 {
        site.flow(&format!("Import {number}")).await;
    }
    let last = site.flow("Zones").await;
    let page = format!("/ui/flows/{}", last.flow);
    assert_eq!(location(&site, "zONES").await, page);
    let found = site.get("/ui?name=zo").await.ok();
    assert!(found.contains(&page), "{found}");
    assert_eq!(found.matches("<tr class=\"pick").count(), 1, "{found}");
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
