//! A person may do at the pages what the access token permits, as at the API.

use flowruns_testing::harness::ApiClient;
use serde_json::Value;

use crate::{
    browser::{Browser, Page},
    server::{Fixture, READ, people},
};

const WRITE: &str = "IndustryData-Run.ReadWrite.All IndustryData-InboundFlow.ReadWrite.All";
/// Where forms end runs.
const END: &str = "/ui/end";

/// A client of the API with a token of the same issuer that permits everything.
fn client(fixture: &Fixture) -> ApiClient {
    let mut claims = people(WRITE).access;
    claims["iss"] = fixture.issuer.name().into();
    claims["exp"] = 4_102_444_800_u64.into();
    let mut token = String::new();
    fixture.issuer.change_people(|people| token = people.key.token(&claims));
    ApiClient::new(&fixture.url(""), &token)
}

/// Sends the form that ends a run, with the token of a page.
async fn end(fixture: &Fixture, browser: &mut Browser, page: &Page, run: &str) -> Page {
    let token = page.text.split("name=\"token\" value=\"").nth(1).unwrap();
    let token = token.split('"').next().unwrap();
    let request = browser.request("POST", &fixture.url(END));
    let request = request.header("sec-fetch-site", "same-origin");
    let request = request.header("content-type", "application/x-www-form-urlencoded");
    browser.send(request.body(format!("token={token}&run={run}"))).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_who_may_only_read_sees_no_form_that_changes_a_run_and_cannot_send_one() {
    let fixture = Fixture::start().await;
    let client = client(&fixture);
    let run = client.create_run(&client.create_flow().await).await;
    let page = run.replace("/industryData/incomingFlows/", "/ui/flows/");
    let (flow, id) = page.trim_start_matches("/ui/flows/").split_once("/runs/").unwrap();
    let chosen = format!("{flow}.{id}.1");
    let form = format!("action=\"{END}\"");

    let mut reader = Browser::new();
    let shown = reader.open(&fixture.begin(&page)).await;
    assert_eq!((shown.status, shown.url.path()), (200, page.as_str()));
    assert!(!shown.text.contains(&form), "{}", shown.text);
    let rejected = end(&fixture, &mut reader, &shown, &chosen).await;
    rejected.assert(403, READ);

    fixture.issuer.change_people(|issued| issued.access = people(WRITE).access);
    let mut writer = Browser::new();
    let shown = writer.open(&fixture.begin(&page)).await;
    shown.assert(200, &form);
    assert_eq!(end(&fixture, &mut writer, &shown, &chosen).await.status, 200);
    // The form of one session is worth nothing in another.
    assert_eq!(end(&fixture, &mut reader, &shown, &chosen).await.status, 403);
    let stored: Value = client.get(&run).await.json;
    assert_eq!(stored["status"], "running", "nothing was confirmed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_of_another_tenant_does_not_find_a_run() {
    let fixture = Fixture::start().await;
    let client = client(&fixture);
    let run = client.create_run(&client.create_flow().await).await;
    let page = run.replace("/industryData/incomingFlows/", "/ui/flows/");
    let other = "2e0c5e0a-4f7b-4a35-9a5c-7b0f2d7f3c55";
    fixture.issuer.change_people(|people| people.access["tid"] = other.into());
    let shown = Browser::new().open(&fixture.begin(&page)).await;
    assert_eq!(shown.status, 404, "{}", shown.text);
}
