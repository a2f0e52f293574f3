//! Every request that names another tenant's rows, generated from the OpenAPI document, so that it covers every described route.

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use super::fixture::{Fixture, Ids};

const METHODS: [Method; 6] =
    [Method::GET, Method::PUT, Method::POST, Method::DELETE, Method::PATCH, Method::OPTIONS];
/// An id of the caller, or of the tenant that the request is about.
const OWNERS: [&str; 2] = ["own", "asked"];

/// A request whose URL, headers and body have placeholders for ids: `{asked flow}`, `{asked run}`, `{asked second}`.
#[derive(Clone, Debug)]
pub(super) struct Probe {
    pub(super) method: Method,
    pub(super) url: String,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: String,
    /// Whether every id is one that is asked for.
    pub(super) is_all_foreign: bool,
    is_open: bool,
}

impl Probe {
    /// The request about these ids.
    pub(super) fn about(&self, ids: &Ids) -> Self {
        let fill = |text: &str| {
            text.replace("{asked flow}", &ids.flow)
                .replace("{asked run}", &ids.run)
                .replace("{asked second}", &ids.second)
        };
        let headers = self.headers.iter();
        Self {
            url: fill(&self.url),
            headers: headers.map(|(n, v)| (n.clone(), fill(v))).collect(),
            body: fill(&self.body),
            ..self.clone()
        }
    }

    /// Whether it creates a run of the caller with another tenant's id.
    pub(super) fn may_create(&self) -> bool {
        self.method == Method::POST && !self.names_it_in_the_address()
    }

    fn names_it_in_the_address(&self) -> bool {
        self.url.split('?').next().unwrap().contains("{asked")
    }

    /// Whether a status reveals nothing: not found, rejected before a lookup, or a route without a token.
    pub(super) fn allows(&self, status: StatusCode) -> bool {
        match status {
            StatusCode::NOT_FOUND => true,
            StatusCode::BAD_REQUEST => {
                self.url.contains("skiptoken") || self.url.contains("filter")
            }
            _ => self.is_open || !self.names_it_in_the_address(),
        }
    }
}

/// An operation of the document.
struct Operation<'a> {
    path: &'a str,
    method: Method,
    described: &'a Value,
    names: Vec<&'a str>,
}

impl Operation<'_> {
    fn is_open(&self) -> bool {
        self.described["security"] == json!([{}])
    }

    fn body(&self) -> String {
        match &self.described["requestBody"]["content"]["application/json"]["example"] {
            Value::Null => String::new(),
            example => example.to_string(),
        }
    }

    /// Each combination of ids in the path, except those without an id of the other tenant.
    fn owners_of_ids(&self) -> Vec<Vec<&'static str>> {
        let all = 0..1_usize << self.names.len();
        let owners =
            |bits: usize| (0..self.names.len()).map(move |n| OWNERS[bits >> n & 1]).collect();
        all.skip(1).map(owners).collect()
    }
}

fn operations(document: &Value) -> Vec<Operation<'_>> {
    let mut operations = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in METHODS {
            let described = &item[method.as_str().to_lowercase()];
            if described.is_object() {
                operations.push(Operation {
                    path,
                    method,
                    described,
                    names: path
                        .split('{')
                        .skip(1)
                        .filter_map(|part| part.split('}').next())
                        .collect(),
                });
            }
        }
    }
    operations
}

/// The placeholder of an id in the path, or the id itself if it belongs to the caller.
fn id(fixture: &Fixture, name: &str, whose: &str) -> String {
    let kind = match name {
        "flowId" => "flow",
        "runId" => "run",
        "runId2" => "second",
        unknown => panic!("what is {unknown}? Say here which id it is"),
    };
    match (whose, kind) {
        ("own", "flow") => fixture.own.flow.clone(),
        ("own", "run") => fixture.own.run.clone(),
        ("own", _) => fixture.own.second.clone(),
        _ => format!("{{asked {kind}}}"),
    }
}

/// The path with its keys as segments, and in parentheses.
fn addresses(fixture: &Fixture, operation: &Operation<'_>, owners: &[&str]) -> [String; 2] {
    let mut forms = [operation.path.to_owned(), operation.path.to_owned()];
    for (name, whose) in operation.names.iter().zip(owners) {
        let id = id(fixture, name, whose);
        forms[0] = forms[0].replace(&format!("{{{name}}}"), &id);
        forms[1] = forms[1].replace(&format!("/{{{name}}}"), &format!("('{id}')"));
    }
    forms
}

