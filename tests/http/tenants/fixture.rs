//! Two tenants of one server, and requests of one for rows of the other.

use flowruns_testing::fixtures::fresh_uuid;
use serde_json::{Value, json};

use super::matrix::Probe;
use crate::app::{App, TestResponse};

pub(super) const FLOWS: &str = "/industryData/incomingFlows";
const TENANT: &str = "b5c7d0e4-0f1f-4b62-8c57-8f3d8f6d2a10";
/// A text that is only in names and statistics of the other tenant.
const FOREIGN_TEXT: &str = "only-the-other-knows";

/// A flow and two of its runs.
pub(super) struct Ids {
    pub(super) flow: String,
    pub(super) run: String,
    pub(super) second: String,
}

impl Ids {
    fn random() -> Self {
        Self {
            flow: fresh_uuid().to_string(),
            run: fresh_uuid().to_string(),
            second: fresh_uuid().to_string(),
        }
    }

    fn all(&self) -> [&str; 3] {
        [&self.flow, &self.run, &self.second]
    }
}

/// Whose ids a request contains.
#[derive(Clone, Copy)]
pub(super) enum Side {
    Foreign,
    Absent,
    /// Ids that no other request contains.
    Unused,
}

pub(super) struct Fixture {
    pub(super) app: App,
    pub(super) other: App,
    pub(super) own: Ids,
    pub(super) foreign: Ids,
    pub(super) absent: Ids,
    unused: Ids,
    /// ETags of the other tenant's run and flow, and a link to the next page of its runs.
    pub(super) tags: [String; 2],
    pub(super) token: String,
}

async fn rows(app: &App, name: &str) -> Ids {
    let flow = app.post(FLOWS, json!({"displayName": name})).await;
    let flow = flow.json["id"].as_str().unwrap().to_owned();
    let run = json!({"displayName": name, "statistics": {name: 1}});
    let (first, second) = (app.run_of(&flow, run.clone()).await, app.run_of(&flow, run).await);
    Ids { flow, run: first.id, second: second.id }
}

impl Fixture {
    pub(super) async fn start() -> Self {
        let other = App::start().await;
        let app = other.as_tenant(TENANT);
        let (foreign, own) = (rows(&other, FOREIGN_TEXT).await, rows(&app, "own").await);
        let list = format!("{FLOWS}/{}/runs", foreign.flow);
        let tag = async |url: &str| other.get(url).await.header("etag").to_owned();
        let tags = [
            tag(&format!("{list}/{}", foreign.run)).await,
            tag(&format!("{FLOWS}/{}", foreign.flow)).await,
        ];
        let page = other.get(&format!("{list}?$top=1")).await;
        let next = page.json["@odata.nextLink"].as_str().unwrap();
        let token = next.split("skiptoken=").nth(1).unwrap().to_owned();
        Self { app, other, own, foreign, absent: Ids::random(), unused: Ids::random(), tags, token }
    }

    pub(super) fn other_run_url(&self) -> String {
        format!("{FLOWS}/{}/runs/{}", self.foreign.flow, self.foreign.run)
    }

    fn ids(&self, side: Side) -> &Ids {
        match side {
            Side::Foreign => &self.foreign,
            Side::Absent => &self.absent,
            Side::Unused => &self.unused,
        }
    }

    pub(super) async fn send(&self, probe: &Probe, side: Side) -> TestResponse {
        self.send_as(&self.app, probe, side).await
    }

    pub(super) async fn send_as(&self, app: &App, probe: &Probe, side: Side) -> TestResponse {
        let probe = probe.about(self.ids(side));
        let headers = probe.headers.iter();
        let mut headers: Vec<_> = headers.map(|(n, v)| (n.as_str(), v.as_str())).collect();
        headers.push(("client-request-id", "probe"));
        app.send(probe.method.clone(), &probe.url, &headers, &probe.body).await
    }

    /// Probes as the items of a batch.
    pub(super) async fn send_batch(&self, probes: &[Probe], side: Side) -> TestResponse {
        let items = probes.iter().enumerate().map(|(number, probe)| {
            let probe = probe.about(self.ids(side));
            // The batch is sent to the root, which the items' addresses are relative to.
            let mut headers = serde_json::Map::new();
            headers.insert("client-request-id".to_owned(), json!("probe"));
            headers.extend(probe.headers.into_iter().map(|(n, v)| (n, json!(v))));
            let url = match probe.url.strip_prefix("/beta") {
                Some(url) => url.to_owned(),
                None => probe.url,
            };
            let mut item = json!({"id": number.to_string(), "method": probe.method.as_str(),
                "url": url, "headers": headers});
            if let Ok(body) = serde_json::from_str::<Value>(&probe.body) {
                item["body"] = body;
            }
            item
        });
        let batch = json!({"requests": items.collect::<Vec<_>>()});
        self.app.post("/$batch", batch).await
    }

    /// Everything that the other tenant can read.
    pub(super) async fn everything_of_the_other(&self) -> Vec<String> {
        let flow = format!("{FLOWS}/{}", self.foreign.flow);
        let run = self.other_run_url();
        let second = format!("{flow}/runs/{}", self.foreign.second);
        let mut texts = Vec::new();
        for url in [
            flow.clone(),
            format!("{flow}/runs?$select=statistics,displayName"),
            format!("{run}/history"),
            format!("{second}/history"),
            run,
            second,
            FLOWS.to_owned(),
        ] {
            let response = self.other.get(&url).await;
            assert!(response.status.is_success(), "{response:?}");
            texts.push(response.body);
        }
        texts
    }

    /// Whether a response contains data of the other tenant. It may repeat the ids of the request.
    pub(super) fn reveals_the_other_tenant(&self, response: &TestResponse) -> bool {
        let headers = response.headers().values();
        let mut texts = headers.filter_map(|value| value.to_str().ok());
        let is_foreign =
            |text: &str| text.contains(FOREIGN_TEXT) || text.contains(&self.other.tenant);
        is_foreign(&response.body) || texts.any(is_foreign)
    }
}

/// A text in which the requested ids and the request id are replaced.
fn without(text: &str, ids: &Ids, request: &str) -> String {
    let mut text = text.replace(request, "{request}");
    for (id, name) in ids.all().into_iter().zip(["{flow}", "{run}", "{second}"]) {
        let simple = id.replace('-', "");
        text = text.replace(id, name).replace(&simple, name);
    }
    text
}

/// Status, headers and body of a response to a request with these ids.
pub(super) fn comparable(response: &TestResponse, ids: &Ids) -> (u16, Vec<String>, String) {
    let request = response.header("request-id");
    let headers = response.headers().iter();
    let mut headers: Vec<_> =
        headers.map(|(name, value)| without(&format!("{name}: {value:?}"), ids, request)).collect();
    headers.sort();
    let body = without(&response.body, ids, request);
    (response.status.as_u16(), headers, body)
}

/// An item of the response to a batch with these ids.
pub(super) fn comparable_item(item: &Value, ids: &Ids) -> String {
    let request = item["headers"]["request-id"].as_str().unwrap();
    without(&item.to_string(), ids, request)
}
