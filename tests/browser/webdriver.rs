//! A client of WebDriver (W3C) for Chromium: what the tests need of it, over reqwest.

use std::time::Duration;

use reqwest::{Client, Method};
use serde_json::{Value, json};

/// Longer than any command of a test takes, also on a loaded machine.
const COMMAND_DEADLINE: Duration = Duration::from_secs(90);
/// How long a script may take to call back, in milliseconds.
const SCRIPT_MILLIS: u64 = 60_000;

/// A session: a browser with a profile of its own.
pub(crate) struct Session {
    http: Client,
    url: String,
}

/// An element of the page.
#[derive(Debug)]
pub(crate) struct Element(String);

impl Session {
    /// Starts a browser.
    pub(crate) async fn start(driver: &str, capabilities: Value) -> Self {
        let http = Client::builder().timeout(COMMAND_DEADLINE).build().unwrap();
        let mut session = Self { http, url: format!("{driver}/session") };
        let body = json!({"capabilities": {"alwaysMatch": capabilities}});
        let started = session.send(Method::POST, "", body).await;
        session.url = format!("{driver}/session/{}", text(&started["sessionId"]));
        session.post("/timeouts", json!({"script": SCRIPT_MILLIS})).await;
        session
    }

    /// The URL of the session, which DELETE ends.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Opens a URL and waits until the page has loaded.
    pub(crate) async fn open(&self, url: &str) {
        self.post("/url", json!({"url": url})).await;
    }

    /// The URL of the page.
    pub(crate) async fn location(&self) -> String {
        text(&self.get("/url").await)
    }

    /// Loads the page again.
    pub(crate) async fn reload(&self) {
        self.post("/refresh", json!({})).await;
    }

    /// Goes back in the history.
    pub(crate) async fn back(&self) {
        self.post("/back", json!({})).await;
    }

    /// The first element that a CSS selector matches.
    pub(crate) async fn find(&self, selector: &str) -> Element {
        let by = json!({"using": "css selector", "value": selector});
        let found = self.post("/element", by).await;
        // The key is a constant of the specification.
        let reference = found.as_object().and_then(|members| members.values().next());
        Element(text(reference.unwrap()))
    }

    /// Clicks an element, which must be visible.
    pub(crate) async fn click(&self, selector: &str) {
        let Element(id) = self.find(selector).await;
        self.post(&format!("/element/{id}/click"), json!({})).await;
    }

    /// Types into an element.
    pub(crate) async fn type_into(&self, selector: &str, typed: &str) {
        let Element(id) = self.find(selector).await;
        self.post(&format!("/element/{id}/value"), json!({"text": typed})).await;
    }

    /// Presses and releases keys, one after the other. `\u{e004}` is Tab, `\u{e007}` Enter, `\u{e00c}` Escape.
    pub(crate) async fn press(&self, keys: &str) {
        let actions = keys.chars().flat_map(|key| {
            ["keyDown", "keyUp"].map(|kind| json!({"type": kind, "value": key.to_string()}))
        });
        let actions: Vec<Value> = actions.collect();
        let keyboard = json!({"type": "key", "id": "keyboard", "actions": actions});
        self.post("/actions", json!({"actions": [keyboard]})).await;
    }

    /// Presses a key while another one is held.
    pub(crate) async fn press_with(&self, held: char, key: char) {
        let steps = [("keyDown", held), ("keyDown", key), ("keyUp", key), ("keyUp", held)];
        let actions = steps.map(|(kind, key)| json!({"type": kind, "value": key.to_string()}));
        let keyboard = json!({"type": "key", "id": "keyboard", "actions": actions});
        self.post("/actions", json!({"actions": [keyboard]})).await;
    }

    /// Runs the body of a function in the page; its result.
    pub(crate) async fn run(&self, script: &str) -> Value {
        self.post("/execute/sync", json!({"script": script, "args": []})).await
    }

    /// Runs the body of a function whose last argument is the callback for its result.
    pub(crate) async fn run_async(&self, script: &str, arguments: Value) -> Value {
        self.post("/execute/async", json!({"script": script, "args": arguments})).await
    }

    /// Sends a command of the DevTools protocol.
    pub(crate) async fn devtools(&self, command: &str, parameters: Value) -> Value {
        self.post("/goog/cdp/execute", json!({"cmd": command, "params": parameters})).await
    }

    /// The entries of a log since the last call: `browser` is the console, `performance` the events of the DevTools protocol.
    pub(crate) async fn log(&self, kind: &str) -> Vec<Value> {
        let entries = self.post("/se/log", json!({"type": kind})).await;
        entries.as_array().cloned().unwrap()
    }

    /// A picture of the visible part of the page: a PNG, in base64.
    pub(crate) async fn screenshot(&self) -> String {
        text(&self.get("/screenshot").await)
    }

    /// Opens a tab and shows it; its handle.
    pub(crate) async fn open_tab(&self) -> String {
        let tab = self.post("/window/new", json!({"type": "tab"})).await;
        let handle = text(&tab["handle"]);
        self.show_tab(&handle).await;
        handle
    }

    /// The handle of the tab that commands go to.
    pub(crate) async fn tab(&self) -> String {
        text(&self.get("/window").await)
    }

    /// Sends commands to this tab from now on, and shows it.
    pub(crate) async fn show_tab(&self, handle: &str) {
        self.post("/window", json!({"handle": handle})).await;
    }

    async fn get(&self, path: &str) -> Value {
        self.send(Method::GET, path, Value::Null).await
    }

    async fn post(&self, path: &str, body: Value) -> Value {
        self.send(Method::POST, path, body).await
    }

    async fn send(&self, method: Method, path: &str, body: Value) -> Value {
        let mut request = self.http.request(method, format!("{}{path}", self.url));
        if !body.is_null() {
            request = request.json(&body);
        }
        let response = request.send().await.unwrap_or_else(|error| panic!("{path}: {error:?}"));
        let status = response.status();
        let mut response: Value = response.json().await.unwrap();
        let error = &response["value"];
        assert!(status.is_success(), "{path}: {}: {}", error["error"], error["message"]);
        response["value"].take()
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text")).to_owned()
}
