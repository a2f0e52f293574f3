//! Several issuers, and one whose name has a placeholder for the tenant.

use std::fs;

use flowruns_testing::{
    harness::data_folder,
    issuer::{DISCOVERY_PATH, LocalIssuer, document},
    tokens::SigningKey,
};
use serde_json::json;

use crate::server::{AUDIENCE, Server, TENANT, claims, token};

#[tokio::test(flavor = "multi_thread")]
async fn each_of_several_issuers_signs_with_its_own_keys_only() {
    let (one, other) = (LocalIssuer::start().await, LocalIssuer::start().await);
    // Both keys have the same id.
    let (key, other_key) = (SigningKey::es256("key"), SigningKey::es256("key"));
    one.publish(&[&key]);
    other.publish(&[&other_key]);
    let folder = data_folder();
    let file = folder.path().join("flowruns.toml");
    let of = |issuer: &LocalIssuer| {
        let name = issuer.name();
        format!("[[auth.issuers]]\nissuer = {name:?}\naudience = [{AUDIENCE:?}, \"second\"]\n")
    };
    fs::write(&file, format!("{}{}", of(&one), of(&other))).unwrap();
    let server = Server::start(&[("FLOWRUNS_CONFIG", file.to_str().unwrap())]);
    server.until_accepted(&token(&one, &key, "one")).await;
    server.until_accepted(&token(&other, &other_key, "other")).await;
    let mut second = claims(one.name(), "second");
    second["aud"] = json!(["third", "second"]);
    assert_eq!(server.status(&key.token(&second)).await, 200);
    for crossed in [token(&one, &other_key, "a"), token(&other, &key, "b")] {
        assert_eq!(server.status(&crossed).await, 401);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_issuer_of_many_tenants_is_found_by_the_tenant_of_the_token() {
    let issuer = LocalIssuer::start().await;
    let key = SigningKey::rs256("key");
    issuer.publish(&[&key]);
    let name = format!("{}/{{tenantid}}/v2.0", issuer.name());
    issuer.set_document(document(&name, &issuer.keys_url()));
    let server = Server::start(&[
        ("FLOWRUNS_AUTH__ISSUER", &name),
        ("FLOWRUNS_AUTH__AUDIENCE", AUDIENCE),
        ("FLOWRUNS_AUTH__DISCOVERY_URL", &format!("{}{DISCOVERY_PATH}", issuer.name())),
    ]);
    let of = |tenant: &str| format!("{}/{tenant}/v2.0", issuer.name());
    let good = key.token(&claims(&of(TENANT), "good"));
    server.until_accepted(&good).await;
    let foreign = "2e0c5e0a-4f7b-4a35-9a5c-7b0f2d7f3c55";
    for wrong in [of(foreign), of("{tenantid}"), of(""), name.clone()] {
        let forged = key.token(&claims(&wrong, "forged"));
        assert_eq!(server.status(&forged).await, 401, "{wrong}");
    }
    let mut without = claims(&of(TENANT), "without");
    without.as_object_mut().unwrap().remove("tid");
    assert_eq!(server.status(&key.token(&without)).await, 401);
}
