//! The metadata document, and its agreement with the responses.

use std::collections::{BTreeMap, BTreeSet};

use axum::http::{Method, StatusCode};
use flowruns_domain::{
    flow::{DataDomain, ReadinessStatus},
    run::RunStatus,
};
use roxmltree::{Document, Node};
use serde_json::{Value, json};

use crate::app::App;

const FLOWS: &str = "/industryData/incomingFlows";
const ID: &str = "0197f3a0-5c1e-7c3a-9d53-2f3a1b6c7d8e";

/// A type of the description: its properties by name, with their types and whether they may be null.
#[derive(Debug, Default)]
struct Type {
    base: Option<String>,
    is_open: bool,
    properties: BTreeMap<String, (String, bool)>,
    navigations: BTreeMap<String, String>,
}

struct Model(BTreeMap<String, Type>);

fn full_name(node: &Node<'_, '_>) -> String {
    format!("microsoft.graph.{}", node.attribute("Name").unwrap())
}

impl Model {
    fn read(document: &Document<'_>) -> Self {
        let is_type =
            |node: &Node<'_, '_>| ["EntityType", "ComplexType"].contains(&node.tag_name().name());
        let types = document.descendants().filter(is_type).map(|node| {
            let mut found = Type {
                base: node.attribute("BaseType").map(str::to_owned),
                is_open: node.attribute("OpenType") == Some("true"),
                ..Type::default()
            };
            for child in node.children().filter(Node::is_element) {
                let name = child.attribute("Name").unwrap_or_default().to_owned();
                let type_name = child.attribute("Type").unwrap_or_default().to_owned();
                match child.tag_name().name() {
                    "Property" => {
                        let may_be_null = child.attribute("Nullable") != Some("false");
                        assert!(found.properties.insert(name, (type_name, may_be_null)).is_none());
                    }
                    "NavigationProperty" => drop(found.navigations.insert(name, type_name)),
                    other => assert_eq!(other, "Key"),
                }
            }
            (full_name(&node), found)
        });
        Self(types.collect())
    }

    fn property(&self, type_name: &str, name: &str) -> Option<&(String, bool)> {
        let found = &self.0[type_name];
        let base = || self.property(found.base.as_deref()?, name);
        found.properties.get(name).or_else(base)
    }

    fn navigation(&self, type_name: &str, name: &str) -> &str {
        let found = &self.0[type_name];
        match found.navigations.get(name) {
            Some(target) => element(target),
            None => self.navigation(found.base.as_deref().unwrap(), name),
        }
    }

    /// Every property of a value is declared, and none is null that must not be.
    fn assert_describes(&self, type_name: &str, value: &Value) {
        for (name, member) in value.as_object().unwrap() {
            if name.starts_with('@') {
                continue;
            }
            let Some((member_type, may_be_null)) = self.property(type_name, name) else {
                assert!(self.0[type_name].is_open, "{type_name} has no {name}");
                continue;
            };
            assert!(*may_be_null || !member.is_null(), "{type_name}/{name}");
            let members = member.as_array().cloned().unwrap_or_else(|| vec![member.clone()]);
            for member in members.iter().filter(|member| member.is_object()) {
                self.assert_describes(element(member_type), member);
            }
        }
    }
}

fn element(type_name: &str) -> &str {
    let inner = type_name.strip_prefix("Collection(");
    inner.map_or(type_name, |inner| inner.strip_suffix(')').unwrap())
}

async fn description(app: &App, url: &str) -> String {
    let response = app.send_bare(Method::GET, url, &[("authorization", "")], "").await;
    assert_eq!(response.status, StatusCode::OK, "{url}");
    assert_eq!(response.header("content-type"), "application/xml;charset=utf-8");
    assert_eq!(response.header("odata-version"), "4.0");
    response.body
}

#[tokio::test]
async fn it_is_served_at_the_root_below_beta_and_relative_to_a_flow() {
    let app = App::start().await;
    let root = description(&app, "/$metadata").await;
    for url in ["/%24metadata", "/beta/$metadata", "/$metadata?$format=xml"] {
        assert_eq!(description(&app, url).await, root, "{url}");
    }
    let flow = description(&app, &format!("{FLOWS}/{ID}/$metadata")).await;
    let by_key = format!("/beta{FLOWS}('{ID}')/$metadata");
    assert_eq!(description(&app, &by_key).await, flow);
    let document = Document::parse(&flow).unwrap();
    let sets = document
        .descendants()
        .filter(|node| node.has_tag_name(("http://docs.oasis-open.org/odata/ns/edm", "EntitySet")));
    let sets: Vec<_> =
        sets.map(|set| (set.attribute("Name"), set.attribute("EntityType"))).collect();
    assert_eq!(sets, [(Some("runs"), Some("microsoft.graph.run"))]);
    let rejected = app.get("/$metadata?$format=json").await;
    assert_eq!((rejected.status, rejected.code()), (StatusCode::BAD_REQUEST, "invalidQueryOption"));
}

