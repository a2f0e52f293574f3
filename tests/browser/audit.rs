//! What is wrong with a page: its layout, console, accessibility tree, bytes and requests.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::webdriver::Session;

/// What a page did to load.
#[derive(Debug, Default)]
pub(crate) struct Load {
    /// The URLs that were requested over the network, without streams.
    pub(crate) requests: Vec<String>,
    /// Bytes of their responses on the wire, with headers.
    pub(crate) bytes: BTreeMap<String, u64>,
}

impl Load {
    /// The bytes of all responses.
    pub(crate) fn total_bytes(&self) -> u64 {
        self.bytes.values().sum()
    }

    /// The bytes of the responses whose URL ends like this.
    pub(crate) fn bytes_of(&self, end: &str) -> u64 {
        self.bytes.iter().filter(|(url, _)| url.ends_with(end)).map(|(_, bytes)| bytes).sum()
    }
}

/// What is wrong with the page: sideways scroll, layout shift, small targets, structure, hostile scripts, and names in the tree.
pub(crate) async fn audit(session: &Session) -> Vec<String> {
    let audited = session.run_async(include_str!("audit.js"), json!([])).await;
    let sentences = audited["found"].as_array().into_iter().flatten();
    let mut found: Vec<String> = sentences.map(|one| one.as_str().unwrap().to_owned()).collect();
    found.extend(unnamed_controls(session).await);
    found
}

/// Controls and landmarks of the accessibility tree that have no name.
async fn unnamed_controls(session: &Session) -> Vec<String> {
    const NAMED: [&str; 11] = [
        "button",
        "checkbox",
        "combobox",
        "dialog",
        "heading",
        "link",
        "navigation",
        "radio",
        "region",
        "searchbox",
        "textbox",
    ];
    let tree = session.devtools("Accessibility.getFullAXTree", json!({})).await;
    let nodes = tree["nodes"].as_array().unwrap();
    let is_unnamed = |node: &&Value| {
        let role = node["role"]["value"].as_str().unwrap_or_default();
        let name = node["name"]["value"].as_str().unwrap_or_default();
        node["ignored"] == json!(false) && NAMED.contains(&role) && name.trim().is_empty()
    };
    let unnamed = nodes.iter().filter(is_unnamed);
    unnamed.map(|node| format!("a {} without a name", node["role"]["value"])).collect()
}

/// The messages of the console since the last call, except that of the page itself with an error status, and that a sign-out
/// clears the cache.
pub(crate) async fn console(session: &Session) -> Vec<String> {
    let location = session.location().await;
    let entries = session.log("browser").await;
    let messages = entries.iter().map(|entry| entry["message"].as_str().unwrap().to_owned());
    let of_page = format!("{location} - Failed to load resource: the server responded with");
    let is_expected = |message: &String| {
        message.starts_with(&of_page) || message.contains("Clear-Site-Data header on")
    };
    messages.filter(|message| !is_expected(message)).collect()
}

/// What was loaded since the last call.
pub(crate) async fn load(session: &Session) -> Load {
    let mut load = Load::default();
    let mut urls = BTreeMap::new();
    for entry in session.log("performance").await {
        let message: Value = serde_json::from_str(entry["message"].as_str().unwrap()).unwrap();
        let (event, parameters) = (&message["message"]["method"], &message["message"]["params"]);
        let id = parameters["requestId"].as_str().unwrap_or_default().to_owned();
        match event.as_str().unwrap() {
            "Network.requestWillBeSent" => {
                let url = parameters["request"]["url"].as_str().unwrap();
                if url.starts_with("http") && parameters["type"] != json!("EventSource") {
                    urls.insert(id, url.to_owned());
                }
            }
            "Network.requestServedFromCache" => {
                urls.remove(&id);
            }
            "Network.responseReceived"
                if parameters["response"]["fromDiskCache"] == json!(true) =>
            {
                urls.remove(&id);
            }
            "Network.loadingFinished" => {
                if let Some(url) = urls.get(&id) {
                    let bytes = parameters["encodedDataLength"].as_f64().unwrap() as u64;
                    *load.bytes.entry(url.clone()).or_default() += bytes;
                }
            }
            _ => {}
        }
    }
    load.requests = urls.into_values().collect();
    load
}
