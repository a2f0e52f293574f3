//! The response of the application.

use axum::http::{HeaderMap, StatusCode};
use serde_json::Value;

/// A response whose body was read.
#[derive(Debug)]
pub(crate) struct TestResponse {
    pub(crate) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(crate) body: String,
    pub(crate) json: Value,
}

impl TestResponse {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub(crate) const fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// The specific code of an error, empty without one.
    pub(crate) fn code(&self) -> &str {
        self.json["error"]["innerError"]["code"].as_str().unwrap_or_default()
    }
}