#[tokio::test]
async fn the_model_of_a_flow_needs_a_well_formed_id_and_does_not_reveal_whether_the_flow_exists() {
    let app = App::start().await;
    let of_flow = |id: &str| format!("{FLOWS}/{id}/$metadata");
    let existing = description(&app, &of_flow(&app.flow().await)).await;
    assert_eq!(description(&app, &of_flow(ID)).await, existing);
    let nil = "00000000-0000-0000-0000-000000000000";
    for url in [
        of_flow("bad"),
        of_flow(nil),
        of_flow(&ID.replace('-', "")),
        format!("/beta{FLOWS}('bad')/$metadata"),
        format!("{FLOWS}('{nil}')/$metadata"),
        format!("{FLOWS}({ID})/$metadata"),
    ] {
        let response = app.send_bare(Method::GET, &url, &[("authorization", "")], "").await;
        let rejected = (response.status, response.code());
        assert_eq!(rejected, (StatusCode::BAD_REQUEST, "invalidId"), "{url}");
    }
    let document = app.get("/openapi.json").await.json;
    let path = format!("{FLOWS}/{{flowId}}/$metadata");
    let responses = &document["paths"][path]["get"]["responses"];
    assert!(responses["400"].is_object() && responses["404"].is_null());
}

#[tokio::test]
async fn every_type_that_is_named_is_declared() {
    let app = App::start().await;
    let of_a_flow = format!("{FLOWS}/{ID}/$metadata");
    for url in ["/$metadata", &of_a_flow] {
        let xml = description(&app, url).await;
        let document = Document::parse(&xml).unwrap();
        let mut declared = BTreeSet::new();
        for node in document.descendants() {
            if ["EntityType", "ComplexType", "EnumType"].contains(&node.tag_name().name()) {
                assert!(declared.insert(full_name(&node)), "{}", full_name(&node));
            }
        }
        for node in document.descendants() {
            for name in
                ["Type", "BaseType", "EntityType"].iter().filter_map(|name| node.attribute(*name))
            {
                let name = element(name);
                assert!(name.starts_with("Edm.") || declared.contains(name), "{name}");
            }
        }
    }
}

#[tokio::test]
async fn enums_have_every_value_and_the_sentinel() {
    let app = App::start().await;
    let xml = description(&app, "/$metadata").await;
    let document = Document::parse(&xml).unwrap();
    let members = |name: &str| -> BTreeSet<String> {
        let is_it = |node: &Node<'_, '_>| {
            node.tag_name().name() == "EnumType" && node.attribute("Name") == Some(name)
        };
        let node = document.descendants().find(is_it).unwrap();
        node.children().filter_map(|member| member.attribute("Name")).map(str::to_owned).collect()
    };
    let known = |names: &[&str]| -> BTreeSet<String> {
        names.iter().chain(&["unknownFutureValue"]).map(|name| (*name).to_owned()).collect()
    };
    assert_eq!(members("runStatus"), known(&RunStatus::ALL.map(|status| status.as_str())));
    assert_eq!(
        members("readinessStatus"),
        known(&ReadinessStatus::ALL.map(|status| status.as_str()))
    );
    assert_eq!(members("incomingDomain"), known(&DataDomain::ALL.map(|domain| domain.as_str())));
    assert_eq!(members("runAction"), known(&["created", "updated", "deleted"]));
}

