//! The first steps.

use flowruns_domain::run::Outcome;
use flowruns_http::auth::Permission;
use flowruns_testing::fixtures::fresh_tenant;

use crate::harness::Site;

#[tokio::test]
async fn without_flows_the_examples_create_one() {
    let page = Site::new().get("/ui/report").await.ok();
    for part in [
        "No run has been reported yet",
        "-d '{&quot;displayName&quot;:&quot;First flow&quot;}'",
        "http://127.0.0.1:8080",
        "flowruns exec --flow &quot;First flow&quot; --create-flow -- COMMAND",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
}

#[tokio::test]
async fn the_examples_name_a_flow_of_the_tenant_as_text() {
    let site = Site::new();
    let flow = site.flow("O'Brien <img src=x onerror=alert(1)>").await;
    let page = site.get("/ui/report").await.ok();
    assert!(
        page.contains("client.flow(&quot;O'Brien &lt;img src=x onerror=alert(1)&gt;&quot;)"),
        "{page}"
    );
    assert!(page.contains(&format!("FLOW={}", flow.flow)), "{page}");
    let exec = format!("flowruns exec --flow {} -- COMMAND", flow.flow);
    assert!(page.contains(&exec) && page.contains("data-copy=\"#way-exec\""), "{page}");
    assert!(!page.contains("<img"), "{page}");
    let json = site.get("/ui/report.json").await.json();
    assert_eq!(json["flow"]["id"], flow.flow.to_string());
}

#[tokio::test]
async fn the_first_run_is_linked_when_it_has_arrived() {
    let site = Site::new();
    let flow = site.flow("Rosters").await;
    let end = Some((Outcome::Failed, "2026-11-27T02:30:00Z"));
    let run = site.run(flow, 1, ("2026-11-27T02:00:00Z", end)).await;
    let link = format!("href=\"/ui/flows/{}/runs/{}\"", flow.flow, run.run);
    assert!(site.get("/ui/report").await.ok().contains(&link));
    let other = site.visitor_of(fresh_tenant(), Permission::WriteFlows);
    let page = site.get_as(&other, "/ui/report").await.ok();
    assert!(!page.contains(&flow.flow.to_string()), "{page}");
}
