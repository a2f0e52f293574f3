//! Requests of HTTP/1, and the client that sends them.

pub(crate) use flowruns_testing::harness::{DEADLINE as TEST_TIMEOUT, Http1Connection as Client};
use flowruns_testing::harness::{Http1Response as Response, request, request_head};

use crate::server::Server;

/// A request without a body that keeps the connection open.
pub(crate) fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: flowruns\r\n\r\n")
}

impl Server {
    /// The head of a report with a body of `length` bytes.
    pub(crate) fn report_head(&self, length: usize) -> String {
        self.report_head_with("", length)
    }

    /// The same for a client that waits for `100 Continue` before it sends the body.
    pub(crate) fn report_head_expecting_continue(&self, length: usize) -> String {
        self.report_head_with("Expect: 100-continue\r\n", length)
    }

    fn report_head_with(&self, headers: &str, length: usize) -> String {
        let path = format!("{}/{}", self.runs, self.run);
        let headers = format!("{headers}Content-Length: {length}\r\n");
        request_head("PATCH", &path, &self.token, &headers)
    }

    /// A whole report.
    pub(crate) fn report(&self, body: &str) -> String {
        format!("{}{body}", self.report_head(body.len()))
    }

    /// Creates the run.
    pub(crate) async fn create_run(&self) {
        let body = format!(r#"{{"id":"{}","displayName":"Run"}}"#, self.run);
        let request = request("POST", &self.runs, &self.token, &body);
        let response = Client::that_sent(self, request).await.response().await;
        assert_eq!(response.unwrap().status, 201);
    }

    /// Sends a request on a new connection, and reads its response.
    pub(crate) async fn send(&self, request: &str) -> Response {
        let mut client = Client::that_sent(self, request).await;
        let response = client.response().await;
        response.unwrap_or_else(|| panic!("no response to {request}"))
    }
}