#[tokio::test]
async fn every_property_of_a_response_is_declared() {
    let app = App::start().await;
    let full = json!({"code": "c", "message": "m", "target": "t", "details": [{"code": "c", "message": "m", "target": "t"}],
        "innerError": {"code": "c", "message": "m", "target": "t", "details": [{"code": "c"}]}});
    let run = app
        .run(json!({"displayName": "R", "status": "failed", "endDateTime": "2026-03-02T11:00:00Z", "blockingError": full,
            "statistics": {"rows": {"n": 1}}}))
        .await;
    let bare = app.run_of(&run.flow, json!({"displayName": "R"})).await;
    let xml = description(&app, "/$metadata").await;
    let model = Model::read(&Document::parse(&xml).unwrap());
    let hub = "microsoft.graph.industryDataHub";
    let flow_type = model.navigation(hub, "incomingFlows");
    let run_type = model.navigation(flow_type, "runs");
    let event_type = model.navigation(run_type, "history");
    assert_eq!(model.navigation(hub, "runs"), run_type);
    assert_eq!(model.navigation(run_type, "process"), "microsoft.graph.process");

    for url in [&run.url, &bare.url] {
        model.assert_describes(run_type, &app.get(url).await.json);
        model.assert_describes(flow_type, &app.get(&format!("{url}/process")).await.json);
        for event in app.history(url).await {
            model.assert_describes(event_type, &event);
        }
    }
    let runs = app.get(&run.list_url()).await;
    for item in runs.json["value"].as_array().unwrap() {
        model.assert_describes(run_type, item);
    }
    // Every declared property occurs in a response.
    let stored = app.get(&run.url).await.json;
    for name in model.0[run_type].properties.keys() {
        assert!(stored.get(name).is_some(), "{name}");
    }
}

#[tokio::test]
async fn the_service_document_links_to_the_description() {
    let app = App::start().await;
    for (url, root) in [("/", ""), ("/beta", "/beta"), ("/beta/", "/beta")] {
        let response = app
            .send_bare(Method::GET, url, &[("authorization", ""), ("host", "flows.example")], "")
            .await;
        let expected = json!({"@odata.context": format!("http://flows.example{root}/$metadata"), "value": [
            {"name": "industryData", "kind": "Singleton", "url": format!("http://flows.example{root}/industryData")}]});
        assert_eq!((response.status, &response.json), (StatusCode::OK, &expected), "{url}");
    }
    let run = app.run(json!({"displayName": "R"})).await;
    let context = app.get(&format!("/beta{}", run.url)).await.json["@odata.context"].clone();
    let (described, fragment) = context.as_str().unwrap().split_once('#').unwrap();
    let path = described.strip_prefix("http://localhost").unwrap();
    let xml = description(&app, path).await;
    let document = Document::parse(&xml).unwrap();
    // The path begins at the singleton and follows navigation properties.
    let singleton =
        document.descendants().find(|node| node.tag_name().name() == "Singleton").unwrap();
    let mut steps = fragment.split('/').map(|step| step.split('(').next().unwrap());
    assert_eq!(singleton.attribute("Name"), steps.next());
    let model = Model::read(&document);
    let last = steps
        .filter(|step| *step != "$entity")
        .fold(singleton.attribute("Type").unwrap(), |from, step| model.navigation(from, step));
    assert_eq!(last, "microsoft.graph.run");
}

#[tokio::test]
async fn the_root_sends_browsers_to_the_pages_and_everybody_else_to_the_service_document() {
    const BROWSER: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
    let with_pages = App::start_with(|options| options.pages = Some("/ui")).await;
    let get = async |app: &App, url: &str, accept: &'static str| {
        let prefix = ("x-forwarded-prefix", "/team");
        let headers =
            [("authorization", ""), ("host", "flows.example"), ("accept", accept), prefix];
        app.get_from("127.0.0.1", url, &headers).await
    };
    let sent = get(&with_pages, "/", BROWSER).await;
    assert_eq!(sent.status, StatusCode::SEE_OTHER);
    assert_eq!(sent.headers()["location"], "http://flows.example/team/ui");
    assert!(sent.headers().get_all("vary").iter().any(|value| value == "Accept"));
    for (url, accept) in
        [("/", "*/*"), ("/", "application/json"), ("/?$format=json", BROWSER), ("/beta", BROWSER)]
    {
        let response = get(&with_pages, url, accept).await;
        assert_eq!(response.status, StatusCode::OK, "{url} {accept}");
        assert_eq!(response.json["value"][0]["name"], "industryData", "{url} {accept}");
        let varies = response.headers().get_all("vary").iter().any(|value| value == "Accept");
        assert_eq!(varies, url == "/", "{url}");
    }
    let without_pages = App::start().await;
    let response = get(&without_pages, "/", BROWSER).await;
    assert_eq!(response.status, StatusCode::OK);
}
