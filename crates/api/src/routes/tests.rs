//! The table of routes against the document that describes it.

use std::collections::{BTreeMap, BTreeSet};

const METHODS: [&str; 9] = [
    "get", "head", "delete", "options", "patch", "post", "put", "trace", "connect",
];
/// Files of a page that is described.
const NOT_DESCRIBED: &str = "/docs/{}";

/// A path with its parameters without names.
fn nameless(path: &str) -> String {
    let segments = path.split('/');
    let shown = segments.map(|segment| match segment.starts_with('{') {
        true => "{}",
        false => segment,
    });
    shown.collect::<Vec<_>>().join("/")
}

/// What a router serves. It can be asked by no other means than its `Debug`.
fn served() -> BTreeMap<String, BTreeSet<&'static str>> {
    let shown = format!("{:?}", super::everything());
    let mut paths = BTreeMap::new();
    let mut methods: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    // What answers all else has ids of its own.
    let routes = shown.split("fallback_router:").next().unwrap();
    for entry in routes.split("RouteId(").skip(1) {
        let (id, what) = entry.split_once("): ").unwrap();
        if let Some(handlers) = what.strip_prefix("MethodRouter(MethodRouter { ") {
            let is_there = |name: &&str| !handlers.contains(&format!("{name}: None"));
            methods.insert(id, METHODS.into_iter().filter(is_there).collect());
        } else if let Some(path) = what.strip_prefix('"') {
            paths.insert(id, path.split('"').next().unwrap());
        }
    }
    assert!(
        paths.len() > 20 && paths.keys().eq(methods.keys()),
        "{shown}"
    );
    let routes = paths.into_iter();
    routes
        .map(|(id, path)| (nameless(path), methods[id].clone()))
        .collect()
}

fn described() -> BTreeMap<String, BTreeSet<&'static str>> {
    let document: serde_json::Value =
        serde_json::from_str(&crate::openapi_json().unwrap()).unwrap();
    let paths = document["paths"].as_object().unwrap();
    let routes = paths.iter().map(|(path, item)| {
        let methods = METHODS.into_iter();
        let methods = methods.filter(|method| item[*method].is_object());
        (nameless(path), methods.collect())
    });
    routes.collect()
}

#[test]
fn the_document_has_every_route_and_no_other() {
    let mut served = served();
    served.retain(|path, _| !path.starts_with("/beta") && path != NOT_DESCRIBED);
    served.insert("/$batch".to_owned(), BTreeSet::from(["post"]));
    assert_eq!(served, described());
}

#[test]
fn every_route_of_the_model_is_below_beta_too() {
    let served = served();
    let (below, at_root): (Vec<_>, Vec<_>) =
        served.keys().partition(|path| path.starts_with("/beta/"));
    for path in at_root {
        let is_model = path.starts_with("/industryData") || path.starts_with("/$");
        let beta = format!("/beta{path}");
        assert_eq!(below.contains(&&beta), is_model || path == "/", "{path}");
    }
}
