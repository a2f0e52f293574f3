//! Whom the process believes what the client called.

use serde_json::Value;

use crate::{
    program::data_folder,
    server::{Server, at},
};

/// The context of the service document, as it is told to a peer at this address that says it is a proxy.
async fn context(server: &Server, peer: &str) -> String {
    let client = reqwest::Client::builder().local_address(Some(peer.parse().unwrap()));
    let request = client
        .build()
        .unwrap()
        .get(at(server, "http://host/"))
        .header("x-forwarded-proto", "https")
        .header("x-forwarded-host", "flows.example");
    let document: Value = request.send().await.unwrap().json().await.unwrap();
    document["@odata.context"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_proxy_is_believed_by_its_address() {
    let folder = data_folder();
    let trusted = [("FLOWRUNS_HTTP__TRUSTED_PROXIES", "127.0.0.2/32")];
    let server = Server::start_with(&folder, &trusted);
    assert_eq!(
        context(&server, "127.0.0.2").await,
        "https://flows.example/$metadata"
    );
    let own = at(&server, "http://host/$metadata");
    assert_eq!(context(&server, "127.0.0.1").await, own);
}