/// A parameter of the document as headers and as a query, once for each value that is tried.
fn tried(
    fixture: &Fixture,
    operation: &Operation<'_>,
    name: &str,
) -> Vec<(Vec<(String, String)>, String)> {
    let header = |values: &[&str]| {
        let values = values.iter();
        values.map(|value| (vec![(name.to_owned(), (*value).to_owned())], String::new())).collect()
    };
    let option = |value: &str| vec![(Vec::new(), format!("?{name}={value}"))];
    let list = operation.path.trim_end_matches("/$count");
    let asked = match list.ends_with("incomingFlows") {
        true => "id%20eq%20'{asked flow}'",
        false => "id%20eq%20'{asked run}'",
    };
    let [run, flow] = &fixture.tags;
    match name {
        "flowId" | "runId" | "runId2" => Vec::new(),
        "client-request-id" => header(&["probe"]),
        "If-Match" | "If-None-Match" => header(&[run, flow, "*"]),
        "Prefer" => header(&["return=minimal"]),
        "Idempotency-Key" => header(&["{asked flow}-{number}"]),
        "$filter" => option(asked),
        "$skiptoken" => option(&fixture.token),
        "$top" | "$skip" => option("1"),
        "$count" => option("true"),
        "$select" => option("id,displayName"),
        "$orderby" => option("displayName"),
        "$expand" => option("process"),
        unknown => panic!("say here what to send as {unknown}"),
    }
}

fn parameters<'a>(operation: &'a Operation<'_>) -> impl Iterator<Item = &'a str> {
    let parameters = operation.described["parameters"].as_array().into_iter().flatten();
    parameters.map(|parameter| parameter["$ref"].as_str().unwrap().rsplit('/').next().unwrap())
}

/// Every route and method with another's ids in each position, plainly in each form and below each root, and in its first form
/// with each of its parameters.
pub(super) fn matrix(fixture: &Fixture) -> Vec<Probe> {
    let document: Value = serde_json::from_str(&flowruns_api::openapi_json().unwrap()).unwrap();
    let mut probes = Vec::new();
    for operation in operations(&document) {
        for owners in operation.owners_of_ids() {
            let forms = addresses(fixture, &operation, &owners);
            let probe = |url: String, headers: Vec<(String, String)>| Probe {
                method: operation.method.clone(),
                url,
                headers,
                body: operation.body(),
                is_all_foreign: !owners.contains(&"own"),
                is_open: operation.is_open(),
            };
            for form in &forms {
                probes.push(probe(form.clone(), Vec::new()));
                probes.push(probe(format!("/beta{form}"), Vec::new()));
            }
            for name in parameters(&operation) {
                let tried = tried(fixture, &operation, name).into_iter();
                probes.extend(
                    tried.map(|(headers, query)| probe(format!("{}{query}", forms[0]), headers)),
                );
            }
        }
        probes.extend(in_what_is_own(fixture, &operation));
    }
    // A run created with another tenant's id belongs to the caller afterwards.
    probes.sort_by_key(Probe::may_create);
    for (number, probe) in probes.iter_mut().enumerate() {
        for (_, value) in &mut probe.headers {
            *value = value.replace("{number}", &number.to_string());
        }
    }
    assert!(probes.len() > 200, "{}", probes.len());
    probes
}

/// Another's id, tag or cursor in a request to the caller's own rows: in the filter of a read, and as the id of a new run.
fn in_what_is_own(fixture: &Fixture, operation: &Operation<'_>) -> Vec<Probe> {
    let own = vec!["own"; operation.names.len()];
    let [url, _] = addresses(fixture, operation, &own);
    let is_creation_of_a_run = operation.method == Method::POST && url.ends_with("/runs");
    let probe = |url: String, body: String| Probe {
        method: operation.method.clone(),
        url,
        headers: Vec::new(),
        body,
        is_all_foreign: false,
        is_open: operation.is_open(),
    };
    if is_creation_of_a_run {
        let body = json!({"id": "{asked run}", "displayName": "mine", "startDateTime": "2026-01-01T00:00:00Z",
            "process": {"id": "{asked flow}"}});
        return vec![probe(url, body.to_string())];
    }
    if operation.method != Method::GET {
        return Vec::new();
    }
    let named = parameters(operation).filter(|name| ["$filter", "$skiptoken"].contains(name));
    let tried = named.flat_map(|name| tried(fixture, operation, name));
    tried.map(|(_, query)| probe(format!("{url}{query}"), String::new())).collect()
}

/// Every GET of the caller's own rows, with each of its options.
pub(super) fn own_reads(fixture: &Fixture) -> Vec<String> {
    let document: Value = serde_json::from_str(&flowruns_api::openapi_json().unwrap()).unwrap();
    let mut urls = Vec::new();
    for operation in operations(&document) {
        if operation.method != Method::GET {
            continue;
        }
        let own = vec!["own"; operation.names.len()];
        let [url, _] = addresses(fixture, &operation, &own);
        urls.push(url.clone());
        let options =
            parameters(&operation).filter(|name| name.starts_with('$') && *name != "$filter");
        let tried = options.flat_map(|name| tried(fixture, &operation, name));
        urls.extend(tried.map(|(_, query)| format!("{url}{query}")));
    }
    urls
}
