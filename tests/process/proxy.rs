//! Which peers may say which URL the client called.

use flowruns_testing::harness::{ServerProcess, data_folder};
use serde_json::Value;

use crate::server::start_with;

/// The context of the service document, for a peer at this address that sends the headers of a proxy.
async fn context(server: &ServerProcess, peer: &str) -> String {
    let client = reqwest::Client::builder().local_address(Some(peer.parse().unwrap()));
    let request = client
        .build()
        .unwrap()
        .get(server.url("/"))
        .header("x-forwarded-proto", "https")
        .header("x-forwarded-host", "flows.example");
    let document: Value = request.send().await.unwrap().json().await.unwrap();
    document["@odata.context"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_proxy_is_trusted_by_its_address() {
    let folder = data_folder();
    let trusted = [("FLOWRUNS_HTTP__TRUSTED_PROXIES", "127.0.0.2/32")];
    let server = start_with(&folder, &trusted);
    assert_eq!(context(&server, "127.0.0.2").await, "https://flows.example/$metadata");
    let own = server.url("/$metadata");
    assert_eq!(context(&server, "127.0.0.1").await, own);
}
